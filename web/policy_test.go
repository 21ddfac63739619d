package web

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// newPolicySite has a policy, and a client that lets nobody in without a second factor.
func newPolicySite(t *testing.T, p mfa.Policy) *site {
	t.Helper()
	s := newSite(t)
	s.configure(func(c *Config) { c.Policy = p })
	s.store.AddClient(client.Client{ID: "bank", Name: "Bank", TwoSteps: client.TwoStepsRequired, SecretHash: "sha256:x", RedirectURIs: []string{"https://bank.test/cb"}, Scopes: []string{"openid"}})
	s.accounts.set(func(rows map[string]account.Account) {
		ana := rows["ana"]
		ana.Groups = []string{"finance"}
		rows["ana"] = ana
	})
	return s
}

// bank is an authorization request of the client that obliges its users.
func (s *site) bank(more ...string) string {
	return s.authorize(append([]string{"client_id", "bank", "redirect_uri", "https://bank.test/cb", "scope", "openid"}, more...)...)
}

// enrol goes through the set-up that the screen shows.
func (s *screen) enrol() *screen {
	s.t.Helper()
	p := s.at("setup", "initial").press("Continue", "code", s.phone().code(0)).at("codes", "initial")
	return p.press("Turn on two-step verification", "saved", "yes")
}

// TestPolicyObliges walks each rule: who must enrols inside the sign-in and comes out at the client.
func TestPolicyObliges(t *testing.T) {
	for name, tt := range map[string]struct {
		policy mfa.Policy
		user   string
		bank   bool
		must   bool
	}{
		"everybody":               {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}, "ben", false, true},
		"a member of the group":   {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, Group: "finance"}}}, "ana", false, true},
		"not a member":            {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, Group: "finance"}}}, "ben", false, false},
		"the app":                 {mfa.Policy{}, "ben", true, true},
		"another app":             {mfa.Policy{}, "ben", false, false},
		"everybody, report only":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}, ReportOnly: true}, "ben", false, false},
		"the group, report only":  {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, Group: "finance"}}, ReportOnly: true}, "ana", false, false},
		"the app, report only":    {mfa.Policy{ReportOnly: true}, "ben", true, false},
		"the group before a date": {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, {Must: mfa.Required, Group: "finance"}}}, "ana", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPolicySite(t, tt.policy)
			b := s.newBrowser()
			address := s.authorize()
			if tt.bank {
				address = s.bank()
			}
			p := b.open(address).password(tt.user)
			if !tt.must {
				p.at("consent", "initial").press("Allow", "remember", "yes").client()
				b.open(address).client()
				return
			}
			p.reload().at("setup", "initial")
			b.open(address).at("setup", "initial") // the session alone is worth nothing
			if p := b.open(address + "&prompt=none"); p.client().Get("error") != "interaction_required" {
				t.Errorf("prompt=none answers %s", p.address)
			}
			p.enrol().at("consent", "initial").press("Allow").client()
			if row := onlySession(t, s); row.Login.ACR() != assurance.LevelTwo {
				t.Errorf("the session has %v", row.Login.Authentications)
			}
		})
	}
}

func TestPolicyWithAnOldSession(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{})
	b := s.newBrowser()
	b.open(s.authorize()).password("ben").press("Allow", "remember", "yes").client()
	s.clock.forward(40 * time.Minute)
	s.configure(func(c *Config) { c.Policy.Rules = []mfa.Rule{{Must: mfa.Required}} })
	if got := b.open(s.authorize("prompt", "none")).client().Get("error"); got != "interaction_required" {
		t.Errorf("prompt=none answers %q, want interaction_required", got)
	}
	b.open(s.authorize()).at("login", "initial").password("ben").enrol().client()
	b.open(s.authorize("prompt", "none")).client()
}

func TestPolicyCancelled(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}})
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("setup", "initial").press("Cancel and go back to Demo Shop")
	if got := p.client().Get("error"); got != "access_denied" {
		t.Errorf("the client hears %q", got)
	}
	p = b.open("/account/security").at("setup", "initial").press("Cancel and sign out").at("logged-out", "initial")
	p.open("/account/security").at("login", "initial")
}

// TestPolicyOnOwnPages: nothing of the account is shown to whoever must have an authenticator and has none.
func TestPolicyOnOwnPages(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}})
	b := s.newBrowser()
	b.open("/account/security").password("ana").at("setup", "initial")
	b.open("/account/recovery-codes").at("setup", "initial")
	b.open("/account/authenticators/new").enrol().at("security", "on")
}

func TestPolicyNotice(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)}}})
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("notice", "initial").says("From 20 March 2026 you need two-step verification", "Signing in as ana@example.com")
	p = p.reload().at("notice", "initial").press("Not now, continue to Demo Shop").at("consent", "initial")
	p.press("Allow", "remember", "yes").client()
	b.open(s.authorize()).client() // once a sign-in
	b.open("/account/security").at("security", "off").says("From 20 March 2026 you need two-step verification.")
	s.clock.forward(time.Second)
	b.open(s.authorize("prompt", "login")).password("ana").at("notice", "initial")

	s.newBrowser().open(s.authorize()).password("ana").press("Set it up now").at("setup", "initial").press("Cancel").client()
	b = s.newBrowser()
	p = b.open(s.authorize()).password("ana").press("Set it up now").enrol()
	p.client()
	s.clock.forward(time.Minute)
	if strings.Contains(b.open("/account/security").at("security", "on").text(), "From 20 March") {
		t.Error("the security page warns somebody who has done it")
	}

	s.clock.forward(20 * 24 * time.Hour)
	s.newBrowser().open(s.authorize()).password("ben").at("setup", "initial")
}

// recorder keeps the events.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
}

func (r *recorder) Record(_ context.Context, e audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) of(kind string) (found []audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func TestPolicyReportOnly(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}, ReportOnly: true})
	events := &recorder{}
	s.configure(func(c *Config) { c.Journal.Recorder = events })
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").at("consent", "initial").press("Allow", "remember", "yes").client()
	b.open(s.authorize()).client()
	b.open("/account/security").at("security", "off")
	reported := events.of(audit.EventPolicyReported)
	if len(reported) != 2 || reported[0].Subject != "s-ana" || reported[0].Client != "shop" || reported[0].Detail["why"] != "everybody" {
		t.Errorf("reported %+v, want two of ana at the shop", reported)
	}
	s.enrolled("s-ben")
	s.newBrowser().open(s.authorize()).password("ben").at("totp", "initial")
	if n := len(events.of(audit.EventPolicyReported)); n != 2 {
		t.Errorf("%d reports, want none of a user with an authenticator", n)
	}
	if got := strings.Count(s.log.String(), audit.EventPolicyReported); got != 2 || strings.Contains(s.log.String(), "ana@example.com") {
		t.Errorf("the log has %d reports, or names:\n%s", got, s.log)
	}
}

// TestReportOnlySwitchesOff: nothing that a rule or an app obliges to is held to, and what a request asks for is.
func TestReportOnlySwitchesOff(t *testing.T) {
	reportOnly := func(s *site) *site {
		s.configure(func(c *Config) { c.Policy.ReportOnly = true })
		return s
	}
	s, a := newRememberSite(t)
	reportOnly(s)
	b := s.remembered(a)
	b.open(s.bank()).password("ana").at("consent", "initial").press("Allow", "remember", "yes").client()
	b.open(s.authorize("acr_values", "aal2")).at("totp", "initial")
	s.newBrowser().open(s.bank()).password("ana").at("totp", "initial")
	s.newBrowser().open(s.authorize("claims", `{"id_token":{"acr":{"essential":true,"value":"aal2"}}}`)).password("ben").at("setup", "initial")

	s = reportOnly(comingSite(t))
	a = s.enrolled("s-ana")
	b = s.newBrowser()
	b.open(s.authorize()).password("ana").at("totp", "initial").press("Continue", "code", a.code(0)).at("consent", "initial").press("Allow").client()
	if p := b.open("/account/security").at("security", "on"); strings.Contains(p.text(), "From 20 March") {
		t.Error("the security page tells of a rule that is only reported")
	}
}

func TestLastFactorStays(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}})
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	remove := func(i int) *screen {
		status, err := s.mfa.Status(t.Context(), "s-ana")
		if err != nil {
			t.Fatal(err)
		}
		return b.open("/account/authenticators/" + status.Authenticators[i].ID + "/remove")
	}
	p := remove(0).at("security", "on").says("Add another authenticator before you remove this one")
	if !strings.Contains(p.body, `class="note warn"`) {
		t.Error("the refusal is no warning")
	}
	p = b.open("/account/security").at("security", "on").says("Add another authenticator before you remove this one", "Rename")
	if strings.Contains(p.text(), "Remove Authenticator") {
		t.Error("the page offers to remove what must stay")
	}
	s.clock.forward(time.Minute)
	other := b.open("/account/authenticators/new").at("setup", "initial")
	phone := other.phone()
	p = other.press("Continue", "code", phone.code(0)).at("security", "on").says("Remove Authenticator app")
	if strings.Contains(p.text(), "before you remove") {
		t.Error("the page says of one of two that it must stay")
	}
	s.clock.forward(time.Minute)
	first, second := remove(0).at("remove", "initial"), remove(1).at("remove", "initial")
	second.press("Remove", "password", secret, "code", a.code(0)).at("security", "on").says("was removed")
	first.press("Remove", "password", secret, "code", a.code(1)).at("security", "on").says("Add another authenticator before")
	if status, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || len(status.Authenticators) != 1 {
		t.Errorf("ana has %d authenticators (%v), want 1", len(status.Authenticators), err)
	}
	s.configure(func(c *Config) { c.Policy.ReportOnly = true })
	s.clock.forward(2 * time.Minute)
	remove(0).press("Remove", "password", secret, "code", a.code(0)).at("security", "off")
}

// TestLastFactorRace: what two tabs have checked before is checked again in the commit.
func TestLastFactorRace(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}})
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	s.clock.forward(time.Minute)
	p := b.open("/account/authenticators/new").at("setup", "initial")
	p.press("Continue", "code", p.phone().code(0)).at("security", "on")
	status, err := s.mfa.Status(t.Context(), "s-ana")
	if err != nil {
		t.Fatal(err)
	}
	s.clock.forward(time.Minute)
	form := b.open("/account/authenticators/" + status.Authenticators[1].ID + "/remove")
	atomic := s.mfa.Atomic
	s.mfa.Atomic = func(ctx context.Context, fn func(context.Context) error) error {
		s.mfa.Atomic = atomic
		if err := s.mfa.Store.Remove(ctx, "s-ana", status.Authenticators[0].ID); err != nil {
			return err
		}
		return atomic(ctx, fn)
	}
	if p := form.press("Remove", "password", secret, "code", a.code(0)); p.name != "security" || p.state == "off" {
		t.Errorf("the browser shows %s (%s)", p.name, p.state)
	}
	if left, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || len(left.Authenticators) != 1 {
		t.Errorf("%d authenticators are left (%v), want 1", len(left.Authenticators), err)
	}
}

func TestCodesRequiredAfterRecovery(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{NewCodes: true})
	a := s.enrolled("s-ana")
	s.clock.forward(time.Minute)
	b := s.newBrowser()
	p := s.totpAt(b).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial").says("9 left.")
	if strings.Contains(p.text(), "Continue") {
		t.Errorf("the page lets the user go on:\n%s", p.text())
	}
	action, form := p.form("Make new recovery codes")
	form.Set("action", "continue")
	p = b.post(action, form).at("recovery-used", "required").says("Make new recovery codes before you go on")
	b.open(s.authorize()).at("recovery-used", "initial").says("9 left.") // nor in another sign-in
	b.open("/account/security").at("recovery-used", "initial")
	fresh := p.press("Set up a new authenticator").at("setup", "initial")
	app := fresh.phone()
	fresh.press("Continue", "code", app.code(0)).at("recovery-used", "initial") // a new authenticator brings no new codes
	p = p.reload().press("Make new recovery codes").at("codes", "initial").press("Cancel").at("recovery-used", "initial")
	p = p.press("Make new recovery codes").at("codes", "initial")
	codes := p.codes()
	p.press("Use these new codes", "saved", "yes").at("consent", "initial").press("Allow", "remember", "yes").client()
	b.open("/account/security").at("security", "on")
	b.open(s.authorize()).client()
	s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", codes[0]).at("recovery-used", "initial")
}

// TestCodesRequiredInTwoTabs: a set that was made in one tab is enough for the other.
func TestCodesRequiredInTwoTabs(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{NewCodes: true})
	a := s.enrolled("s-ana")
	s.clock.forward(time.Minute)
	b := s.newBrowser()
	first := s.totpAt(b).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.clock.forward(time.Minute)
	b.open("/account/security").at("recovery-used", "initial").press("Make new recovery codes").at("codes", "initial").
		press("Use these new codes", "saved", "yes").at("security", "on")
	first.press("Make new recovery codes").at("consent", "initial")
	first.reload().at("consent", "initial").press("Allow").client()
}

// TestObligedMayLeave: whoever is held up may sign in as somebody else.
func TestObligedMayLeave(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}}, NewCodes: true})
	a := s.enrolled("s-ana")
	s.clock.forward(time.Minute)
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	p = p.press("Sign in as someone else").password("ben").at("notice", "initial").press("Sign in as someone else")
	p.at("login", "initial").password("ben").press("Not now").at("consent", "initial").press("Allow").client()
}

// TestSetUpSaysWhy tells whoever is made to set something up who wants it.
func TestSetUpSaysWhy(t *testing.T) {
	organisation := "Your organisation requires two-step verification. Set it up to go on; it takes about two minutes."
	for name, tt := range map[string]struct {
		policy  mfa.Policy
		address func(s *site) string
		want    string
	}{
		"everybody":            {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}, func(s *site) string { return s.authorize() }, organisation},
		"the group":            {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, Group: "finance"}}}, func(s *site) string { return s.authorize("acr_values", "aal2") }, organisation},
		"everybody, own pages": {mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}, func(s *site) string { return "/account/security" }, organisation},
		"the app":              {mfa.Policy{}, func(s *site) string { return s.bank() }, "Bank requires two-step verification. Set it up to go on"},
		"essential to the app": {mfa.Policy{}, func(s *site) string {
			return s.authorize("claims", `{"id_token":{"acr":{"essential":true,"value":"aal2"}}}`)
		}, "Demo Shop requires two-step verification."},
		"preferred by the app":  {mfa.Policy{}, func(s *site) string { return s.authorize("acr_values", "aal2") }, "Demo Shop would like two-step verification. You can also do this later."},
		"the user's own choice": {mfa.Policy{}, func(s *site) string { return "/account/authenticators/new" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newPolicySite(t, tt.policy)
			p := s.newBrowser().open(tt.address(s)).password("ana").at("setup", "initial").says(tt.want)
			p = p.press("Continue", "code", p.phone().wrong()).at("setup", "wrong").says(tt.want)
			if says := strings.Contains(p.text(), "two-step verification."); says != (tt.want != "") {
				t.Errorf("the page says why: %v", says)
			}
		})
	}
}

// TestRequiredAtAnHour: a date that is not a whole day is shown with its hour.
func TestRequiredAtAnHour(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: time.Date(2026, 3, 20, 15, 30, 0, 0, time.FixedZone("", 3600))}}})
	b := s.newBrowser()
	b.open("/account/security").password("ana").at("notice", "initial").says("From 20 March 2026 at 14:30 UTC you need two-step verification").
		press("Not now").at("security", "off").says("From 20 March 2026 at 14:30 UTC you need two-step verification.")
}

// TestCodesRequiredWhenNoneIsLeft: the last code may have been used before the policy was set.
func TestCodesRequiredWhenNoneIsLeft(t *testing.T) {
	s := newPolicySite(t, mfa.Policy{})
	a := s.enrolled("s-ana")
	for _, code := range a.codes {
		s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", code).at("recovery-used", "initial")
	}
	s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("consent", "initial")
	s.configure(func(c *Config) { c.Policy.NewCodes = true })
	s.clock.forward(time.Minute)
	p := s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("recovery-used", "initial").answers(http.StatusOK)
	p.says("You have no recovery codes left").press("Make new recovery codes").at("codes", "initial").
		press("Use these new codes", "saved", "yes").at("consent", "initial")
}

func TestSignInIsNoted(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	signedIn := func() time.Time {
		user, err := s.accounts.Account(t.Context(), "s-ana")
		if err != nil {
			t.Fatal(err)
		}
		return user.SignedIn
	}
	b := s.newBrowser()
	p := s.totpAt(b)
	if got := signedIn(); !got.IsZero() {
		t.Errorf("a password alone is noted as a sign-in at %s", got)
	}
	p.press("Continue", "code", a.code(0)).press("Allow", "remember", "yes").client()
	at := s.clock.now()
	s.clock.forward(time.Minute)
	b.open(s.authorize()).client()
	if got := signedIn(); !got.Equal(at) {
		t.Errorf("the last sign-in was at %s, want %s", got, at)
	}
}
