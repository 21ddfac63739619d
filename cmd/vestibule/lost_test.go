package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
)

// operate runs a command as an operator of the site does.
func (s *site) operate(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	environ := []string{"VESTIBULE_DATABASE=" + s.config.Database, "VESTIBULE_ISSUER=" + s.config.Issuer}
	err := run(t.Context(), args, &env{environ, strings.NewReader(""), &out, t.Output()})
	return out.String(), err
}

// must is operate for a command that has to succeed.
func (s *site) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.operate(t, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// enrolLink makes a link. Its token is a secret of the site.
func (s *site) enrolLink(t *testing.T, args ...string) string {
	t.Helper()
	line, _, _ := strings.Cut(s.must(t, append([]string{"user", "enrol-link"}, args...)...), "\n")
	link, err := url.Parse(line)
	if err != nil || link.Path != "/enrol" || len(link.Query().Get("token")) != 43 {
		t.Fatalf("enrol-link prints %q (%v)", line, err)
	}
	s.keepSecret(link.Query().Get("token"))
	return line
}

// events are the user's events of a kind, or whosever if the subject is empty, the newest first.
func (s *site) events(t *testing.T, subject, kind string) []audit.Recorded {
	t.Helper()
	found, err := s.store.AuditEvents(t.Context(), storage.AuditFilter{Subject: subject, Kind: kind}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// setUp goes through the pages of a new authenticator inside a sign-in.
func (p *page) setUp() (*page, phone) {
	p.t.Helper()
	a := p.at("setup", "initial").phone()
	p = p.press("Continue", "code", a.code(-1)).at("codes", "initial")
	p.recoveryCodes()
	return p.press("Turn on two-step verification", "saved", "on"), a
}

// A user who has lost everything comes back: the operator resets and gives a link, and only the link and the password
// together let the user set up a new authenticator.
func TestLostEverything(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		user := s.addUser("ana")
		old := s.newBrowser(t)
		lost, _ := old.enrol("ana")
		v := c.beginOffline()
		before := v.finish(old.open(v.address).allow())

		if text := s.must(t, "user", "totp", "reset", "ana", "--reason", "came by with a passport"); !strings.Contains(text, "user enrol-link ana") {
			t.Errorf("the reset does not say how to go on: %s", text)
		}
		if _, err := c.refresh(before.tokens.RefreshToken); err == nil {
			t.Error("the refresh token still works")
		}
		old.open("/account/security").at("login", "initial")
		if e := s.events(t, user.Subject, audit.EventAdminReset); len(e) != 1 || e[0].Detail["authenticators"] != "1" ||
			e[0].Detail["reason"] != "came by with a passport" || !strings.HasPrefix(e[0].Actor, "cli") {
			t.Errorf("the audit log has %+v, want the reset", e)
		}
		if text := s.must(t, "user", "get", "ana"); !strings.Contains(text, "only with a link") {
			t.Errorf("user get does not say that ana is held:\n%s", text)
		}

		// The password is good for one step, and for no more.
		b := s.newBrowser(t)
		v = c.begin()
		v.finish(v.signIn(b, "ana")).authenticated(t, "aal1", s.clock.now(), "pwd")
		v = c.begin("acr_values", "aal2")
		held := b.open(v.address).at("held", "initial").hasStatus(403).says("You need a link")
		held.post("/login/setup/totp", url.Values{"flow": {held.address.Query().Get("flow")}, "code": {"123456"}}).at("held", "initial")
		b.open("/account/security").at("security", "off").says("you need a link").open("/account/authenticators/new").at("held", "initial")
		b.post("/account/setup/totp", url.Values{"code": {"123456"}}).at("held", "initial")

		link := s.enrolLink(t, "ana")
		if text := s.must(t, "user", "get", "ana"); !strings.Contains(text, "enrolment link  ") {
			t.Errorf("user get does not show the link:\n%s", text)
		}
		p := s.newBrowser(t).open(link).at("login", "link").giveName("ana", password)
		p, a := p.setUp()
		p.at("security", "on")
		if blocked, err := s.store.EnrolmentBlocked(t.Context(), user.Subject); blocked || err != nil {
			t.Errorf("ana is still held (%v)", err)
		}
		v = c.begin("acr_values", "aal2")
		s.clock.advance(30 * time.Second)
		p = v.signIn(s.newBrowser(t), "ana").giveCode(lost.code(0)).at("totp", "wrong")
		v.finish(p.giveCode(a.code(0))).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")

		if e := s.events(t, user.Subject, audit.EventFactorAdded); len(e) != 2 || e[0].Detail["link"]+e[1].Detail["link"] != "yes" {
			t.Errorf("the audit log has %+v, want one of two authenticators added with a link", e)
		}
		s.newBrowser(t).open(link).at("enrol-link", "used").hasStatus(410)
		p.open(link).at("enrol-link", "used")
	})
}

// A link does no more than it should.
func TestEnrolLink(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana, ben := s.addUser("ana"), s.addUser("ben")
		for _, user := range []account.Account{ana, ben} {
			if _, err := s.store.ResetFactors(t.Context(), user.Subject); err != nil {
				t.Fatal(err)
			}
		}
		s.newBrowser(t).open("/enrol").at("enrol-link", "unknown").hasStatus(404)
		s.newBrowser(t).open("/enrol?token="+strings.Repeat("A", 43)).at("enrol-link", "unknown")

		// Whoever has another's link can do nothing with it, and does not use it up.
		link := s.enrolLink(t, "ana")
		other := s.newBrowser(t).open(link).at("login", "link").giveName("ben", password).at("enrol-link", "other").hasStatus(403)
		flow := other.address.Query().Get("flow")
		other.post("/login/setup/totp", url.Values{"flow": {flow}, "code": {"123456"}}).at("enrol-link", "other")
		p := other.press("Sign in as someone else").at("login", "link").giveName("ana", password).at("setup", "initial")
		// The set-up is begun. A newer link ends the old one even now.
		newer := s.enrolLink(t, "ana", "--ttl", "2h")
		s.clock.advance(time.Minute) // commands have a clock of their own, which is ahead of the test's
		p.reload().at("enrol-link", "expired").hasStatus(410)
		s.newBrowser(t).open(link).at("enrol-link", "expired")

		// Its time is over, before or in the set-up.
		p = s.newBrowser(t).open(newer).giveName("ana", password).at("setup", "initial")
		a := p.phone()
		p = p.press("Continue", "code", a.code(-1)).at("codes", "initial")
		codes, form := p.fill("Turn on two-step verification", "saved", "on")
		s.expireLinks(t, ana.Subject)
		p.post(codes, form).at("enrol-link", "expired")
		if f, err := s.store.Factors(t.Context(), ana.Subject); err != nil || len(f.Authenticators) > 0 {
			t.Errorf("the expired link has enrolled %+v (%v)", f, err)
		}
		s.newBrowser(t).open(newer).at("enrol-link", "expired")

		// Without the link the sign-in goes on as ever.
		p.reload().at("enrol-link", "expired").press("Go on without the link").at("security", "off")

		// Neither a session nor an old set-up stands for the link.
		s.newBrowser(t).open("/account/security").giveName("ana", password).at("security", "off").
			open("/account/authenticators/new").at("held", "initial")
		service := (*s.servers.Load())[0].mfa
		pending, err := service.Begin(t.Context(), ana.Subject, "test", totp.Name)
		if err == nil {
			err = service.Confirm(t.Context(), ana.Subject, "test", totp.Form(phone{s, pending.Offer.(totp.Offer).Secret}.code(0)), "")
		}
		if err != nil {
			t.Fatalf("set up without a link: %v", err)
		}
		if err := service.Activate(t.Context(), ana.Subject, "test", nil); !errors.Is(err, mfa.ErrChanged) {
			t.Errorf("activate without a link: %v, want %v", err, mfa.ErrChanged)
		}
		if e := s.events(t, ana.Subject, audit.EventAdminEnrolLink); len(e) != 2 {
			t.Errorf("the audit log has %d links for ana, want 2", len(e))
		}
	})
}

// expireLinks ends the time of the user's links.
func (s *site) expireLinks(t *testing.T, subject string) {
	t.Helper()
	now := s.clock.now()
	err := s.store.SaveEnrolLink(t.Context(), mfa.EnrolLink{ID: []byte("newer than all"), Subject: subject, Created: now, Expires: now})
	if err != nil {
		t.Fatal(err)
	}
}

// For whoever has an authenticator the link does not stand for its code.
func TestEnrolLinkOfTheEnrolled(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		a, _ := s.newBrowser(t).enrol("ana")
		p := s.newBrowser(t).open(s.enrolLink(t, "ana")).giveName("ana", password).at("totp", "initial").giveCode(a.code(0))
		b := p.at("setup", "initial").phone()
		p.press("Continue", "code", b.code(0), "name", "Second").at("security", "on").says("Second")
		if f, err := s.store.Factors(t.Context(), user.Subject); err != nil || len(f.Authenticators) != 2 {
			t.Errorf("ana has %+v (%v), want two authenticators", f, err)
		}
	})
}

// The button is pressed twice: the second answer is as good as the first. In two browsers one of them enrols.
func TestEnrolLinkOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		s.must(t, "user", "totp", "reset", "ana", "--reason", "test")
		link := s.enrolLink(t, "ana")
		type form struct {
			page    *page
			address string
			values  url.Values
		}
		var forms []form
		for range 3 {
			p := s.newBrowser(t).open(link).giveName("ana", password)
			p = p.press("Continue", "code", p.phone().code(-1)).at("codes", "initial")
			address, values := p.fill("Turn on two-step verification", "saved", "on")
			forms = append(forms, form{p, address, values}, form{p, address, values})
		}
		s.start(3)
		ends := make([]*page, len(forms))
		var group sync.WaitGroup
		for i, f := range forms {
			group.Go(func() { ends[i] = f.page.post(f.address, f.values) })
		}
		group.Wait()
		won := 0
		for i := 0; i < len(ends); i += 2 {
			if anyShows(ends[i:i+2], "security") {
				won++
				continue
			}
			for _, p := range ends[i : i+2] {
				if p.name != "enrol-link" && p.name != "setup" && p.name != "totp" {
					t.Errorf("who lost the race sees %s (%s)", p.name, p.state)
				}
			}
		}
		f, err := s.store.Factors(t.Context(), user.Subject)
		if won != 1 || err != nil || len(f.Authenticators) != 1 {
			t.Errorf("%d browsers enrolled, and ana has %d authenticators (%v), want 1", won, len(f.Authenticators), err)
		}
		if e := s.events(t, user.Subject, audit.EventFactorAdded); len(e) != 1 {
			t.Errorf("the audit log has %d authenticators, want 1", len(e))
		}
	})
}

func anyShows(pages []*page, name string) bool {
	for _, p := range pages {
		if p.name == name || p.name == "error" && p.state == "elsewhere" {
			return true
		}
	}
	return false
}

// A reset that is planned for later takes place when it is due: once, whatever the number of servers.
func TestPlannedReset(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		b := s.newBrowser(t)
		b.enrol("ana")
		s.must(t, "user", "totp", "reset", "ana", "--reason", "phoned from the number on file", "--delay", "24h")
		if _, err := s.operate(t, "user", "totp", "reset", "ana", "--reason", "again", "--delay", "1h"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second plan: %v, want %v", err, store.ErrConflict)
		}
		if text := s.must(t, "user", "get", "ana"); !strings.Contains(text, "phoned from the number on file") {
			t.Errorf("user get does not show the plan:\n%s", text)
		}
		b.open("/account/security").at("security", "on").says("A reset is planned").says("phoned from the number on file")

		s.start(3)
		s.clock.advance(23 * time.Hour)
		if n := s.resetDue(t); n != 0 {
			t.Errorf("%d resets an hour before the time, want none", n)
		}
		s.clock.advance(2 * time.Hour)
		if n := s.resetDue(t); n != 1 {
			t.Errorf("%d resets at the time, want 1", n)
		}
		e := s.events(t, user.Subject, audit.EventAdminReset)
		if len(e) != 2 || e[0].Kind != audit.EventAdminReset || e[0].Actor != actor() || e[0].Detail["authenticators"] != "1" {
			t.Errorf("the audit log has %+v, want the plan, and one reset by the one who planned it", e)
		}
		if blocked, err := s.store.EnrolmentBlocked(t.Context(), user.Subject); !blocked || err != nil {
			t.Errorf("ana is not held (%v)", err)
		}
		s.newBrowser(t).open("/account/security").giveName("ana", password).at("security", "off")
	})
}

// resetDue has all servers look for due resets at once, and returns how many they carried out.
func (s *site) resetDue(t *testing.T) int {
	t.Helper()
	servers := *s.servers.Load()
	done := make([]int, 4*len(servers))
	var group sync.WaitGroup
	for i := range done {
		group.Go(func() {
			var err error
			if done[i], err = servers[i%len(servers)].resetDue(t.Context()); err != nil {
				t.Errorf("server %d: %v", i%len(servers), err)
			}
		})
	}
	group.Wait()
	sum := 0
	for _, n := range done {
		sum += n
	}
	return sum
}

// The user objects, by the link in the mail or on the security page, or the operator thinks better of it.
func TestPlannedResetCancelled(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		b := s.newBrowser(t)
		b.enrol("ana")
		plan := func() string {
			t.Helper()
			s.must(t, "user", "totp", "reset", "ana", "--reason", "somebody phoned", "--delay", "24h")
			return s.events(t, user.Subject, audit.EventAdminResetPlanned)[0].Detail["reset"]
		}
		link := func(id string) string { return (*s.servers.Load())[0].cancelLink(id) }

		for _, tt := range []struct {
			how    string
			cancel func(id string)
		}{
			{"link", func(id string) {
				address := link(id)
				s.newBrowser(t).open(address).at("reset-cancel", "initial").says("all your authenticators")
				p := s.newBrowser(t).open(address)
				p.press("Cancel the reset").at("reset-cancel", "cancelled").reload().at("reset-cancel", "cancelled")
				s.newBrowser(t).open("/reset/cancelled").at("reset-cancel", "none").says("stays cancelled") // says nothing of this one
				p.press("Cancel the reset").at("reset-cancel", "cancelled")                                 // a second click
				s.clock.advance(11 * time.Second)
				p.press("Cancel the reset").at("reset-cancel", "gone").hasStatus(410)
				p.open(address).at("reset-cancel", "gone")
			}},
			{"account", func(string) {
				p := b.open("/account/security")
				p.press("Cancel the reset").at("security", "on").says("The reset was cancelled")
				p.press("Cancel the reset").at("security", "on").says("The reset was cancelled") // a second click
				s.clock.advance(11 * time.Second)
				p.press("Cancel the reset").at("security", "on").says("no reset to cancel")
			}},
			{"operator", func(string) {
				s.must(t, "user", "totp", "reset", "ana", "--cancel")
				if _, err := s.operate(t, "user", "totp", "reset", "ana", "--cancel"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("cancelled twice: %v, want %v", err, store.ErrNotFound)
				}
			}},
		} {
			tt.cancel(plan())
			if _, err := s.store.ResetOf(t.Context(), user.Subject); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("cancelled by %s: the reset is still planned (%v)", tt.how, err)
			}
			if e := s.events(t, user.Subject, audit.EventResetCancelled); !slices.ContainsFunc(e, func(e audit.Recorded) bool { return e.Detail["how"] == tt.how }) {
				t.Errorf("cancelled by %s: the audit log has %+v", tt.how, e)
			}
		}
		if e := s.events(t, user.Subject, audit.EventResetCancelled); len(e) != 3 {
			t.Errorf("the audit log has %d cancellations, want 3", len(e))
		}
		s.clock.advance(25 * time.Hour)
		if n := s.resetDue(t); n != 0 {
			t.Errorf("%d of the cancelled resets took place", n)
		}
	})
}

// Only we can make the link that cancels; it outlives a change of the secret key.
func TestCancelLink(t *testing.T) {
	s := newSite(t, sqliteDatabase(t))
	user := s.addUser("ana")
	s.newBrowser(t).enrol("ana")
	s.must(t, "user", "totp", "reset", "ana", "--reason", "somebody phoned", "--delay", "24h")
	id := s.events(t, user.Subject, audit.EventAdminResetPlanned)[0].Detail["reset"]
	address := (*s.servers.Load())[0].cancelLink(id)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	s.keepSecret(token)
	_, mac, _ := strings.Cut(token, ".")
	for _, forged := range []string{"", ".", id, id + ".", id + "." + strings.Repeat("A", 43), "other." + mac, token[:len(token)-4], token + "AAAA", "." + mac} {
		p := s.newBrowser(t).open("/reset/cancel?token="+url.QueryEscape(forged)).at("reset-cancel", "unknown").hasStatus(404)
		p.post("/reset/cancel", url.Values{"token": {forged}}).at("reset-cancel", "unknown")
	}
	if _, err := s.store.ResetOf(t.Context(), user.Subject); err != nil {
		t.Fatalf("after forged links: %v", err)
	}
	s.config.SecretKeys = append([]string{mfa.NewKey()}, s.config.SecretKeys...)
	s.start(1)
	p := s.newBrowser(t).open(address).at("reset-cancel", "initial")
	if submit := p.find(func(n *html.Node) bool { return attribute(n, "name") == "token" }); attribute(submit, "value") != token {
		t.Error("the form has not the token")
	}
	p.press("Cancel the reset").at("reset-cancel", "cancelled")
}

// The server carries out what is due by itself.
func TestServerResets(t *testing.T) {
	s := newSite(t, sqliteDatabase(t))
	user := s.addUser("ana")
	s.newBrowser(t).enrol("ana")
	s.must(t, "user", "totp", "reset", "ana", "--reason", "test", "--delay", "1h")
	s.clock.advance(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- (*s.servers.Load())[0].resets(ctx) }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if blocked, err := s.store.EnrolmentBlocked(t.Context(), user.Subject); err != nil || blocked {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if blocked, err := s.store.EnrolmentBlocked(t.Context(), user.Subject); !blocked || err != nil {
		t.Errorf("the reset did not take place (%v)", err)
	}
}

// What cannot be run is said at once, and nothing is changed.
func TestResetUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"user", "totp", "reset", "ana"}, "--reason is missing"},
		{[]string{"user", "totp", "reset", "ana", "--reason", "  "}, "--reason is missing"},
		{[]string{"user", "totp", "reset", "ana", "--reason", "a\nb"}, "without control characters"},
		{[]string{"user", "totp", "reset", "ana", "--reason", strings.Repeat("x", 501)}, "at most 500 bytes"},
		{[]string{"user", "totp", "reset", "ana", "--reason", "x", "--delay", "-1h"}, "--delay must be"},
		{[]string{"user", "totp", "reset", "ana", "--reason", "x", "--delay", "721h"}, "--delay must be"},
		{[]string{"user", "totp", "reset", "ana", "--cancel", "--delay", "1h"}, "exclude each other"},
		{[]string{"user", "enrol-link", "ana", "--ttl", "30s"}, "--ttl must be"},
		{[]string{"user", "enrol-link", "ana", "--ttl", "169h"}, "--ttl must be"},
	} {
		w := &env{nil, strings.NewReader(""), t.Output(), t.Output()}
		err := run(t.Context(), tt.args, w)
		var usage *usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want wrong usage with %q", tt.args, err, tt.want)
		}
	}
}

// What was proved with the old factors is worth nothing after the reset, wherever a sign-in has got to.
func TestResetEndsWhatIsUnderWay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		s.addUser("ana")
		a, codes := s.newBrowser(t).enrol("ana")
		atCode, atConsent, signedIn := s.newBrowser(t), s.newBrowser(t), s.newBrowser(t)
		v := c.begin()
		waiting := v.signIn(atCode, "ana").at("totp", "initial")
		allowing := c.begin("acr_values", "aal2").signIn(atConsent, "ana").giveCode(a.code(0)).at("consent", "initial")
		security := signedIn.open("/account/security").giveName("ana", password).click("Use a recovery code").
			press("Continue", "recovery", codes[0]).press("Continue").at("security", "on")
		s.clock.advance(time.Minute)

		s.must(t, "user", "totp", "reset", "ana", "--reason", "test")
		allowing.press("Allow").at("login", "initial")
		security.reload().at("login", "initial")
		p := waiting.giveCode(a.code(0)).at("login", "again").giveName("ana", password)
		v.finish(p.allow()).authenticated(t, "aal1", s.clock.now(), "pwd")
	})
}

// Whom the policy obliges and an operator holds is told so, and gets no further, and neither does the app.
func TestHeldByPolicy(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		s := newSite(t, database, func(c *config.Config) { c.TwoSteps = true })
		c := s.newClient(t, "shop")
		s.addUser("ana")
		s.must(t, "user", "totp", "reset", "ana", "--reason", "test")
		b := s.newBrowser(t)
		v := c.begin()
		v.refused(v.signIn(b, "ana").at("held", "initial").press("Cancel and go back"), "access_denied")
		p := s.newBrowser(t).open("/account/security").giveName("ana", password).at("held", "initial")
		p.press("Cancel and sign out").at("logged-out", "initial")

		// A link that no longer works leads nowhere else.
		link := s.enrolLink(t, "ana")
		p = s.newBrowser(t).open(link).giveName("ana", password).at("setup", "initial")
		s.clock.advance(25 * time.Hour)
		p.open(link).at("enrol-link", "expired")
		link = s.enrolLink(t, "ana", "--ttl", "48h")
		p = s.newBrowser(t).open(link).giveName("ana", password).at("setup", "initial")
		s.expireLinks(t, mustSubject(t, s, "ana"))
		p.reload().at("enrol-link", "expired").press("Go on without the link").at("held", "initial")

		link = s.enrolLink(t, "ana", "--ttl", "48h")
		v = c.begin()
		app := s.newBrowser(t)
		password := s.clock.now()
		waiting := v.signIn(app, "ana").at("held", "initial")
		done, a := app.open(link).at("setup", "initial").setUp()
		done.at("security", "on")
		s.clock.advance(30 * time.Second)
		v.finish(waiting.reload().at("totp", "initial").giveCode(a.code(0)).allow()).
			authenticated(t, "aal2", password, "pwd", "otp", "mfa")
	})
}
