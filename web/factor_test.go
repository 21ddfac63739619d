package web

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/provider/audit"
	"vestibule/web/signin"
)

// TestKindOfAnother signs in with a kind of authenticator that the pages do not know.
func TestKindOfAnother(t *testing.T) {
	s := newSite(t)
	s.withCards()
	log := s.withLog()
	c := s.card("s-ana")
	b := s.newBrowser()
	p := s.cardAt(b, "ana").answers(http.StatusOK).says("Use your Smart card", "Signing in as ana@example.com", "Use a recovery code")
	if strings.Contains(p.text(), "Use your authenticator app") {
		t.Error("the page offers a kind that the user has not")
	}
	p = p.press("Use the card", "mac", "zz").at("card", "format").says("That could not be read.")
	p = p.press("Use the card", "mac", "7469726564").at("card", "format").says("That could not be read.") // what the catalogue has no words for
	p = p.press("Use the card").at("card", "format")
	p = p.misuse().at("card", "wrong").says("That is not right.", "Wrong so far: 1")
	p.use(c).at("consent", "initial").press("Allow").client()
	var kinds []string
	for _, e := range log.events {
		kinds = append(kinds, e.Kind)
		if e.Kind == audit.EventSignedIn && (e.Detail["amr"] != "pwd sc mfa" || e.Detail["factor"] != "card") {
			t.Errorf("the session is opened with %v", e.Detail)
		}
	}
	if !slices.Contains(kinds, "auth.card.failed") || !slices.Contains(kinds, "auth.card.ok") {
		t.Errorf("recorded: %v", kinds)
	}
	b.open("/account/activity").says("Signed in with the password and an authenticator (Smart card).", "A wrong answer was given after the right password (Smart card).")
}

// TestCardImpatience has the button pressed twice: the second answer is the first one's, and counts nothing.
func TestCardImpatience(t *testing.T) {
	s := newSite(t)
	s.withCards()
	log := s.withLog()
	s.card("s-ana")
	p := s.cardAt(s.newBrowser(), "ana")
	action, form := p.form("Use the card", "mac", "00")
	for range 7 {
		p.post(action, form).at("card", "wrong").says("Wrong so far: 1")
	}
	s.clock.forward(11 * time.Second)
	p.post(action, form).at("card", "challenge").says("Wrong so far: 1") // that challenge is over
	if failed := slices.DeleteFunc(log.events, func(e audit.Event) bool { return e.Kind != "auth.card.failed" }); len(failed) != 1 {
		t.Errorf("recorded: %v", failed)
	}
}

// TestScriptOfAKind: a kind's page alone has its script, from our own origin.
func TestScriptOfAKind(t *testing.T) {
	s := newSite(t)
	s.withCards()
	s.card("s-ana")
	p := s.cardAt(s.newBrowser(), "ana")
	var scripts []string
	for _, n := range p.all("script") {
		scripts = append(scripts, attr(n, "src"))
	}
	if len(scripts) != 2 || !strings.HasSuffix(scripts[1], "/card.js") {
		t.Fatalf("scripts: %q", scripts)
	}
	if got := p.open(scripts[1]); got.status != http.StatusOK || !strings.Contains(got.body, "A real kind") || !strings.HasPrefix(got.header.Get("Content-Type"), "text/javascript") {
		t.Errorf("the script is %d %s", got.status, got.header)
	}
	p.click("Use a recovery code")
	if other := s.newBrowser().open(s.authorize()); len(other.all("script")) != 1 {
		t.Error("another page has the script too")
	}
}

// TestCardLock: a kind has a budget and a locked page of its own.
func TestCardLock(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c, app := s.card("s-ana"), s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Smart card").at("card", "initial")
	for _, want := range []string{"wrong", "wrong", "few", "few", "locked"} {
		p = p.misuse().at("card", want)
	}
	p.answers(http.StatusTooManyRequests).says("Too many wrong tries", "You can try again in 15 minutes, at 14:20 UTC", "Use your authenticator app", "Use a recovery code")
	if p.header.Get("Retry-After") == "" || strings.Contains(p.body, "data-card") {
		t.Error("the locked page has no Retry-After, or a challenge")
	}
	p = p.click("Try again").at("card", "locked")
	other := s.totpAt(s.newBrowser()).click("Smart card").at("card", "initial").use(c).at("card", "locked")
	other.click("Use your authenticator app").at("totp", "initial").press("Continue", "code", app.code(0)).at("consent", "initial")
	p.click("Use a recovery code").at("recovery", "initial").press("Continue", "recovery", c.codes[0]).at("recovery-used", "initial")
	s.clock.forward(16 * time.Minute)
	s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").click("Use another way: Smart card").at("card", "initial").use(c).at("consent", "initial")
}

// TestLockedAnswerIsNotTaken: during a lock a right answer proves nothing, and what began it begins at the password.
func TestLockedAnswerIsNotTaken(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	waiting := s.cardAt(s.newBrowser(), "ana")
	p := s.cardAt(s.newBrowser(), "ana")
	for range 5 {
		p = p.misuse()
	}
	waiting.use(c).at("card", "locked")
	s.clock.forward(15*time.Minute + time.Second)
	p.reload().at("login", "again").password("ana").at("card", "initial").use(c).at("consent", "initial")
}

// TestChallenges: an answer is to a challenge of this sign-in, this user and this moment, and only once.
func TestChallenges(t *testing.T) {
	s := newSite(t)
	s.withCards()
	ana, ben := s.card("s-ana"), s.card("s-ben")
	first := s.cardAt(s.newBrowser(), "ana")
	other := s.cardAt(s.newBrowser(), "ana")
	bens := s.cardAt(s.newBrowser(), "ben")

	_, form := first.form("Use the card", "mac", first.mac(ana))
	action, others := other.form("Use the card")
	_, theirs := bens.form("Use the card", "mac", bens.mac(ben))
	for what, from := range map[string]url.Values{"another sign-in": form, "another user": theirs, "nothing": {}, "nobody": {"challenge": {"made up"}, "mac": {"00"}}} {
		forged := url.Values{"flow": others["flow"], "form_id": {what}, "challenge": {from.Get("challenge")}, "mac": {from.Get("mac")}}
		if what == "nothing" {
			forged.Set("mac", other.mac(ana))
		}
		other.post(action, forged).at("card", "challenge").says("That answer belongs to another page, or came too late.")
	}
	if n := len(s.sessions.rows); n != 0 {
		t.Fatalf("%d sessions are open", n)
	}
	other = other.reload()
	for range 6 { // no try was counted
		other = other.reload()
	}
	other.use(ana).at("consent", "initial")

	p := first.use(ana).at("consent", "initial")
	first.post(action, form).at("consent", "initial") // the button was pressed twice
	p.press("Allow").client()
	s.clock.forward(time.Minute)
	first.post(action, form).at("error", "elsewhere")

	// The sign-in that asks once more has another challenge.
	b := first.visitor
	s.clock.forward(30 * time.Minute)
	again := b.open("/account/recovery-codes").at("card", "initial").says("Confirm it’s you")
	form.Set("flow", again.address.Query().Get("flow"))
	again.post(action, form).at("card", "challenge")
	again.reload().use(ana).at("codes", "none")
}

// TestReloadKeepsOtherTabs: the last challenges stay open, an older one does not, and none outlives the password's time.
func TestReloadKeepsOtherTabs(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	b := s.newBrowser()
	oldest := s.cardAt(b, "ana")
	before := oldest.reload()
	before.reload().reload()
	if oldest.asked().Sign == before.asked().Sign {
		t.Error("a reload shows the same challenge")
	}
	oldest.use(c).at("card", "challenge")
	before = before.reload()
	before.reload()
	before.use(c).at("consent", "initial")

	late := s.cardAt(s.newBrowser(), "ana")
	s.clock.forward(10*time.Minute + time.Second)
	late.use(c).at("login", "timeout").password("ana").at("card", "initial")
	action, form := late.form("Use the card", "mac", late.mac(c))
	late.post(action, form).at("card", "challenge") // the password was given anew: what was asked before it is over
}

// TestKindsInTurn: the sign-in goes to the kind that was used last, and each page leads to the others.
func TestKindsInTurn(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	s.cardAt(s.newBrowser(), "ana")
	s.clock.forward(time.Minute)
	app := s.enrolled("s-ana")
	p := s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").says("Use another way: Smart card", "Use a recovery code")
	p.click("Use a recovery code").at("recovery", "initial").says("Use your authenticator app").click("Use another way: Smart card").at("card", "initial").
		click("Use your authenticator app").at("totp", "initial").click("Use another way: Smart card").use(c).at("consent", "initial")
	s.clock.forward(time.Minute)
	s.newBrowser().open(s.authorize()).password("ana").at("card", "initial").
		click("Use your authenticator app").press("Continue", "code", app.code(0)).at("consent", "initial")
	s.clock.forward(time.Minute)
	s.totpAt(s.newBrowser())
}

// TestKindsSkipNothing: an address of a kind that the user has not, or that nobody has, opens nothing.
func TestKindsSkipNothing(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	app := s.enrolled("s-ben")
	b := s.newBrowser()
	p := s.cardAt(b, "ana")
	flow := url.Values{"flow": {p.address.Query().Get("flow")}}
	b.open("/login/totp?"+flow.Encode()).at("card", "initial")
	b.open("/login/none?"+flow.Encode()).at("error", "not-found").answers(http.StatusNotFound)
	b.open("/login/setup/none?"+flow.Encode()).at("error", "not-found").answers(http.StatusNotFound)
	b.open("/login/setup/card?"+flow.Encode()).at("card", "initial")
	flow.Set("code", app.code(0))
	b.post("/login/totp", flow).at("card", "initial")
	b.post("/login/none", flow).at("error", "not-found")
	b.post("/login/setup/totp", flow).at("card", "initial")
	b.post("/login/setup/card", flow).at("card", "initial")
	if n := len(s.sessions.rows); n != 0 {
		t.Errorf("%d sessions are open", n)
	}
	b.open("/account/setup/card").at("login", "initial")
	b.open("/account/setup/none").at("error", "not-found")
	p.reload().use(c).at("consent", "initial")
}

// TestKindIsGone: who has only what the server no longer knows is still asked, and a recovery code helps.
func TestKindIsGone(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	s.mfa.Kinds = s.mfa.Kinds[:1]
	p := s.newBrowser().open(s.authorize()).password("ana").at("recovery", "initial")
	if strings.Contains(p.text(), "Smart card") {
		t.Error("the page offers what the server does not know")
	}
	p.open("/login/card?flow="+p.address.Query().Get("flow")).at("error", "not-found")
	p.press("Continue", "recovery", c.codes[0]).at("recovery-used", "initial")
}

// TestCardRemovedMeanwhile: the other kind is asked for, and without another the sign-in goes on.
func TestCardRemovedMeanwhile(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	s.clock.forward(time.Minute)
	app := s.enrolled("s-ana")
	p := s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").click("Smart card").at("card", "initial")
	status, err := s.mfa.Status(t.Context(), "s-ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.mfa.Remove(t.Context(), "s-ana", status.Authenticators[0].ID, mfatest.Prove(t, s.mfa, "s-ana"), nil); err != nil {
		t.Fatal(err)
	}
	p.reload().at("totp", "initial")
	q := p.use(c).at("totp", "initial")
	q.press("Continue", "code", app.code(0)).at("consent", "initial")
}

// TestOnlyCardRemovedMeanwhile: what a form goes on with, as with apps, a page does not.
func TestOnlyCardRemovedMeanwhile(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	p, q := s.cardAt(s.newBrowser(), "ana"), s.cardAt(s.newBrowser(), "ana")
	if _, err := s.mfa.Store.Reset(t.Context(), "s-ana"); err != nil {
		t.Fatal(err)
	}
	p.use(c).at("consent", "initial")
	open := len(s.sessions.rows)
	q.reload().at("login", "again")
	if len(s.sessions.rows) != open {
		t.Error("a page opens a session")
	}
	q.reload().password("ana").at("consent", "initial")
}

// TestCardAtOnce has the button pressed many times: the answer counts once.
func TestCardAtOnce(t *testing.T) {
	s := newSite(t)
	s.withCards()
	log := s.withLog()
	c := s.card("s-ana")
	b := s.newBrowser()
	p := s.cardAt(b, "ana")
	action, form := p.form("Use the card", "mac", p.mac(c))
	var wait sync.WaitGroup
	places := make([]string, 8)
	for i := range places {
		wait.Go(func() { places[i] = b.send(action, form).Header.Get("Location") })
	}
	wait.Wait()
	for _, place := range places {
		b.open(place).at("consent", "initial")
	}
	proofs := 0
	for _, e := range log.events {
		if e.Kind == "auth.card.ok" {
			proofs++
		}
	}
	if len(s.sessions.rows) != 1 || proofs != 1 {
		t.Errorf("8 clicks open %d sessions with %d proofs, want one", len(s.sessions.rows), proofs)
	}
}

// TestCardSetUpInSignIn: where there is a choice, the user has it, and the way back to it.
func TestCardSetUpInSignIn(t *testing.T) {
	s := newSite(t)
	s.withCards()
	b := s.newBrowser()
	p := b.open(s.authorize("acr_values", "aal2")).password("ana").at("setup", "initial").says("Set up two-step verification", "Add an authenticator app", "Add: Smart card")
	p = p.click("Add an authenticator app").at("setup", "initial").says("Scan this code").click("Choose another way").at("setup", "initial")
	p = p.click("Add: Smart card").at("setup", "initial").says("Add a Smart card", "Put the card in.")
	c := &card{key: p.asked().Key}
	if string(p.reload().asked().Key) != string(c.key) {
		t.Error("a refresh changes the key")
	}
	p = p.press("Continue", "mac", "00", "name", "Mine").at("setup", "wrong").says("Nothing has changed")
	if attr(p.input("name"), "value") != "Mine" {
		t.Error("a wrong answer loses the name")
	}
	p = p.press("Another card").at("setup", "new")
	p = p.press("Continue", "mac", p.mac(c), "name", "Mine").at("codes", "initial").says("Step 2 of 2")
	p.open("/login/setup?flow="+p.address.Query().Get("flow")).at("codes", "initial")
	p.press("Turn on two-step verification", "saved", "yes").at("consent", "initial").press("Allow").client()
	s.cardAt(s.newBrowser(), "ana").use(c).client()
	s.newBrowser().open(s.authorize("acr_values", "aal2")).password("ben").at("setup", "initial").press("Not now").at("consent", "initial")
}

// TestCardInAccount adds a card beside an app, and takes both away again.
func TestCardInAccount(t *testing.T) {
	s := newSite(t)
	s.withCards()
	app := s.enrolled("s-ana")
	b := s.signedIn(&app)
	p := b.open("/account/security").says("Add an authenticator app", "Add: Smart card", "asks for a code from an authenticator app")
	b.open("/account/authenticators/new").at("setup", "initial").says("Add an authenticator", "Add: Smart card")
	p = p.click("Add: Smart card").at("setup", "initial")
	b.open("/account/security").says("The new authenticator is not on yet.").click("Finish set-up").says("Add a Smart card")
	c := &card{key: p.asked().Key}
	p = p.press("Continue", "mac", p.mac(c)).at("security", "on").says("Smart card was added.", "Smart card · Added", "Made today", "Authenticator app · Added", "asks for one of your authenticators")
	remove := p.removal("Smart card").at("remove", "initial").says("This authenticator will no longer be accepted")
	if !strings.Contains(remove.text(), "Code from an authenticator app") { // it was used last
		t.Error("the page asks for another than was used last")
	}
	remove = remove.click("Use another way: Smart card").says("Put a card of yours in.")
	remove = remove.press("Remove", "password", secret, "mac", "00").at("remove", "wrong").says("Put a card of yours in.")
	remove = remove.press("Remove", "password", "wrong", "mac", remove.mac(c)).at("remove", "wrong")
	action, form := remove.form("Remove", "password", secret, "mac", remove.mac(c))

	// The challenge of this session is none of another session, and not for ever.
	other := s.newBrowser()
	other.open("/account").password("ana").at("totp", "initial").click("Smart card").use(c).at("security", "on")
	other.post(action, form).at("remove", "challenge")
	s.clock.forward(10 * time.Minute)
	b.post(action, form).at("remove", "challenge")
	remove = b.open(action + "?with=card")
	action, form = remove.form("Remove", "password", secret, "mac", remove.mac(c))
	remove.post(action, form).at("security", "on").says("Smart card was removed.")
	form.Set("form_id", "another")
	b.post(action, form).at("security", "on").says("That authenticator was already removed.")

	// Nor is it one for what else the session may remove.
	p = b.open("/account/security").removal("Authenticator app")
	form.Set("with", "card")
	b.post(p.address.Path, form).at("remove", "required")
	s.clock.forward(time.Minute)
	p.press("Remove", "password", secret, "code", app.code(0)).at("security", "off")
}

// removal is the page that removes the authenticator of that name.
func (s *screen) removal(name string) *screen {
	s.t.Helper()
	for _, a := range s.all("a") {
		if strings.HasSuffix(attr(a, "href"), "/remove") && strings.Contains(words(a), name) {
			return s.open(attr(a, "href"))
		}
	}
	s.t.Fatalf("%s has no way to remove %q", s.name, name)
	return nil
}

// TestRemovalChallengeOnce: of two removals with one challenge, in two tabs, one is done.
func TestRemovalChallengeOnce(t *testing.T) {
	s := newSite(t)
	s.withCards()
	c := s.card("s-ana")
	s.clock.forward(time.Minute)
	s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open("/account").password("ana").at("totp", "initial").click("Smart card").use(c).at("security", "on")
	card, app := p.removal("Smart card").at("remove", "initial"), p.removal("Authenticator app").at("remove", "initial")
	_, form := app.form("Remove", "password", secret, "mac", app.mac(c))
	app.press("Remove", "password", secret, "mac", app.mac(c)).at("security", "on").says("Authenticator app was removed.")
	form.Set("form_id", "another")
	b.post(card.address.Path, form).at("remove", "challenge")
	if status, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || len(status.Authenticators) != 1 {
		t.Errorf("Status = %+v, %v, want one authenticator left", status, err)
	}
}

// TestTemplatesOfKinds: what is missing, or there twice, is told at the start.
func TestTemplatesOfKinds(t *testing.T) {
	s := newSite(t)
	ours, err := os.ReadFile("testdata/card/factor-card.html")
	if err != nil {
		t.Fatal(err)
	}
	script := &fstest.MapFile{}
	for _, tt := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"none", nil, "there is no template factor-card.html"},
		{"another's", fstest.MapFS{"factor-key.html": {Data: ours}, "card.js": script}, "there is no template factor-card.html"},
		{"a block missing", fstest.MapFS{"factor-card.html": {Data: []byte(strings.Replace(string(ours), `define "row"`, `define "line"`, 1))}, "card.js": script}, "factor-card.html has no block row"},
		{"no template", fstest.MapFS{"factor-card.html": {Data: []byte("{{define")}}, "templates: "},
		{"one of ours", fstest.MapFS{"factor-totp.html": {Data: ours}}, "there are two of factor-totp.html"},
		{"a script of ours", fstest.MapFS{"factor-card.html": {Data: ours}, "app.js": script}, "there are two of app.js"},
		{"whole", fstest.MapFS{"factor-card.html": {Data: ours}, "card.js": script}, ""},
	} {
		c := s.config
		c.MFA = &mfa.Service{Kinds: []mfa.Kind{cards{}}, Limits: mfa.Limits{Proof: signin.ProofTime}}
		if tt.files != nil {
			c.Site.Factors = tt.files
		}
		_, err := New(c)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestKindsTakeNoAddress: no kind may be called what another page has as its address.
func TestKindsTakeNoAddress(t *testing.T) {
	for _, route := range newSite(t).pages.routes() {
		for _, below := range []string{"/login/", "/login/setup/", "/account/setup/"} {
			name, ok := strings.CutPrefix(route.Path, below)
			name, _, _ = strings.Cut(name, "/")
			if ok && name != "{kind}" && (mfa.Names{Kind: name, Method: "x", Label: "x"}).Check() == nil {
				t.Errorf("a kind may be called %s, which is a page at %s", name, route.Path)
			}
		}
	}
}
