package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
)

func TestSignIn(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize()).at("login", "initial").says("Sign in", "to continue to Demo Shop").password("ana")
	p = p.at("totp", "initial").says("Signing in as ana@example.com").press("Continue", "code", a.code(0))
	p = p.at("consent", "initial").says("Demo Shop wants access", "shop.test", "See your email address: ana@example.com")
	if q := p.press("Allow").client(); q.Get("code") == "" || q.Get("state") != "st" {
		t.Errorf("the client got %v", q)
	}
	if q := b.open(s.authorize()).client(); q.Get("code") == "" {
		t.Errorf("the second time the client got %v", q)
	}
	b.open("/account").at("security", "on").says("Authenticator app", "10 of 10 left")
}

func TestSignInWithoutAuthenticator(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").at("consent", "initial").press("Allow").client()
	other := s.newBrowser()
	other.open(s.authorize()).password("ana").client() // remembered
}

func TestLoginFaults(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize()).at("login", "initial")
	p = p.press("Sign in").at("login", "required").answers(200).says("Enter your email or username", "Enter your password")
	p = p.press("Sign in", "username", "ana").at("login", "required").says("Enter your password")
	for _, name := range []string{"ana", "nobody", "", " \x00 "} {
		want := "wrong"
		if name == "" {
			want = "required"
		}
		p = p.press("Sign in", "username", name, "password", "wrong").at("login", want)
		if got := attr(p.input("username"), "value"); name == "ana" && got != "ana" {
			t.Errorf("the name is now %q", got)
		}
	}
	p.reload().at("login", p.state)
	p.password("Ana@Example.com").at("consent", "initial")
}

func TestDisabledAccountLooksWrong(t *testing.T) {
	s := newSite(t)
	s.accounts.set(func(rows map[string]account.Account) {
		row := rows["ana"]
		row.Disabled = true
		rows["ana"] = row
	})
	s.newBrowser().open(s.authorize()).password("ana").at("login", "wrong")
}

func TestPasswordBudget(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize())
	for i := range 9 {
		p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "wrong")
		if i == 4 { // another browser does not get another budget
			p = s.newBrowser().open(s.authorize())
		}
	}
	p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "locked").answers(http.StatusTooManyRequests)
	p.says("Too many tries. You can try again in 15 minutes, at 14:20 UTC")
	if got := p.header.Get("Retry-After"); got != "900" {
		t.Errorf("Retry-After is %q", got)
	}
	p = p.password("ana").at("login", "locked") // not even the right one
	s.clock.forward(16 * time.Minute)
	p.reload().at("login", "initial").answers(200)
	p.press("Sign in", "username", "ben", "password", secret).at("consent", "initial")
	b.open(s.authorize()).password("ana").at("consent", "initial")
}

func TestStageTimeout(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("totp", "initial")
	s.clock.forward(11 * time.Minute)
	code := a.code(0)
	p = p.press("Continue", "code", code).at("login", "timeout").says("please enter your password again")
	if got := attr(p.input("username"), "value"); got != "ana" {
		t.Errorf("the name is %q, want it kept", got)
	}
	p.password("ana").at("totp", "initial").press("Continue", "code", code).at("consent", "initial")
}

func TestSessionIdle(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open("/account").password("ana").at("security", "off")
	for range 30 {
		s.clock.forward(20 * time.Minute)
		b.open("/account").at("security", "off")
	}
	s.clock.forward(time.Hour)
	b.open("/account").at("login", "expired").says("You were signed out because you were away").password("ana").at("security", "off")
	for range 36 {
		s.clock.forward(20 * time.Minute)
		if p := b.open("/account"); p.name == "login" {
			p.at("login", "expired")
			return
		}
	}
	t.Error("a session in use never ends")
}

func TestSessionCookie(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize())
	if b.cookie("vestibule-b") == "" || b.cookie("vestibule-s") != "" {
		t.Error("before the sign-in a browser needs a cookie of its own and no session")
	}
	p = p.password("ana").at("totp", "initial")
	if b.cookie("vestibule-s") != "" || len(s.sessions.rows) != 0 {
		t.Error("there is a session before the code was given")
	}
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
	first := b.cookie("vestibule-s")
	if first == "" || len(s.sessions.rows) != 1 {
		t.Errorf("after the code there is the session %q in %d rows", first, len(s.sessions.rows))
	}
	if _, ok := s.sessions.rows[first]; ok {
		t.Error("the session is stored under the cookie's value")
	}
	s.clock.forward(time.Minute)
	b.open(s.authorize("prompt", "login")).at("login", "initial").press("Sign in", "password", secret).at("totp", "initial").press("Continue", "code", a.code(0)).at("consent", "initial")
	if second := b.cookie("vestibule-s"); second == first || len(s.sessions.rows) != 1 {
		t.Errorf("stepping up left the cookie as it was, or %d sessions", len(s.sessions.rows))
	}
}

func TestPromptLoginFixesTheUser(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").press("Allow").client()
	s.clock.forward(time.Minute)
	p := b.open(s.authorize("prompt", "login")).at("login", "initial").says("Signing in as ana@example.com", "Use a different account")
	p.press("Sign in", "username", "ben", "password", secret).client()
	row := onlySession(t, s)
	if row.Login.Subject != "s-ana" {
		t.Errorf("the hidden name decided who signed in: %s", row.Login.Subject)
	}
	s.clock.forward(time.Minute)
	p = b.open(s.authorize("prompt", "login")).press("Use a different account").at("login", "initial")
	p.password("ben").at("consent", "initial").press("Allow").client()
	if row := onlySession(t, s); row.Login.Subject != "s-ben" {
		t.Errorf("the session is %s's, want ben's", row.Login.Subject)
	}
}

func onlySession(t *testing.T, s *site) interaction.Session {
	t.Helper()
	for _, row := range s.sessions.rows {
		if len(s.sessions.rows) == 1 {
			return row
		}
	}
	t.Fatalf("there are %d sessions, want 1", len(s.sessions.rows))
	return interaction.Session{}
}

func TestStepUpKeepsTheSID(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").press("Allow").client()
	before := onlySession(t, s)
	s.clock.forward(time.Minute)
	a := s.enrolled("s-ana") // on another device
	b.open(s.authorize()).at("totp", "initial").press("Continue", "code", a.code(0)).client()
	after := onlySession(t, s)
	if after.Login.Session != before.Login.Session || string(after.ID) == string(before.ID) {
		t.Error("a step-up must keep the sid and change the id")
	}
	if len(after.Login.Authentications) != 2 || !after.Expires.Equal(before.Expires) {
		t.Errorf("after the step-up the session has %v and ends %v, before %v", after.Login.Authentications, after.Expires, before.Expires)
	}
}

func TestPromptNone(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	ask := func(more ...string) string {
		t.Helper()
		return b.open(s.authorize(append([]string{"prompt", "none"}, more...)...)).client().Get("error")
	}
	if got := ask(); got != "login_required" {
		t.Errorf("without a session: %q", got)
	}
	p := b.open(s.authorize()).password("ana").at("consent", "initial")
	if got := ask(); got != "consent_required" {
		t.Errorf("without consent: %q", got)
	}
	p.press("Allow").client()
	if got := ask(); got != "" {
		t.Errorf("with all there: %q", got)
	}
	if got := ask("acr_values", "aal2"); got != "interaction_required" {
		t.Errorf("without an authenticator: %q", got)
	}
	if got := ask("login_hint", "ben"); got != "account_selection_required" {
		t.Errorf("for another user: %q", got)
	}
	s.clock.forward(10 * time.Second)
	if got := ask("max_age", "5"); got != "login_required" {
		t.Errorf("with an old password: %q", got)
	}
	s.enrolled("s-ana")
	if got := ask(); got != "login_required" {
		t.Errorf("with a code owed: %q", got)
	}
}

// TestSubjectBeforeHint: a client that names the user by a subject gets that user, also if the login_hint beside it means another.
func TestSubjectBeforeHint(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").press("Allow", "remember", "yes").client()
	named := func(subject string, more ...string) string {
		return s.authorize(append([]string{"claims", `{"id_token":{"sub":{"value":"` + subject + `"}}}`, "login_hint", "ben"}, more...)...)
	}
	for _, more := range [][]string{{"prompt", "none"}, {}} {
		if got := b.open(named("s-ana", more...)).client(); got.Get("code") == "" {
			t.Errorf("%q of the session's user leads to %v", more, got)
		}
	}
	if got := b.open(named("s-ben", "prompt", "none")).client().Get("error"); got != "login_required" {
		t.Errorf("of another user the client gets %q", got)
	}
	b.open(named("s-ana", "prompt", "select_account")).at("continue", "initial")
}

func TestAccountChooser(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").press("Allow").client()
	p := b.open(s.authorize("prompt", "select_account")).at("continue", "initial").says("Continue to Demo Shop as Ana Lima (ana@example.com)?")
	p.press("Continue").client()
	b.open(s.authorize("login_hint", "ANA@example.com")).client()
	p = b.open(s.authorize("login_hint", "ben")).at("continue", "initial").press("Use a different account").at("login", "initial")
	if got := attr(p.input("username"), "value"); got != "ben" {
		t.Errorf("the name is %q, want the hint", got)
	}
	p.press("Sign in", "password", secret).at("consent", "initial")
}

func TestLoginHintFillsIn(t *testing.T) {
	s := newSite(t)
	p := s.newBrowser().open(s.authorize("login_hint", "ana")).at("login", "initial")
	if got := attr(p.input("username"), "value"); got != "ana" || !has(p.input("password"), "autofocus") {
		t.Errorf("the name is %q, want the hint, and the focus on the password", got)
	}
}

func TestBackAndSendAgain(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	first := b.open(s.authorize()).at("login", "initial")
	s.clock.forward(time.Second)
	p := first.password("ana").at("totp", "initial")
	first.password("ana").at("totp", "initial") // Back, and the same again
	p = p.press("Continue", "code", a.code(0)).at("consent", "initial")
	first.password("ana").at("consent", "initial") // what was proved stays proved
	first.password("ben").at("consent", "initial").says("ben@example.com")
	p.reload().at("consent", "initial").says("ben@example.com").press("Allow").client()
	first.reload().at("error", "elsewhere").answers(http.StatusConflict).press("Continue to Demo Shop").client()
}

func TestTwoTabs(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	one := b.open(s.authorize("state", "one")).at("login", "initial")
	two := b.open(s.authorize("state", "two", "scope", "openid")).at("login", "initial")
	one = one.password("ana").at("consent", "initial")
	two = two.password("ana").at("consent", "initial")
	if got := two.press("Allow").client().Get("state"); got != "two" {
		t.Errorf("the second tab ended with state %q", got)
	}
	if got := one.press("Allow").client().Get("state"); got != "one" {
		t.Errorf("the first tab ended with state %q", got)
	}
	if got := one.press("Allow").client().Get("state"); got != "one" {
		t.Errorf("the second of two clicks ended with state %q", got)
	}
	s.clock.forward(11 * time.Second)
	one.press("Allow").at("error", "elsewhere").answers(http.StatusConflict)
}

func TestOtherBrowser(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b, thief := s.newBrowser(), s.newBrowser()
	thief.open(s.authorize()).at("login", "initial") // has a cookie of its own
	p := b.open(s.authorize()).at("login", "initial")
	thief.open(p.address.String()).at("error", "unknown").answers(http.StatusBadRequest)
	p = p.password("ana").at("totp", "initial")
	thief.open(p.address.String()).at("error", "unknown")
	action, form := p.form("Continue", "code", a.code(0))
	thief.post(action, form).at("error", "unknown")
	s.newBrowser().open(p.address.String()).at("error", "unknown") // nor one without any
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
}

func TestCookiesBlocked(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.http.Jar = nil
	p := b.open(s.authorize()).at("login", "initial").password("ana")
	p = p.at("error", "cookies").answers(http.StatusBadRequest).says("Your browser is blocking cookies", "Allow cookies for 127.0.0.1")
	p.press("Try again").at("login", "initial").password("ana").at("error", "cookies")
	b.http.Jar = b.jar
	p.press("Try again").at("login", "initial").password("ana").at("consent", "initial")
}

func TestExpiredFlow(t *testing.T) {
	s := newSite(t)
	s.enrolled("s-ana")
	b := s.newBrowser()
	sealed := b.open(s.authorize()).at("login", "initial")
	row := b.open(s.authorize()).password("ana").at("totp", "initial")
	s.clock.forward(61 * time.Minute)
	for _, p := range []*screen{sealed, row} {
		p = p.reload().at("error", "expired").answers(http.StatusGone).says("This sign-in took too long")
		p.press("Start again").at("login", "initial").says("Demo Shop").password("ana").at("totp", "initial")
	}
	sealed.password("ana").at("error", "expired")
}

func TestFlowsThatAreNone(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize())
	altered := strings.Replace(p.address.String(), "flow=r.", "flow=r.A", 1)
	for _, address := range []string{"/login/totp", "/login/totp?flow=", "/login?flow=nonsense", "/login?flow=r.", "/consent?flow=AAAAAAAAAAAAAAAAAAAAAA", altered} {
		b.open(address).at("error", "unknown").answers(http.StatusBadRequest)
	}
	b.open("/login").at("login", "initial").password("ana").at("security", "off")
	b.open("/consent?flow=AAAAAAAAAAAAAAAAAAAAAA").at("error", "elsewhere").answers(http.StatusConflict)
}

func TestStepsNotOwed(t *testing.T) {
	s := newSite(t)
	s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize())
	flow := attr(p.input("flow"), "value")
	paths := []string{"/login/totp", "/login/recovery", "/login/recovery/used", "/login/setup", "/login/continue", "/consent"}
	for _, path := range paths {
		b.post(path, map[string][]string{"flow": {flow}, "action": {"allow"}}).at("login", "initial")
		b.open(path+"?flow="+flow).at("login", "initial")
	}
	p = p.password("ana").at("totp", "initial")
	flow = attr(p.input("flow"), "value")
	for _, path := range append(paths[2:], "/login") {
		b.post(path, map[string][]string{"flow": {flow}, "action": {"allow"}, "username": {"ana"}, "password": {secret}}).at("totp", "initial")
		b.open(path+"?flow="+flow).at("totp", "initial")
	}
	if len(s.sessions.rows) != 0 {
		t.Error("there is a session without a code")
	}
}

func TestIDTokenHint(t *testing.T) {
	s := newSite(t)
	name := regexp.MustCompile(`(?i)\bana\b`) // a whole word: the sealed flow has any three letters now and then
	for _, tt := range []struct{ subject, name, want string }{
		{"s-ana", "ana", "consent"},
		{"s-ana", "ben", "client"},
		{"s-gone", "ana", "client"},
	} {
		b := s.newBrowser()
		ix := s.provider.Begin(assurance.Demand{Subject: tt.subject})
		ix.Client, ix.ClientName, ix.Scopes, ix.Redirect = "shop", "Demo Shop", []string{"openid"}, "https://shop.test/cb"
		shop, err := s.store.Client(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		ix.Registered = shop.Registration
		ix.Request = []byte(`{"id":"x","redirect":"https://shop.test/cb"}`)
		address := s.serveAuthorize(ix)
		p := b.open(address).at("login", "initial")
		if name.MatchString(p.body) {
			t.Errorf("a stranger with a hint at %s learns who that is:\n%s", tt.subject, p.text())
		}
		if p = p.password(tt.name); p.name != tt.want {
			t.Errorf("hint at %s, password of %s: %s (%s), want %s", tt.subject, tt.name, p.name, p.state, tt.want)
		}
		if tt.want == "client" && p.client().Get("error") != "login_required" {
			t.Errorf("hint at %s, password of %s: %v", tt.subject, tt.name, p.client())
		}
	}
}

func TestIDTokenHintWithSession(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	s.clock.forward(time.Minute)
	ix := s.provider.Begin(assurance.Demand{Subject: "s-ana", PromptLogin: true})
	ix.Client, ix.ClientName, ix.Scopes, ix.Redirect = "shop", "Demo Shop", []string{"openid"}, "https://shop.test/cb"
	p := b.open(s.serveAuthorize(ix)).at("login", "initial").says("Signing in as ana@example.com")
	if strings.Contains(p.text(), "Use a different account") {
		t.Error("somebody else may sign in where the client asked for one user")
	}
	p.press("Sign in", "password", secret).at("consent", "initial")
}

func TestRestingLoanIsTakenBack(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").at("consent", "initial")
	lent := b.open(s.authorize()).at("consent", "initial") // with the session's login
	clear(s.sessions.rows)                                 // signed out, say, by an operator
	lent.press("Allow").at("login", "initial")
}

// TestNamesHaveBudgets guesses under all names of an account: spellings of one share a budget, and two names do not.
func TestNamesHaveBudgets(t *testing.T) {
	s := newSite(t)
	p := s.newBrowser().open(s.authorize())
	for i := range 10 {
		p = p.press("Sign in", "username", []string{"ana", "\uff21na", " ANA "}[i%3], "password", "wrong")
	}
	p.at("login", "locked")
	s.newBrowser().open(s.authorize()).password("ANA").at("login", "locked")
	s.newBrowser().open(s.authorize()).password("ana@example.com").at("consent", "initial")
	s.clock.forward(16 * time.Minute)
	p = s.newBrowser().open(s.authorize())
	for range 9 { // right ones in between take back themselves and no other
		p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "wrong")
		s.newBrowser().open(s.authorize()).password("ana").at("consent", "initial")
	}
	p.press("Sign in", "username", "Ana", "password", "wrong").at("login", "locked")
}

// TestBusyHasherIsNoGuess turns right passwords away because too many wait.
func TestBusyHasherIsNoGuess(t *testing.T) {
	s := newSite(t)
	s.accounts.fail(account.ErrBusy)
	for range 12 {
		s.newBrowser().open(s.authorize()).password("ana").at("error", "busy")
	}
	s.accounts.fail(nil)
	s.newBrowser().open(s.authorize()).password("ana").at("consent", "initial")
}
