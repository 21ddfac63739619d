package signin

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa/webauthn/webauthntest"
	"vestibule/provider/client"
)

// onlyKeys obliges everybody to a phishing-resistant factor.
func onlyKeys(c *config.Config) {
	servertest.OnLocalhost(c)
	c.TwoSteps = []config.TwoSteps{{Must: "phishing-resistant"}}
}

// TestPhishingResistantPolicy: who has nothing sets up a passkey, who has an app does so over its code, and who has both is
// asked for the passkey alone.
func TestPhishingResistantPolicy(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, onlyKeys, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		c := s.NewClient(t, "shop")
		s.AddUser("ana")
		device := webauthntest.New(s.Config.Issuer)
		v := c.Begin()
		p := v.SignIn(s.NewBrowser(t), "ana").At("setup", "initial")
		if p.Address.Path != "/login/setup/webauthn" {
			t.Errorf("the set-up is at %s", p.Address.Path)
		}
		p.Open("/login/setup/totp?flow="+url.QueryEscape(p.Address.Query().Get("flow"))).At("setup", "initial").KeyOptions()
		p = p.Press("Create a passkey", "response", p.KeyMade(device)).At("codes", "initial")
		p.RecoveryCodes()
		v.Finish(p.Press("Turn on two-step verification", "saved", "on").Allow()).Authenticated(t, "phr", s.Clock.Now(), "pwd", "hwk", "mfa")
		s.Clock.Advance(time.Minute)
		v = c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").At("webauthn", "initial").GiveKey(device)).Authenticated(t, "phr", s.Clock.Now(), "pwd", "hwk", "mfa")
	})
}

// TestPhishingResistantClient: a code does not stand for what the client asks of its users. It lets the user set that up.
func TestPhishingResistantClient(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		bank := s.NewClient(t, "bank", func(c *client.Client) { c.TwoSteps = client.TwoStepsPhishingResistant })
		phone := enrolApp(t, s, "ana")
		s.Clock.Advance(servertest.Step)
		v := bank.Begin()
		b := s.NewBrowser(t)
		p := v.SignIn(b, "ana").At("totp", "initial").GiveCode(phone.Code(0)).At("setup", "stronger")
		silent := bank.Begin("prompt", "none")
		silent.Refused(b.Twin().Open(silent.Address), "interaction_required")
		device := webauthntest.New(s.Config.Issuer)
		p = p.Press("Create a passkey", "response", p.KeyMade(device))
		if p.Name == "codes" {
			t.Fatal("recovery codes are made again")
		}
		got := v.Finish(p.Allow())
		if got.ACR != "phr" || !slices.Contains(got.AMR, "hwk") {
			t.Errorf("acr %s, amr %v", got.ACR, got.AMR)
		}
		s.Clock.Advance(servertest.Step)
		v = bank.Begin()
		p = v.SignIn(s.NewBrowser(t), "ana").At("webauthn", "initial")
		p.Open("/login/totp?flow="+url.QueryEscape(p.Value("flow"))).At("webauthn", "initial")
		p.Post("/login/totp", url.Values{"flow": {p.Value("flow")}, "code": {phone.Code(0)}}).At("webauthn", "initial")
		v.Finish(p.GiveKey(device)).Authenticated(t, "phr", s.Clock.Now(), "pwd", "hwk", "mfa")
	})
}

// enrolApp gives the user an authenticator app in the account, where there is a choice.
func enrolApp(t *testing.T, s *servertest.Site, name string) servertest.Phone {
	t.Helper()
	p := s.NewBrowser(t).Open("/account/setup/totp").GiveName(name, servertest.Password)
	p, phone := p.SetUp()
	p.At("security", "on")
	return phone
}

// TestPhishingResistantIsAskedFor: essential phr is a passkey or nothing, and neither tokens of before nor a remembered
// browser stand for it.
func TestPhishingResistantIsAskedFor(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) {
		servertest.OnLocalhost(c)
		c.RememberBrowser = 720 * time.Hour
	}, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		shop, phone := s.NewClient(t, "shop"), enrolApp(t, s, "ana")
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := shop.BeginOffline()
		family := v.Finish(v.SignIn(b, "ana").Press("Continue", "code", phone.Code(0), "remember", "on").Allow()).Token

		v = shop.Begin("claims", servertest.Essential("phr"))
		s.Clock.Advance(servertest.Step)
		p := b.Open(v.Address)
		if p.Name == "continue" {
			p = p.Press("Continue")
		}
		if p.Name == "totp" {
			p = p.GiveCode(phone.Code(0))
		}
		v.Refused(p.At("setup", "stronger").Press("Cancel"), "unmet_authentication_requirements")

		s.ChangeClient(t, "shop", func(c *client.Client) { c.TwoSteps = client.TwoStepsPhishingResistant })
		if _, err := shop.Refresh(family.RefreshToken); err == nil {
			t.Error("tokens of a code are refreshed for a client that asks for more by now")
		}
		s.ChangeClient(t, "shop", func(c *client.Client) { c.TwoSteps = client.TwoStepsOptional })
		if _, err := shop.Refresh(family.RefreshToken); err != nil {
			t.Errorf("refresh after the rule was taken back: %v", err)
		}

		s.Clock.Advance(s.Config.SessionLifetime)
		v = shop.Begin()
		v.Finish(b.Open(v.Address).At("login", "expired").GiveName("ana", servertest.Password)).Authenticated(t, "aal1", s.Clock.Now(), "pwd") // spared the code
		s.Clock.Advance(s.Config.SessionLifetime)
		b.Open(shop.Begin("acr_values", "phr").Address).At("login", "expired").GiveName("ana", servertest.Password).At("totp", "initial")
	})
}
