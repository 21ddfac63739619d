package hostile

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// TestFaultProxy shows that the proxy does what the tests of faults rest on: reads go on, a commit that is cut before is
// not made, and one that is cut after is.
func TestFaultProxy(t *testing.T) {
	t.Parallel()
	s, p := servertest.NewFaulty(t)
	db := servertest.OpenDatabase(t, p.Address)
	limit := mfa.Limit{Guesses: 9, Window: 1e12, Lock: 1e12}
	for _, tt := range []struct {
		mode      servertest.Trouble
		committed int
	}{{servertest.CutBefore, 0}, {servertest.CutAfter, 1}} {
		strike := p.Strike(tt.mode, "INSERT INTO guess", 1)
		if _, err := db.Account(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v: a read answers %v, want %v", tt.mode, err, store.ErrNotFound)
		}
		if _, err := db.Attempt(t.Context(), "pwd:"+tt.mode.String(), limit, s.Clock.Now()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v: the write answers %v, want %v", tt.mode, err, store.ErrUnavailable)
		}
		if !strike.Happened() {
			t.Errorf("%v: it did not happen", tt.mode)
		}
		if found, err := s.Store.Budgets(t.Context(), tt.mode.String(), s.Clock.Now()); err != nil || len(found) != tt.committed {
			t.Errorf("%v: the database has %+v (%v), want %d", tt.mode, found, err, tt.committed)
		}
		p.Mend()
		if _, err := db.Attempt(t.Context(), "pwd:"+tt.mode.String(), limit, s.Clock.Now()); err != nil {
			t.Errorf("%v, when it is over: %v", tt.mode, err)
		}
	}
	for _, mode := range []servertest.Trouble{servertest.HoldBefore, servertest.HoldAfter} {
		strike := p.Strike(mode, "INSERT INTO guess", 1)
		done := make(chan error)
		go func() {
			_, err := db.Attempt(t.Context(), "pwd:"+mode.String(), limit, s.Clock.Now())
			done <- err
		}()
		<-strike.Hit
		select {
		case err := <-done:
			t.Errorf("%v: the write is answered (%v)", mode, err)
		default:
		}
		p.Mend()
		if err := <-done; err != nil {
			t.Errorf("%v, let go: %v", mode, err)
		}
	}
}

// TestRightIsNeverLocked gives right passwords and right codes, more than the budgets have room for, while no commit
// comes to an end: when the database is well again nobody is locked out, and nothing is counted.
func TestRightIsNeverLocked(t *testing.T) {
	t.Parallel()
	for _, mode := range []servertest.Trouble{servertest.CutBefore, servertest.CutAfter} {
		for what, match := range map[string]string{"every commit": "", "the count": servertest.CountsGuess, "all but the count": "not " + servertest.CountsGuess, "what is recorded": "INSERT INTO audit"} {
			t.Run(mode.String()+" "+what, func(t *testing.T) {
				t.Parallel()
				s, p := servertest.NewFaulty(t)
				c := enrolledHere(t, s)
				v := c.Begin()
				b := s.NewBrowser(t)
				totp := v.SignIn(b, "ana").At("totp", "initial")
				recovery := totp.Click("Use a recovery code")
				login := s.NewBrowser(t).Open("/login").At("login", "initial")
				known := b.Open(c.Begin("prompt", "login").Address)
				p.Strike(mode, match, 0)
				for i := range 11 {
					totp.GiveCode(c.Phone.Code(0))
					if i < len(c.Codes) {
						recovery.Press("Continue", "recovery", c.Codes[i])
					}
					login.GiveName("ana", servertest.Password)
					known.Press("Sign in", "username", "ana", "password", servertest.Password)
					s.Clock.Advance(servertest.Step) // or the code would have been used
				}
				p.Mend()
				s.Settle(t)
				if got := s.Counts(t); len(got) > 0 {
					t.Errorf("counted are %v, want nothing", got)
				}
				login.GiveName("ana", servertest.Password).At("totp", "initial")
			})
		}
	}
}

// enrolledHere gives the servers that are there a client, and ana an authenticator, whose next code can be given at once.
func enrolledHere(t *testing.T, s *servertest.Site) *servertest.Enrolled {
	t.Helper()
	c := servertest.NewEnrolledAs(t, s, "shop", "ana")
	s.Clock.Advance(servertest.Step)
	return c
}

// TestHeldCommitsLockNobody has commits hang, as they do while a synchronous standby is away: the server gives each up
// after a while, and the database may make it then or not.
func TestHeldCommitsLockNobody(t *testing.T) {
	t.Parallel()
	for _, mode := range []servertest.Trouble{servertest.HoldBefore, servertest.HoldAfter} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			s, p := servertest.NewFaulty(t)
			c := enrolledHere(t, s)
			b := s.NewBrowser(t)
			totp, totpForm := c.Begin().SignIn(b, "ana").At("totp", "initial").Fill("Continue", "code", c.Phone.Code(0))
			login, loginForm := b.Open("/login").At("login", "initial").Fill("Sign in", "username", "ana", "password", servertest.Password)
			strike := p.Strike(mode, "", 0)
			servertest.AtOnce(16, func(i int) error {
				if i < 5 {
					return b.TrySend(totp, totpForm)
				}
				return b.TrySend(login, loginForm)
			})
			if !strike.Happened() {
				t.Error("no commit was held")
			}
			p.Mend()
			s.Settle(t)
			for end := time.Now().Add(15 * time.Second); len(s.Counts(t)) > 0 && time.Now().Before(end); s.Settle(t) {
				time.Sleep(50 * time.Millisecond) // what the server gave up may be committed now, and is still owed then
			}
			if got := s.Counts(t); len(got) > 0 {
				t.Errorf("counted are %v, want nothing", got)
			}
			b.Post(login, loginForm).At("totp", "initial").GiveCode(c.Phone.Code(0)).At("security", "on")
		})
	}
}

// TestEveryFormMeetsAFault sends each form while one of the commits that it leads to goes wrong, the first, the second
// and so on: nothing that was right is counted, nobody is alarmed, and the same form, sent again, comes to its end.
func TestEveryFormMeetsAFault(t *testing.T) {
	t.Parallel()
	for _, mode := range []servertest.Trouble{servertest.CutBefore, servertest.CutAfter} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			s, p := servertest.NewFaulty(t)
			c := s.NewClient(t, "shop")
			for _, f := range servertest.EveryForm {
				t.Run(f.Name, func(t *testing.T) {
					for nth := 1; faultAt(t, s, p, c, mode, nth, f.Fill, f.End); nth++ {
					}
				})
			}
		})
	}
}

// faultAt reports false when the form leads to less than n commits.
func faultAt(t *testing.T, s *servertest.Site, p *servertest.FaultProxy, c *servertest.Client, mode servertest.Trouble, nth int, fill func(*servertest.User) servertest.Form, end string) bool {
	t.Helper()
	u := s.NewUser(t, c)
	form := fill(u)
	before := s.Counts(t)
	strike := p.Strike(mode, "", nth)
	got := form.Send()
	p.Mend()
	if !strike.Happened() {
		if got.End() != end {
			t.Errorf("without a fault the form ends at %s, want %s", got.End(), end)
		}
		return false
	}
	s.Settle(t)
	s.NotMore(t, before)
	if again := form.Send(); again.End() != end {
		t.Errorf("commit %d: the form ends at %s and, sent again, at %s, want %s", nth, got.End(), again.End(), end)
	}
	s.NotMore(t, before)
	for _, kind := range []string{audit.EventTokenReused, audit.EventTOTPFailed, audit.EventRecoveryFailed, audit.EventPasswordFailed} {
		if found := s.Events(t, u.Subject, kind); len(found) > 0 {
			t.Errorf("commit %d: recorded are %+v", nth, found)
		}
	}
	return true
}

// TestTokensMeetAFault does the same at the token endpoint: the honest retry of a refresh gets tokens, which work, and so does
// that of a code which was not redeemed. A code that was is spent, though its answer was lost: then the user goes through
// /authorize again, and nobody but the log hears of it.
func TestTokensMeetAFault(t *testing.T) {
	t.Parallel()
	s, p := servertest.NewFaulty(t)
	c := s.NewClient(t, "shop")
	for _, mode := range []servertest.Trouble{servertest.CutBefore, servertest.CutAfter} {
		for nth := 1; ; nth++ {
			u := s.NewUser(t, c)
			first, met := redeemed(t, s, p, c, u, mode, nth)
			second, metToo := retried(t, s, p, c, mode, nth, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
			if status := s.UserInfo(second.AccessToken); status != http.StatusOK {
				t.Errorf("%v commit %d: the access token is answered with %d, want 200", mode, nth, status)
			}
			want := 0
			if met && mode == servertest.CutAfter {
				want = 1 // of the code
			}
			if found := s.Events(t, u.Subject, audit.EventTokenReused); len(found) != want {
				t.Errorf("%v commit %d: recorded are %+v, want %d", mode, nth, found, want)
			}
			if !met && !metToo {
				break
			}
		}
	}
}

// redeemed redeems a code of the user while a commit goes wrong, and does what an honest app does then.
func redeemed(t *testing.T, s *servertest.Site, p *servertest.FaultProxy, c *servertest.Client, u *servertest.User, mode servertest.Trouble, nth int) (servertest.Reply, bool) {
	t.Helper()
	v := c.BeginOffline()
	form := codeForm(v, v.SignIn(u.Browser(), u.Name).Allow())
	a, met := struck(t, s, p, c, mode, nth, form)
	if !met {
		return a, false
	}
	a = s.Token(c, form)
	if mode == servertest.CutAfter {
		if a.Error != "invalid_grant" {
			t.Errorf("a code whose answer was lost is answered with %+v, want invalid_grant", a)
		}
		v = c.BeginOffline()
		a = s.Token(c, codeForm(v, v.SignIn(u.Browser(), u.Name)))
	}
	if a.Status != http.StatusOK {
		t.Errorf("%v commit %d: the honest retry is answered with %+v", mode, nth, a)
	}
	s.KeepSecret(a.AccessToken)
	return a, true
}

// codeForm is the request for the tokens of the code that the page ends with.
func codeForm(v *servertest.Trip, p *servertest.Page) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {v.Code(p)}, "redirect_uri": {servertest.ReturnURI}, "code_verifier": {v.PKCE}}
}

// struck sends a request while a commit goes wrong.
func struck(t *testing.T, s *servertest.Site, p *servertest.FaultProxy, c *servertest.Client, mode servertest.Trouble, nth int, form url.Values) (servertest.Reply, bool) {
	t.Helper()
	strike := p.Strike(mode, "", nth)
	a := s.Token(c, form)
	p.Mend()
	want := http.StatusOK
	if strike.Happened() {
		want = http.StatusServiceUnavailable
	}
	if a.Status != want {
		t.Errorf("%v commit %d: %s is answered with %+v, want %d", mode, nth, form.Get("grant_type"), a, want)
	}
	s.KeepSecret(a.AccessToken)
	return a, strike.Happened()
}

// retried sends a request while a commit goes wrong, and again.
func retried(t *testing.T, s *servertest.Site, p *servertest.FaultProxy, c *servertest.Client, mode servertest.Trouble, nth int, form url.Values) (servertest.Reply, bool) {
	t.Helper()
	_, met := struck(t, s, p, c, mode, nth, form)
	a := s.Token(c, form)
	if a.Status != http.StatusOK {
		t.Errorf("%v commit %d: %s again is answered with %+v", mode, nth, form.Get("grant_type"), a)
	}
	s.KeepSecret(a.AccessToken)
	return a, met
}
