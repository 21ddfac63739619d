package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/storage"
)

// TestLimits lets many guess at one moment, over three server processes on one PostgreSQL, and counts in the audit log
// what was evaluated.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	t.Run("wrong codes", f.wrongCodes)
	t.Run("one step", f.oneStep)
	t.Run("one recovery code", f.oneRecoveryCode)
	t.Run("ten recovery codes", f.tenRecoveryCodes)
	t.Run("wrong passwords, addresses made up", func(t *testing.T) { f.wrongPasswords(t, "jörg") })
	f.Environ = append(f.Environ, "VESTIBULE_TRUSTED_PROXIES=127.0.0.1/32")
	f.KillAll()
	t.Run("wrong passwords from many addresses", func(t *testing.T) { f.wrongPasswords(t, "zoë") })
}

// fleet is three server processes and an app.
type fleet struct {
	*servertest.Shell
	shop *servertest.Client
	db   *storage.Store
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	database := servertest.PostgreSQL(t)
	o := newShell(t, database)
	o.Command("", "migrate", "up")
	c, secret := o.CreateShop()
	o.Start(3)
	shop := o.Site.Discover(t, c, secret)
	return &fleet{o, shop, servertest.OpenDatabase(t, database)}
}

// enrol sets up an authenticator for a new user, by the clock of the processes.
func (f *fleet) enrol(t *testing.T, name string) (b *servertest.Browser, subject string, a servertest.Phone, codes []string) {
	t.Helper()
	subject, b = f.AddUser(name), f.Site.NewBrowser(t)
	p := b.Open("/account/authenticators/new").GiveName(name, servertest.Password).At("setup", "initial")
	a = p.Phone()
	p = p.Press("Continue", "code", a.RealCode(0)).At("codes", "initial")
	codes = p.RecoveryCodes()
	p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
	return b, subject, a, codes
}

// events counts the user's events by kind.
func (f *fleet) events(t *testing.T, subject string) map[string]int {
	t.Helper()
	db, _, _ := servertest.OpenDump(t, f.Site.Config.Database)
	defer db.Close()
	counts := map[string]int{}
	for _, kind := range servertest.Column(t.Context(), t, db, `SELECT kind FROM audit WHERE subject = '`+subject+`'`) {
		counts[kind]++
	}
	return counts
}

// lockedUntil is when the user's budgets of that kind, for strangers, are all open again.
func (f *fleet) lockedUntil(t *testing.T, subject, kind string) time.Time {
	t.Helper()
	budgets, err := f.db.Budgets(t.Context(), subject, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var until time.Time
	for _, b := range budgets {
		if b.Kind == kind && b.LockedUntil.After(until) {
			until = b.LockedUntil
		}
	}
	return until
}

// filledForm was not sent yet.
type filledForm struct {
	*servertest.Browser
	address string
	values  url.Values
}

func sendAll(t *testing.T, forms []filledForm) {
	t.Helper()
	for _, err := range servertest.AtOnce(len(forms), func(i int) error { return forms[i].TrySend(forms[i].address, forms[i].values) }) {
		if err != nil {
			t.Errorf("send: %v", err)
		}
	}
}

// codeForms brings browsers of their own to the page that asks for a code.
func (f *fleet) codeForms(t *testing.T, n int, name string, fill func(i int, p *servertest.Page) (string, url.Values)) []filledForm {
	t.Helper()
	forms := make([]filledForm, n)
	var all sync.WaitGroup
	for i := range forms {
		forms[i].Browser = f.Site.NewBrowser(t)
		all.Go(func() {
			p := f.shop.Begin().SignIn(forms[i].Browser, name).At("totp", "initial")
			forms[i].address, forms[i].values = fill(i, p)
		})
	}
	all.Wait()
	return forms
}

// wrongCodes gives 50 wrong codes at one barrier.
func (f *fleet) wrongCodes(t *testing.T) {
	_, subject, a, _ := f.enrol(t, "ana")
	a.RealCode(0)
	fill := func(i int, p *servertest.Page) (string, url.Values) { return p.Fill("Continue", "code", a.Wrong()) }
	first := f.codeForms(t, 2, "ana", fill)
	sendAll(t, first)
	f.codeForms(t, 1, "ana", fill) // a right password between
	f.KillAll()                    // and a restart
	tabs := f.codeForms(t, 6, "ana", fill)
	var forms []filledForm
	for i := range 50 {
		form := tabs[i%len(tabs)]
		form.values = url.Values{"flow": form.values["flow"], "code": {a.Wrong()}}
		forms = append(forms, form)
	}
	sendAll(t, forms)
	got := f.events(t, subject)
	if n := got[audit.EventTOTPFailed] + got[audit.EventTOTPLocked]; n != 5 || got[audit.EventTOTPLocked] != 1 {
		t.Errorf("of 52 wrong codes %d were evaluated and began %d locks, want 5 and 1", n, got[audit.EventTOTPLocked])
	}
	until := f.lockedUntil(t, subject, "totp")
	f.KillAll()
	sendAll(t, forms[:10])
	p := tabs[0].Post(tabs[0].address, url.Values{"flow": tabs[0].values["flow"], "code": {a.RealCode(1)}}).At("totp", "locked")
	checkRetryAfter(t, p, until)
	if again := f.lockedUntil(t, subject, "totp"); !again.Equal(until) || until.IsZero() {
		t.Errorf("tries during the lock moved its end from %v to %v", until, again)
	}
	if now := f.events(t, subject); now[audit.EventTOTPFailed] != got[audit.EventTOTPFailed] || now[audit.EventTOTPLocked] != 1 {
		t.Errorf("tries during the lock were evaluated: %v after %v", now, got)
	}
	status := string(f.Command("", "user", "get", "ana"))
	if !strings.Contains(status, "5 wrong, locked until "+terminal.Moment(until)) {
		t.Errorf("user get does not say how long ana is locked:\n%s", status)
	}
	if out := string(f.Command("", "user", "unlock", "ana")); !strings.Contains(out, "one-time codes") {
		t.Errorf("user unlock says %q", out)
	}
	fresh := f.codeForms(t, 1, "ana", func(_ int, p *servertest.Page) (string, url.Values) {
		return p.Fill("Continue", "code", a.RealCode(1))
	})
	fresh[0].Post(fresh[0].address, fresh[0].values).At("consent", "initial")
	if n := f.events(t, subject)[audit.EventAdminUnlocked]; n != 1 {
		t.Errorf("%d events say that ana was unlocked, want 1", n)
	}
}

func checkRetryAfter(t *testing.T, p *servertest.Page, until time.Time) {
	t.Helper()
	p.HasStatus(http.StatusTooManyRequests)
	seconds, err := strconv.Atoi(p.Header.Get("Retry-After"))
	if left := time.Until(until).Seconds(); err != nil || float64(seconds) < left-5 || float64(seconds) > left+5 {
		t.Errorf("Retry-After is %q, want about %.0f", p.Header.Get("Retry-After"), left)
	}
}

// oneStep gives one right code at a sign-in, at a step-up and to remove the authenticator, all at once.
func (f *fleet) oneStep(t *testing.T) {
	member := f.Site.NewBrowser(t) // signs in before there is an authenticator
	subject := f.AddUser("ben")
	v := f.shop.Begin()
	v.Finish(v.SignIn(member, "ben").Allow())
	owner := f.Site.NewBrowser(t)
	p := owner.Open("/account/authenticators/new").GiveName("ben", servertest.Password).At("setup", "initial")
	a := p.Phone()
	p = p.Press("Continue", "code", a.RealCode(0)).At("codes", "initial")
	p.RecoveryCodes()
	p = p.Press("Turn on two-step verification", "saved", "on").At("security", "on")

	fill := func(_ int, p *servertest.Page) (string, url.Values) { return p.Fill("Continue", "code", "000000") }
	forms := f.codeForms(t, 6, "ben", fill)
	for range 5 {
		form := filledForm{Browser: member}
		form.address, form.values = fill(0, member.Open(f.shop.Begin().Address).At("totp", "initial"))
		forms = append(forms, form)
	}
	remove := p.Click("Remove").At("remove", "initial")
	for range 5 {
		form := filledForm{Browser: owner}
		form.address, form.values = remove.Fill("Remove", "password", servertest.Password, "code", "000000")
		forms = append(forms, form)
	}
	code := a.RealCode(1)
	for _, form := range forms {
		form.values.Set("code", code)
	}
	sendAll(t, forms)
	if n := f.events(t, subject)[audit.EventTOTP]; n != 1 {
		t.Errorf("one code was accepted %d times at %d places, want once", n, len(forms))
	}
}

// recoveryForms brings browsers to the page of recovery codes.
func (f *fleet) recoveryForms(t *testing.T, name string, codes []string) []filledForm {
	t.Helper()
	return f.codeForms(t, len(codes), name, func(i int, p *servertest.Page) (string, url.Values) {
		return p.Click("Use a recovery code").At("recovery", "initial").Fill("Continue", "recovery", codes[i])
	})
}

// oneRecoveryCode gives the same recovery code 16 times at once.
func (f *fleet) oneRecoveryCode(t *testing.T) {
	_, subject, _, codes := f.enrol(t, "eva")
	var same []string
	for range 16 {
		same = append(same, codes[3])
	}
	sendAll(t, f.recoveryForms(t, "eva", same))
	if n := f.events(t, subject)[audit.EventRecoveryUsed]; n != 1 {
		t.Errorf("one recovery code was accepted %d times", n)
	}
	f.left(t, "eva", 9)
}

// tenRecoveryCodes gives ten different ones at once: all are good, and none is left.
func (f *fleet) tenRecoveryCodes(t *testing.T) {
	_, subject, _, codes := f.enrol(t, "fay")
	sendAll(t, f.recoveryForms(t, "fay", codes))
	if n := f.events(t, subject)[audit.EventRecoveryUsed]; n != 10 {
		t.Errorf("%d of 10 recovery codes were accepted: %v", n, f.events(t, subject))
	}
	f.left(t, "fay", 0)
}

func (f *fleet) left(t *testing.T, name string, want int) {
	t.Helper()
	if status := string(f.Command("", "user", "get", name)); !strings.Contains(status, fmt.Sprintf("%d of 10", want)) {
		t.Errorf("user get does not say that %d recovery codes are left:\n%s", want, status)
	}
}

// wrongPasswords gives 50 wrong passwords at one barrier, each said to come from elsewhere, under eight spellings of
// the two names.
func (f *fleet) wrongPasswords(t *testing.T, name string) {
	known := f.Site.NewBrowser(t)
	subject := f.AddUser(name)
	v := f.shop.Begin()
	v.Finish(v.SignIn(known, name).Allow())
	known.Open("/logout").Press("Sign out")

	limit := f.Site.NewBrowser(t).Open(f.shop.Begin().Address).At("login", "initial")
	guess := func(i int, secret string) filledForm {
		form := filledForm{Browser: limit.From(fmt.Sprintf("203.0.113.%d", i+1))}
		form.address, form.values = limit.Fill("Sign in", "username", spellings(name)[i%8], "password", secret)
		return form
	}
	var forms []filledForm
	for i := range 50 {
		forms = append(forms, guess(i, "wrong "+strconv.Itoa(i)))
	}
	sendAll(t, forms[:6])
	other := f.Site.NewBrowser(t).From("198.51.100.1") // a right password between
	v = f.shop.Begin()
	v.Finish(v.SignIn(other, name))
	f.KillAll() // and a restart
	sendAll(t, forms)
	got := f.events(t, subject)
	if n := got[audit.EventPasswordFailed] + got[audit.EventPasswordLocked]; n != 20 || got[audit.EventPasswordLocked] != 2 { // at the user name and at the address
		t.Errorf("of 56 wrong passwords %d were evaluated and began %d locks, want 20 and 2", n, got[audit.EventPasswordLocked])
	}
	db, _, _ := servertest.OpenDump(t, f.Site.Config.Database)
	defer db.Close()
	locks := servertest.Column(t.Context(), t, db, `SELECT detail FROM audit WHERE kind = 'auth.password.locked' AND subject = '`+subject+`'`)
	if len(locks) != 2 || !strings.Contains(locks[0], `"budget":"account"`) || !strings.Contains(locks[1], `"budget":"account"`) {
		t.Errorf("the log says of the locks: %q", locks)
	}
	until := f.lockedUntil(t, subject, "pwd")
	f.KillAll()
	sendAll(t, forms[:10])
	form := guess(0, servertest.Password)
	checkRetryAfter(t, form.Post(form.address, form.values).At("login", "locked"), until)
	if again := f.lockedUntil(t, subject, "pwd"); !again.Equal(until) || until.IsZero() {
		t.Errorf("tries during the lock moved its end from %v to %v", until, again)
	}
	if now := f.events(t, subject); now[audit.EventPasswordFailed] != 18 || now[audit.EventPasswordLocked] != 2 {
		t.Errorf("tries during the lock were evaluated: %v", now)
	}
	v = f.shop.Begin()
	v.Finish(v.SignIn(known, name)) // the owner comes in
	if n := f.events(t, subject)[audit.EventPassword]; n != 3 {
		t.Errorf("the right password was accepted %d times, want 3", n)
	}
	f.Command("", "user", "unlock", strings.ToUpper(name))
	form.Post(form.address, form.values)
	if n := f.events(t, subject)[audit.EventPassword]; n != 4 {
		t.Errorf("the right password was accepted %d times after user unlock, want 4", n)
	}
}

// spellings of a name with one letter that has two forms.
func spellings(name string) []string {
	apart := strings.NewReplacer("ö", "o\u0308", "ë", "e\u0308").Replace(name)
	return []string{
		name, apart, strings.ToUpper(name), strings.ToUpper(apart), "  " + name + " ",
		name + "@example.com", strings.ToUpper(apart) + "@Example.COM", strings.ToUpper(name[:1]) + apart[1:] + "@example.com ",
	}
}

// TestEveryEndpointCounts gives one wrong code at each place that takes one: together they lock them all.
func TestEveryEndpointCounts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		owner := s.NewBrowser(t)
		a, _ := owner.Enrol("ana")
		s.Clock.Advance(servertest.Step)

		setup := owner.Open("/account/authenticators/new").At("setup", "initial")
		setup.Press("Continue", "code", a.Wrong()).At("setup", "wrong")
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(a.Wrong()).At("totp", "wrong")
		stepUp := owner.Open(c.Begin("prompt", "login").Address).At("login", "initial").Press("Sign in", "password", servertest.Password)
		stepUp.At("totp", "initial").GiveCode(a.Wrong()).At("totp", "few")
		remove := owner.Open("/account").Click("Remove").At("remove", "initial")
		remove.Press("Remove", "password", servertest.Password, "code", a.Wrong()).At("remove", "few")
		s.Clock.Advance(11 * time.Minute)
		regenerate := owner.Open("/account/recovery-codes").At("totp", "initial")
		regenerate.GiveCode(a.Wrong()).At("totp", "locked").HasStatus(http.StatusTooManyRequests)

		for _, at := range []struct {
			place string
			page  *servertest.Page
		}{
			{"sign-in", c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(a.Code(0))},
			{"step-up", owner.Open(c.Begin("prompt", "login").Address).Press("Sign in", "password", servertest.Password).GiveCode(a.Code(0))},
			{"remove", remove.Press("Remove", "password", servertest.Password, "code", a.Code(0))},
			{"regenerate", regenerate.Post("/login/totp", url.Values{"flow": {regenerate.Value("flow")}, "code": {a.Code(0)}})},
		} {
			if at.page.Left != nil || at.page.State != "locked" {
				t.Errorf("%s: a right code during the lock leads to page %q in state %q", at.place, at.page.Name, at.page.State)
			}
		}
		s.Clock.Advance(15 * time.Minute)
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(a.Code(0)).At("consent", "initial")
	})
}

// TestPasswordLockEnds waits for the end of a lock, which tries during it and a restart do not put off.
func TestPasswordLockEnds(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		p := s.NewBrowser(t).Open(c.Begin().Address)
		for n := range s.Config.PasswordGuesses {
			p = p.GiveName("ana", "wrong "+strconv.Itoa(n))
			s.Clock.Advance(time.Second)
		}
		p.At("login", "locked").HasStatus(http.StatusTooManyRequests)
		s.Start(2)
		for range 7 {
			s.Clock.Advance(2 * time.Minute)
			p = p.GiveName("ana", servertest.Password).At("login", "locked")
		}
		p.Says("You can try again in 1 minute, at ")
		s.Clock.Advance(59 * time.Second)
		p.Reload().At("login", "initial").GiveName("ana", servertest.Password).At("consent", "initial")
	})
}

// TestTooManyInARow gives wrong codes so slowly that each lock ends in between. At last no code is taken any more, until
// a recovery code was given or an operator says so.
func TestTooManyInARow(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *config.Config) { c.TOTPInARow = 7 })
		c := servertest.NewEnrolled(t, s, 2)
		b := s.NewBrowser(t)
		disable := func() {
			t.Helper()
			for range s.Config.TOTPInARow {
				s.Clock.Advance(16 * time.Minute)
				c.Begin().SignIn(b, "ana").GiveCode(c.Phone.Wrong())
			}
			s.Clock.Advance(24 * time.Hour)
			c.Begin().SignIn(b, "ana").GiveCode(c.Phone.Code(0)).At("totp", "disabled").Says("Codes are switched off for this account")
		}
		disable()
		v := c.Begin()
		p := v.SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code").Press("Continue", "recovery", c.Codes[0])
		v.Finish(p.At("recovery-used", "initial").Press("Continue").Allow())
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Code(0))

		disable()
		user, _, err := s.Store.AccountByName(t.Context(), "ana")
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := s.Operator().WrongGuesses(t.Context(), user.Subject, s.Config.TOTPInARow)
		if err != nil || len(wrong) != 1 || !wrong[0].Disabled || wrong[0].InARow != 7 {
			t.Errorf("what counts against ana is %+v, %v; want 7 codes, and disabled", wrong, err)
		}
		if _, err := s.Operator().Unlock(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		v = c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Code(0)))
	})
}
