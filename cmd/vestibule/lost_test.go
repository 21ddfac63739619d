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

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// operate runs a command as an operator of the site does.
func operate(t *testing.T, s *servertest.Site, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_ISSUER=" + s.Config.Issuer}
	err := run(t.Context(), args, newEnv(environ, strings.NewReader(""), &out, t.Output()))
	return out.String(), err
}

// must is operate for a command that has to succeed.
func must(t *testing.T, s *servertest.Site, args ...string) string {
	t.Helper()
	out, err := operate(t, s, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// commandLink makes a link. Its token is a secret of the site.
func commandLink(t *testing.T, s *servertest.Site, args ...string) string {
	t.Helper()
	line, _, _ := strings.Cut(must(t, s, append([]string{"user", "enrol-link"}, args...)...), "\n")
	link, err := url.Parse(line)
	if err != nil || link.Path != "/enrol" || len(link.Query().Get("token")) != 43 {
		t.Fatalf("enrol-link prints %q (%v)", line, err)
	}
	s.KeepSecret(link.Query().Get("token"))
	return line
}

// A user who has lost everything comes back: the operator resets and gives a link, and only the link and the password
// together let the user set up a new authenticator.
func TestLostEverything(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		user := s.AddUser("ana")
		old := s.NewBrowser(t)
		lost, _ := old.Enrol("ana")
		v := c.BeginOffline()
		before := v.Finish(old.Open(v.Address).Allow())

		if text := must(t, s, "user", "totp", "reset", "ana", "--reason", "came by with a passport"); !strings.Contains(text, "user enrol-link ana") {
			t.Errorf("the reset does not say how to go on: %s", text)
		}
		if _, err := c.Refresh(before.Token.RefreshToken); err == nil {
			t.Error("the refresh token still works")
		}
		old.Open("/account/security").At("login", "initial")
		if e := s.Events(t, user.Subject, audit.EventAdminReset); len(e) != 1 || e[0].Detail["authenticators"] != "1" ||
			e[0].Detail["reason"] != "came by with a passport" || !strings.HasPrefix(e[0].Actor, "cli") {
			t.Errorf("the audit log has %+v, want the reset", e)
		}
		if text := must(t, s, "user", "get", "ana"); !strings.Contains(text, "only with a link") {
			t.Errorf("user get does not say that ana is held:\n%s", text)
		}

		// The password is good for one step, and for no more.
		b := s.NewBrowser(t)
		v = c.Begin()
		v.Finish(v.SignIn(b, "ana")).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		v = c.Begin("acr_values", "aal2")
		held := b.Open(v.Address).At("held", "initial").HasStatus(403).Says("You need a link")
		held.Post("/login/setup/totp", url.Values{"flow": {held.Address.Query().Get("flow")}, "code": {"123456"}}).At("held", "initial")
		b.Open("/account/security").At("security", "off").Says("you need a link").Open("/account/authenticators/new").At("held", "initial")
		b.Post("/account/setup/totp", url.Values{"code": {"123456"}}).At("held", "initial")

		link := commandLink(t, s, "ana")
		if text := must(t, s, "user", "get", "ana"); !strings.Contains(text, "enrolment link  ") {
			t.Errorf("user get does not show the link:\n%s", text)
		}
		p := s.NewBrowser(t).Open(link).At("login", "link").GiveName("ana", servertest.Password)
		p, a := p.SetUp()
		p.At("security", "on")
		if held, err := s.Store.EnrolmentBlocked(t.Context(), user.Subject); held || err != nil {
			t.Errorf("ana is still held (%v)", err)
		}
		v = c.Begin("acr_values", "aal2")
		s.Clock.Advance(30 * time.Second)
		p = v.SignIn(s.NewBrowser(t), "ana").GiveCode(lost.Code(0)).At("totp", "wrong")
		v.Finish(p.GiveCode(a.Code(0))).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

		if e := s.Events(t, user.Subject, audit.EventFactorAdded); len(e) != 2 || e[0].Detail["link"]+e[1].Detail["link"] != "yes" {
			t.Errorf("the audit log has %+v, want one of two authenticators added with a link", e)
		}
		s.NewBrowser(t).Open(link).At("enrol-link", "used").HasStatus(410)
		p.Open(link).At("enrol-link", "used")
	})
}

// A link does no more than it should.
func TestEnrolLink(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana, ben := s.AddUser("ana"), s.AddUser("ben")
		for _, user := range []account.Account{ana, ben} {
			if _, err := s.Store.ResetFactors(t.Context(), user.Subject); err != nil {
				t.Fatal(err)
			}
		}
		s.NewBrowser(t).Open("/enrol").At("enrol-link", "unknown").HasStatus(404)
		s.NewBrowser(t).Open("/enrol?token="+strings.Repeat("A", 43)).At("enrol-link", "unknown")

		// Whoever has another's link can do nothing with it, and does not use it up.
		link := commandLink(t, s, "ana")
		other := s.NewBrowser(t).Open(link).At("login", "link").GiveName("ben", servertest.Password).At("enrol-link", "other").HasStatus(403)
		flow := other.Address.Query().Get("flow")
		other.Post("/login/setup/totp", url.Values{"flow": {flow}, "code": {"123456"}}).At("enrol-link", "other")
		p := other.Press("Sign in as someone else").At("login", "link").GiveName("ana", servertest.Password).At("setup", "initial")
		// The set-up is begun. A newer link ends the old one even now.
		newer := commandLink(t, s, "ana", "--ttl", "2h")
		s.Clock.Advance(time.Minute) // commands have a clock of their own, which is ahead of the test's
		p.Reload().At("enrol-link", "expired").HasStatus(410)
		s.NewBrowser(t).Open(link).At("enrol-link", "expired")

		// Its time is over, before or in the set-up.
		p = s.NewBrowser(t).Open(newer).GiveName("ana", servertest.Password).At("setup", "initial")
		a := p.Phone()
		p = p.Press("Continue", "code", a.Code(-1)).At("codes", "initial")
		codes, form := p.Fill("Turn on two-step verification", "saved", "on")
		s.ExpireLinks(t, ana.Subject)
		p.Post(codes, form).At("enrol-link", "expired")
		if f, err := s.Store.Factors(t.Context(), ana.Subject); err != nil || len(f.Authenticators) > 0 {
			t.Errorf("the expired link has enrolled %+v (%v)", f, err)
		}
		s.NewBrowser(t).Open(newer).At("enrol-link", "expired")

		// Without the link the sign-in goes on as ever.
		p.Reload().At("enrol-link", "expired").Press("Go on without the link").At("security", "off")

		// Neither a session nor an old set-up stands for the link.
		s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("security", "off").
			Open("/account/authenticators/new").At("held", "initial")
		service := s.MFA()
		pending, err := service.Begin(t.Context(), ana.Subject, "test", totp.Name)
		if err == nil {
			err = service.Confirm(t.Context(), ana.Subject, "test", totp.Form(servertest.Phone{Site: s, Secret: pending.Offer.(totp.Offer).Secret}.Code(0)), "")
		}
		if err != nil {
			t.Fatalf("set up without a link: %v", err)
		}
		if err := service.Activate(t.Context(), ana.Subject, "test", nil); !errors.Is(err, mfa.ErrChanged) {
			t.Errorf("activate without a link: %v, want %v", err, mfa.ErrChanged)
		}
		if e := s.Events(t, ana.Subject, audit.EventAdminEnrolLink); len(e) != 2 {
			t.Errorf("the audit log has %d links for ana, want 2", len(e))
		}
	})
}

// For whoever has an authenticator the link does not stand for its code.
func TestEnrolLinkOfTheEnrolled(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		a, _ := s.NewBrowser(t).Enrol("ana")
		p := s.NewBrowser(t).Open(commandLink(t, s, "ana")).GiveName("ana", servertest.Password).At("totp", "initial").GiveCode(a.Code(0))
		b := p.At("setup", "initial").Phone()
		p.Press("Continue", "code", b.Code(0), "name", "Second").At("security", "on").Says("Second")
		if f, err := s.Store.Factors(t.Context(), user.Subject); err != nil || len(f.Authenticators) != 2 {
			t.Errorf("ana has %+v (%v), want two authenticators", f, err)
		}
	})
}

// The button is pressed twice: the second answer is as good as the first. In two browsers one of them enrols.
func TestEnrolLinkOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		must(t, s, "user", "totp", "reset", "ana", "--reason", "test")
		link := commandLink(t, s, "ana")
		type form struct {
			page    *servertest.Page
			address string
			values  url.Values
		}
		var forms []form
		for range 3 {
			p := s.NewBrowser(t).Open(link).GiveName("ana", servertest.Password)
			p = p.Press("Continue", "code", p.Phone().Code(-1)).At("codes", "initial")
			address, values := p.Fill("Turn on two-step verification", "saved", "on")
			forms = append(forms, form{p, address, values}, form{p, address, values})
		}
		s.Start(3)
		ends := make([]*servertest.Page, len(forms))
		var group sync.WaitGroup
		for i, f := range forms {
			group.Go(func() { ends[i] = f.page.Post(f.address, f.values) })
		}
		group.Wait()
		won := 0
		for i := 0; i < len(ends); i += 2 {
			if anyShows(ends[i:i+2], "security") {
				won++
				continue
			}
			for _, p := range ends[i : i+2] {
				if p.Name != "enrol-link" && p.Name != "setup" && p.Name != "totp" {
					t.Errorf("who lost the race sees %s (%s)", p.Name, p.State)
				}
			}
		}
		f, err := s.Store.Factors(t.Context(), user.Subject)
		if won != 1 || err != nil || len(f.Authenticators) != 1 {
			t.Errorf("%d browsers enrolled, and ana has %d authenticators (%v), want 1", won, len(f.Authenticators), err)
		}
		if e := s.Events(t, user.Subject, audit.EventFactorAdded); len(e) != 1 {
			t.Errorf("the audit log has %d authenticators, want 1", len(e))
		}
	})
}

func anyShows(pages []*servertest.Page, name string) bool {
	for _, p := range pages {
		if p.Name == name || p.Name == "error" && p.State == "elsewhere" {
			return true
		}
	}
	return false
}

// A reset that is planned for later takes place when it is due: once, whatever the number of servers.
func TestPlannedReset(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		b := s.NewBrowser(t)
		b.Enrol("ana")
		must(t, s, "user", "totp", "reset", "ana", "--reason", "phoned from the number on file", "--delay", "24h")
		if _, err := operate(t, s, "user", "totp", "reset", "ana", "--reason", "again", "--delay", "1h"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second plan: %v, want %v", err, store.ErrConflict)
		}
		if text := must(t, s, "user", "get", "ana"); !strings.Contains(text, "phoned from the number on file") {
			t.Errorf("user get does not show the plan:\n%s", text)
		}
		b.Open("/account/security").At("security", "on").Says("A reset is planned").Says("phoned from the number on file")

		s.Start(3)
		s.Clock.Advance(23 * time.Hour)
		if n := resetDue(t, s); n != 0 {
			t.Errorf("%d resets an hour before the time, want none", n)
		}
		s.Clock.Advance(2 * time.Hour)
		if n := resetDue(t, s); n != 1 {
			t.Errorf("%d resets at the time, want 1", n)
		}
		e := s.Events(t, user.Subject, audit.EventAdminReset)
		if len(e) != 2 || e[0].Kind != audit.EventAdminReset || e[0].Actor != actor() || e[0].Detail["authenticators"] != "1" {
			t.Errorf("the audit log has %+v, want the plan, and one reset by the one who planned it", e)
		}
		if held, err := s.Store.EnrolmentBlocked(t.Context(), user.Subject); !held || err != nil {
			t.Errorf("ana is not held (%v)", err)
		}
		s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("security", "off")
	})
}

// resetDue has all servers look for due resets at once, and returns how many they carried out.
func resetDue(t *testing.T, s *servertest.Site) int {
	t.Helper()
	servers, before := s.Servers(), carriedOut(t, s)
	var group sync.WaitGroup
	for i := range 4 * len(servers) {
		group.Go(func() {
			if err := servers[i%len(servers)].Do(t.Context(), "planned resets"); err != nil {
				t.Errorf("server %d: %v", i%len(servers), err)
			}
		})
	}
	group.Wait()
	return carriedOut(t, s) - before
}

// carriedOut is how many resets the audit log has.
func carriedOut(t *testing.T, s *servertest.Site) int {
	t.Helper()
	n := 0
	for _, e := range s.Events(t, "", audit.EventAdminReset) {
		if e.Kind == audit.EventAdminReset {
			n++
		}
	}
	return n
}

// The user objects, by the link in the mail or on the security page, or the operator thinks better of it.
func TestPlannedResetCancelled(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		b := s.NewBrowser(t)
		b.Enrol("ana")
		plan := func() string {
			t.Helper()
			must(t, s, "user", "totp", "reset", "ana", "--reason", "somebody phoned", "--delay", "24h")
			return s.Events(t, user.Subject, audit.EventAdminResetPlanned)[0].Detail["reset"]
		}
		link := func(id string) string { return s.First().CancelLink(id) }

		for _, tt := range []struct {
			how    string
			cancel func(id string)
		}{
			{"link", func(id string) {
				address := link(id)
				s.NewBrowser(t).Open(address).At("reset-cancel", "initial").Says("all your authenticators")
				p := s.NewBrowser(t).Open(address)
				p.Press("Cancel the reset").At("reset-cancel", "cancelled").Reload().At("reset-cancel", "cancelled")
				s.NewBrowser(t).Open("/reset/cancelled").At("reset-cancel", "none").Says("stays cancelled") // says nothing of this one
				p.Press("Cancel the reset").At("reset-cancel", "cancelled")                                 // a second click
				s.Clock.Advance(11 * time.Second)
				p.Press("Cancel the reset").At("reset-cancel", "gone").HasStatus(410)
				p.Open(address).At("reset-cancel", "gone")
			}},
			{"account", func(string) {
				p := b.Open("/account/security")
				p.Press("Cancel the reset").At("security", "on").Says("The reset was cancelled")
				p.Press("Cancel the reset").At("security", "on").Says("The reset was cancelled") // a second click
				s.Clock.Advance(11 * time.Second)
				p.Press("Cancel the reset").At("security", "on").Says("no reset to cancel")
			}},
			{"operator", func(string) {
				must(t, s, "user", "totp", "reset", "ana", "--cancel")
				if _, err := operate(t, s, "user", "totp", "reset", "ana", "--cancel"); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("cancelled twice: %v, want %v", err, store.ErrNotFound)
				}
			}},
		} {
			tt.cancel(plan())
			if _, err := s.Store.ResetOf(t.Context(), user.Subject); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("cancelled by %s: the reset is still planned (%v)", tt.how, err)
			}
			if e := s.Events(t, user.Subject, audit.EventResetCancelled); !slices.ContainsFunc(e, func(e audit.Recorded) bool { return e.Detail["how"] == tt.how }) {
				t.Errorf("cancelled by %s: the audit log has %+v", tt.how, e)
			}
		}
		if e := s.Events(t, user.Subject, audit.EventResetCancelled); len(e) != 3 {
			t.Errorf("the audit log has %d cancellations, want 3", len(e))
		}
		s.Clock.Advance(25 * time.Hour)
		if n := resetDue(t, s); n != 0 {
			t.Errorf("%d of the cancelled resets took place", n)
		}
	})
}

// Only we can make the link that cancels; it outlives a change of the secret key.
func TestCancelLink(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	user := s.AddUser("ana")
	s.NewBrowser(t).Enrol("ana")
	must(t, s, "user", "totp", "reset", "ana", "--reason", "somebody phoned", "--delay", "24h")
	id := s.Events(t, user.Subject, audit.EventAdminResetPlanned)[0].Detail["reset"]
	address := s.First().CancelLink(id)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	s.KeepSecret(token)
	_, mac, _ := strings.Cut(token, ".")
	for _, forged := range []string{"", ".", id, id + ".", id + "." + strings.Repeat("A", 43), "other." + mac, token[:len(token)-4], token + "AAAA", "." + mac} {
		p := s.NewBrowser(t).Open("/reset/cancel?token="+url.QueryEscape(forged)).At("reset-cancel", "unknown").HasStatus(404)
		p.Post("/reset/cancel", url.Values{"token": {forged}}).At("reset-cancel", "unknown")
	}
	if _, err := s.Store.ResetOf(t.Context(), user.Subject); err != nil {
		t.Fatalf("after forged links: %v", err)
	}
	s.Config.SecretKeys = append([]string{mfa.NewKey()}, s.Config.SecretKeys...)
	s.Start(1)
	p := s.NewBrowser(t).Open(address).At("reset-cancel", "initial")
	if submit := p.Find(func(n *html.Node) bool { return servertest.Attribute(n, "name") == "token" }); servertest.Attribute(submit, "value") != token {
		t.Error("the form has not the token")
	}
	p.Press("Cancel the reset").At("reset-cancel", "cancelled")
}

// The server carries out what is due by itself.
func TestServerResets(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	user := s.AddUser("ana")
	s.NewBrowser(t).Enrol("ana")
	must(t, s, "user", "totp", "reset", "ana", "--reason", "test", "--delay", "1h")
	s.Clock.Advance(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() { ended <- s.First().Serve(ctx, servertest.Listener(t), servertest.Listener(t)) }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if held, err := s.Store.EnrolmentBlocked(t.Context(), user.Subject); err != nil || held {
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if held, err := s.Store.EnrolmentBlocked(t.Context(), user.Subject); !held || err != nil {
		t.Errorf("the reset did not take place (%v)", err)
	}
}

// What cannot be run is said at once, and nothing is changed.
func TestResetUsage(t *testing.T) {
	t.Parallel()
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
		w := newEnv(nil, strings.NewReader(""), t.Output(), t.Output())
		err := run(t.Context(), tt.args, w)
		if w.Report(err) != 2 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want wrong usage with %q", tt.args, err, tt.want)
		}
	}
}

// What was proved with the old factors is worth nothing after the reset, wherever a sign-in has got to.
func TestResetEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		s.AddUser("ana")
		a, codes := s.NewBrowser(t).Enrol("ana")
		atCode, atConsent, signedIn := s.NewBrowser(t), s.NewBrowser(t), s.NewBrowser(t)
		v := c.Begin()
		waiting := v.SignIn(atCode, "ana").At("totp", "initial")
		allowing := c.Begin("acr_values", "aal2").SignIn(atConsent, "ana").GiveCode(a.Code(0)).At("consent", "initial")
		security := signedIn.Open("/account/security").GiveName("ana", servertest.Password).Click("Use a recovery code").
			Press("Continue", "recovery", codes[0]).Press("Continue").At("security", "on")
		s.Clock.Advance(time.Minute)

		must(t, s, "user", "totp", "reset", "ana", "--reason", "test")
		allowing.Press("Allow").At("login", "again")
		security.Reload().At("login", "initial")
		p := waiting.GiveCode(a.Code(0)).At("login", "again").GiveName("ana", servertest.Password)
		v.Finish(p.Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
	})
}

// Whom the policy obliges and an operator holds is told so, and gets no further, and neither does the app.
func TestHeldByPolicy(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *config.Config) { c.TwoSteps = []config.TwoSteps{{Must: "required"}} })
		c := s.NewClient(t, "shop")
		s.AddUser("ana")
		must(t, s, "user", "totp", "reset", "ana", "--reason", "test")
		b := s.NewBrowser(t)
		v := c.Begin()
		v.Refused(v.SignIn(b, "ana").At("held", "initial").Press("Cancel and go back"), "access_denied")
		p := s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("held", "initial")
		p.Press("Cancel and sign out").At("logged-out", "initial")

		// A link that no longer works leads nowhere else.
		link := commandLink(t, s, "ana")
		p = s.NewBrowser(t).Open(link).GiveName("ana", servertest.Password).At("setup", "initial")
		s.Clock.Advance(25 * time.Hour)
		p.Open(link).At("enrol-link", "expired")
		link = commandLink(t, s, "ana", "--ttl", "48h")
		p = s.NewBrowser(t).Open(link).GiveName("ana", servertest.Password).At("setup", "initial")
		s.ExpireLinks(t, s.Account(t, "ana").Subject)
		p.Reload().At("enrol-link", "expired").Press("Go on without the link").At("held", "initial")

		link = commandLink(t, s, "ana", "--ttl", "48h")
		v = c.Begin()
		app := s.NewBrowser(t)
		password := s.Clock.Now()
		waiting := v.SignIn(app, "ana").At("held", "initial")
		done, a := app.Open(link).At("setup", "initial").SetUp()
		done.At("security", "on")
		s.Clock.Advance(30 * time.Second)
		v.Finish(waiting.Reload().At("totp", "initial").GiveCode(a.Code(0)).Allow()).
			Authenticated(t, "aal2", password, "pwd", "otp", "mfa")
	})
}
