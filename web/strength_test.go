package web

import (
	"context"
	"crypto/rand"
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
	"vestibule/provider/audit"
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
	return s.giveDevice(subject, mfatest.NewKeyDevice())
}

// giveDevice is giveKey of that one.
func (s *site) giveDevice(subject string, d *mfatest.KeyDevice) (p mfa.Proof) {
	s.t.Helper()
	ctx, owner := s.t.Context(), rand.Text()
	view, err := mfatest.Begin(s.t, s.mfa, subject, owner, "key")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.mfa.Confirm(ctx, subject, owner, d.Enrol(s.t, view.Offer, s.clock.now()), ""); err != nil {
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
		"everybody":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, func(s *site) string { return s.authorize() }},
		"the group":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}}}, func(s *site) string { return s.authorize() }},
		"own pages":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, func(s *site) string { return "/account/security" }},
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
		"another group":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}}}, "ben"},
		"only reported":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}, ReportOnly: true}, "ana"},
		"to come":        {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}}}, "ana"},
	} {
		s := newPolicySite(t, mfa.Policy{})
		withKeys(s)
		s.configure(func(c *Config) { c.Policy = tt.policy })
		app := s.enrolled("s-" + tt.user)
		p := s.newBrowser().open(s.authorize()).password(tt.user).at("totp", "initial").press("Continue", "code", app.code(0))
		if name == "to come" {
			p = p.at("notice", "resistant").press("Not now")
		}
		p.at("consent", "initial")
		if reported := strings.Contains(s.log.String(), "policy.reported"); reported && !tt.policy.ReportOnly {
			t.Errorf("%s: reported what was not asked", name)
		}
	}
}

// comingSite has users need two steps now, and a key from 20 March 2026 on.
func comingSite(t *testing.T) *site {
	s := newPolicySite(t, mfa.Policy{})
	withKeys(s)
	s.configure(func(c *Config) {
		c.Policy.Rules = []mfa.Rule{{Must: mfa.Required}, {Must: mfa.PhishingResistant, From: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)}}
	})
	return s
}

const fromMarch = "From 20 March 2026 you need a second step that no false page can ask you for"

// TestStricterRuleToCome: what holds meanwhile holds, and whoever has less than what comes is told, and sets up that.
func TestStricterRuleToCome(t *testing.T) {
	s := comingSite(t)
	app := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).at("notice", "resistant").says(fromMarch)
	p = p.reload().at("notice", "resistant").press("Set it up now").at("setup", "initial")
	if p.address.Path != "/login/setup/key" {
		t.Errorf("the set-up is at %s, want that of a key", p.address.Path)
	}
	p.press("Cancel").at("consent", "initial").press("Allow", "remember", "yes").client()
	b.open("/account/security").at("security", "on").says(fromMarch)
	s.giveKey("s-ana")
	if p := b.open("/account/security").at("security", "on"); strings.Contains(p.text(), "From 20 March") {
		t.Error("the security page warns somebody who has a key")
	}
	s.clock.forward(time.Minute)
	b = s.newBrowser()
	b.open(s.authorize()).password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).client()

	p = s.newBrowser().open(s.authorize()).password("ben").at("setup", "initial").click("Add an authenticator app").at("setup", "initial")
	p.enrol().at("notice", "resistant").press("Not now").at("consent", "initial")
	s.clock.forward(20 * 24 * time.Hour)
	s.newBrowser().open(s.authorize()).password("ben").at("totp", "initial")
	s.newBrowser().open(s.authorize()).password("ana").at("key", "initial")
}

// TestWhatIsReported: a policy that only reports tells of sign-ins that it would have stopped, and not of those that it
// would have asked for a key that the user has.
func TestWhatIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		key  bool
		give func(p *screen, app phone) *screen
		want int
	}{
		"an app":                   {false, (*screen).give, 1},
		"the app beside a key":     {true, (*screen).give, 0},
		"a recovery code":          {false, (*screen).recover, 1},
		"a recovery code for both": {true, (*screen).recover, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPolicySite(t, mfa.Policy{})
			withKeys(s)
			events := &recorder{}
			s.configure(func(c *Config) {
				c.Journal.Recorder = events
				c.Policy = mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}, {Must: mfa.PhishingResistant, Group: "finance"}}, ReportOnly: true}
			})
			app := s.enrolled("s-ana")
			if tt.key {
				s.giveKey("s-ana")
			}
			s.clock.forward(time.Minute)
			tt.give(s.newBrowser().open(s.authorize()).password("ana"), app).at("consent", "initial").press("Allow").client()
			reported := events.of(audit.EventPolicyReported)
			if len(reported) != tt.want || tt.want > 0 && reported[0].Detail["why"] != "the group finance" {
				t.Errorf("reported %+v, want %d", reported, tt.want)
			}
		})
	}
}

// give gives the code of an app.
func (s *screen) give(app phone) *screen {
	s.t.Helper()
	return s.at("totp", "initial").press("Continue", "code", app.code(0))
}

// recover gives a recovery code, and goes on without new ones.
func (s *screen) recover(app phone) *screen {
	s.t.Helper()
	return s.click("Use a recovery code").press("Continue", "recovery", app.codes[0]).at("recovery-used", "initial").press("Continue to Demo Shop")
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
	for _, p := range []mfa.Policy{{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, {Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}}}} {
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
		"required":      {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}, client.Client{}, true, true}, // has one
		"the app":       {mfa.Policy{}, client.Client{TwoSteps: client.TwoStepsRequired}, false, true},
		"resistant app": {mfa.Policy{}, phr, false, false},
		"everybody":     {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, client.Client{}, false, false},
		"the group":     {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}}}, client.Client{}, false, false},
		"another group": {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "sales"}}}, client.Client{}, true, true},
		"reported":      {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}, ReportOnly: true}, phr, true, true},
		"to come":       {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, From: s.clock.now().Add(time.Second)}}}, client.Client{}, true, true},
	} {
		rules := signin.Rules{Policy: tt.policy, Accounts: s.accounts, MFA: s.mfa, Now: s.clock.now}
		for login, want := range map[*assurance.Login]bool{one: tt.one, app: tt.app, key: true} {
			if got, err := rules.Enough(t.Context(), tt.client, login); err != nil || got != want {
				t.Errorf("%s: %+v is enough: %v, %v, want %v", name, login.AMR(), got, err, want)
			}
		}
	}
}
