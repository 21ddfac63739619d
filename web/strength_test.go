package web

import (
	"context"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	mfatotp "vestibule/mfa/totp"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/web/signin"
)

// withKeys lets users have keys beside apps, and has a client that wants them.
func withKeys(s *site) {
	s.mfa.Kinds = []mfa.Kind{mfatotp.Kind{Issuer: "Vestibule"}, mfatest.Key{}}
	page := os.DirFS("testdata/card")
	card, err := fs.ReadFile(page, "factor-card.html")
	if err != nil {
		s.t.Fatal(err)
	}
	s.configure(func(c *Config) {
		c.Site.Factors = fstest.MapFS{"factor-key.html": {Data: []byte(strings.ReplaceAll(string(card), "card.js", "app.js"))}}
	})
	s.addVault()
}

func (s *site) addVault() {
	s.store.AddClient(client.Client{ID: "vault", Name: "Vault", TwoSteps: client.TwoStepsPhishingResistant, SecretHash: "sha256:x", RedirectURIs: []string{"https://vault.test/cb"}, Scopes: []string{"openid"}})
}

func (s *site) vault(more ...string) string {
	return s.authorize(append([]string{"client_id", "vault", "redirect_uri", "https://vault.test/cb", "scope", "openid"}, more...)...)
}

// giveKey sets a key up for the user, and returns what it proves.
func (s *site) giveKey(subject string) (p mfa.Proof) {
	s.t.Helper()
	ctx, owner := s.t.Context(), "key of "+subject
	view, err := mfatest.Begin(s.t, s.mfa, subject, owner, "key")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.mfa.Confirm(ctx, subject, owner, mfatest.NewKeyDevice().Enrol(s.t, view.Offer, s.clock.now()), ""); err != nil {
		s.t.Fatal(err)
	}
	if err := s.mfa.Activate(ctx, subject, owner, func(_ context.Context, made mfa.Proof) error { p = made; return nil }); err != nil {
		s.t.Fatal(err)
	}
	return p
}

const stronger = "A second step is needed that no false page can ask you for"

// TestAppIsNotEnough: whoever has an app proves it before a key is set up, and gets nowhere with it once there is one.
func TestAppIsNotEnough(t *testing.T) {
	for name, tt := range map[string]struct {
		policy mfa.Policy
		at     func(s *site) string
	}{
		"the client": {mfa.Policy{}, func(s *site) string { return s.vault() }},
		"everybody":  {mfa.Policy{TwoSteps: mfa.PhishingResistant}, func(s *site) string { return s.authorize() }},
		"the group":  {mfa.Policy{PhishingResistantGroups: []string{"finance"}}, func(s *site) string { return s.authorize() }},
		"own pages":  {mfa.Policy{TwoSteps: mfa.PhishingResistant}, func(s *site) string { return "/account/security" }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPolicySite(t, mfa.Policy{})
			withKeys(s)
			s.configure(func(c *Config) { c.Policy = tt.policy })
			app := s.enrolled("s-ana")
			p := s.newBrowser().open(tt.at(s)).password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).at("setup", "stronger").says(stronger)
			if p.address.Path != "/login/setup/key" {
				t.Errorf("the set-up is at %s, want that of a key", p.address.Path)
			}
			s.clock.forward(time.Minute)
			s.giveKey("s-ana")
			p = s.newBrowser().open(tt.at(s)).password("ana").at("key", "initial") // which is what is owed
			p.open("/login/totp?flow="+p.address.Query().Get("flow")).at("key", "initial")
		})
	}
}

// TestStrengthThatIsNotAsked: who is not meant is let in with an app, and who only hears of it in a report as well.
func TestStrengthThatIsNotAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		policy mfa.Policy
		user   string
	}{
		"another client": {mfa.Policy{}, "ana"},
		"another group":  {mfa.Policy{PhishingResistantGroups: []string{"finance"}}, "ben"},
		"only reported":  {mfa.Policy{TwoSteps: mfa.PhishingResistant, ReportOnly: true}, "ana"},
		"to come":        {mfa.Policy{TwoSteps: mfa.PhishingResistant, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, "ana"},
	} {
		s := newPolicySite(t, mfa.Policy{})
		withKeys(s)
		s.configure(func(c *Config) { c.Policy = tt.policy })
		app := s.enrolled("s-" + tt.user)
		s.newBrowser().open(s.authorize()).password(tt.user).at("totp", "initial").press("Continue", "code", app.code(0)).at("consent", "initial")
		if reported := strings.Contains(s.log.String(), "policy.reported"); reported && !tt.policy.ReportOnly {
			t.Errorf("%s: reported what was not asked", name)
		}
	}
}

// TestNobodyCanReachIt: an app that asks for what no kind here gives hears so, and a policy that does is a mistake.
func TestNobodyCanReachIt(t *testing.T) {
	s := newSite(t)
	s.addVault()
	app := s.enrolled("s-ana")
	q := s.newBrowser().open(s.vault()).password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).client()
	if q.Get("error") != "access_denied" || q.Get("code") != "" {
		t.Errorf("the client hears %v, want access_denied", q)
	}
	for _, p := range []mfa.Policy{{TwoSteps: mfa.PhishingResistant}, {PhishingResistantGroups: []string{"finance"}}} {
		c := s.config
		c.Policy = p
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "no kind of authenticator here is phishing-resistant") {
			t.Errorf("New with %+v: %v", p, err)
		}
	}
}

// TestEnoughByStrength: before tokens are given the rules are asked once more, as the pages hold them.
func TestEnoughByStrength(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{})
	withKeys(s)
	s.enrolled("s-ana")
	one := assurance.PasswordLogin("s-ana", 0, s.clock.now())
	app, key := one.Clone(), one.Clone()
	app.Authentications = append(app.Authentications, assurance.Authentication{Method: mfatotp.Method, Time: s.clock.now(), AMR: []string{"otp"}})
	if err := key.Add(s.giveKey("s-ana")); err != nil {
		t.Fatal(err)
	}
	if acr := key.ACR(); acr != assurance.LevelPhishingResistant {
		t.Fatalf("a key reaches %q", acr)
	}
	phr := client.Client{ID: "vault", TwoSteps: client.TwoStepsPhishingResistant}
	for name, tt := range map[string]struct {
		policy   mfa.Policy
		client   client.Client
		one, app bool
	}{
		"nothing":       {mfa.Policy{}, client.Client{}, true, true},
		"required":      {mfa.Policy{TwoSteps: mfa.Required}, client.Client{}, true, true}, // has one
		"the app":       {mfa.Policy{}, client.Client{TwoSteps: client.TwoStepsRequired}, false, true},
		"resistant app": {mfa.Policy{}, phr, false, false},
		"everybody":     {mfa.Policy{TwoSteps: mfa.PhishingResistant}, client.Client{}, false, false},
		"the group":     {mfa.Policy{PhishingResistantGroups: []string{"finance"}}, client.Client{}, false, false},
		"another group": {mfa.Policy{PhishingResistantGroups: []string{"sales"}}, client.Client{}, true, true},
		"reported":      {mfa.Policy{TwoSteps: mfa.PhishingResistant, ReportOnly: true}, phr, true, true},
		"to come":       {mfa.Policy{TwoSteps: mfa.PhishingResistant, From: s.clock.now().Add(time.Second)}, client.Client{}, true, true},
	} {
		rules := signin.Rules{Policy: tt.policy, Accounts: s.accounts, MFA: s.mfa, Now: s.clock.now}
		for login, want := range map[*assurance.Login]bool{one: tt.one, app: tt.app, key: true} {
			if got, err := rules.Enough(t.Context(), tt.client, login); err != nil || got != want {
				t.Errorf("%s: %+v is enough: %v, %v, want %v", name, login.AMR(), got, err, want)
			}
		}
	}
}
