package main

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// TestFaultProxy shows that the proxy does what the tests of faults rest on: reads go on, a commit that is cut before is
// not made, and one that is cut after is.
func TestFaultProxy(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	db := openDatabase(t, p.address)
	limit := mfa.Limit{Guesses: 9, Window: 1e12, Lock: 1e12}
	for _, tt := range []struct {
		mode      trouble
		committed int
	}{{cutBefore, 0}, {cutAfter, 1}} {
		strike := p.set(tt.mode, "INSERT INTO guess", 1)
		if _, err := db.Account(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v: a read answers %v, want %v", tt.mode, err, store.ErrNotFound)
		}
		if _, err := db.Attempt(t.Context(), "pwd:"+tt.mode.String(), limit, s.clock.now()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v: the write answers %v, want %v", tt.mode, err, store.ErrUnavailable)
		}
		if !strike.happened() {
			t.Errorf("%v: it did not happen", tt.mode)
		}
		if found, err := s.store.Budgets(t.Context(), tt.mode.String(), s.clock.now()); err != nil || len(found) != tt.committed {
			t.Errorf("%v: the database has %+v (%v), want %d", tt.mode, found, err, tt.committed)
		}
		p.mend()
		if _, err := db.Attempt(t.Context(), "pwd:"+tt.mode.String(), limit, s.clock.now()); err != nil {
			t.Errorf("%v, when it is over: %v", tt.mode, err)
		}
	}
	for _, mode := range []trouble{holdBefore, holdAfter} {
		strike := p.set(mode, "INSERT INTO guess", 1)
		done := make(chan error)
		go func() {
			_, err := db.Attempt(t.Context(), "pwd:"+mode.String(), limit, s.clock.now())
			done <- err
		}()
		<-strike.hit
		select {
		case err := <-done:
			t.Errorf("%v: the write is answered (%v)", mode, err)
		default:
		}
		p.mend()
		if err := <-done; err != nil {
			t.Errorf("%v, let go: %v", mode, err)
		}
	}
}

// counts are the budgets as they stand: how many guesses under which key.
func (s *site) counts(t *testing.T) map[string]int {
	t.Helper()
	db, _, _ := openDump(t, s.config.Database)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT budget, tries + in_a_row FROM guess WHERE tries > 0 OR in_a_row > 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var key string
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			t.Fatal(err)
		}
		found[key] = n
	}
	return found
}

// settle gives back what the server owes.
func (s *site) settle(t *testing.T) {
	t.Helper()
	for _, a := range s.instances() {
		if err := a.Settle(t.Context()); err != nil {
			t.Fatalf("settle: %v", err)
		}
	}
}

// TestRightIsNeverLocked gives right passwords and right codes, more than the budgets have room for, while no commit
// comes to an end: when the database is well again nobody is locked out, and nothing is counted.
func TestRightIsNeverLocked(t *testing.T) {
	t.Parallel()
	for _, mode := range []trouble{cutBefore, cutAfter} {
		for what, match := range map[string]string{"every commit": "", "the count": countsGuess, "all but the count": "not " + countsGuess, "what is recorded": "INSERT INTO audit"} {
			t.Run(mode.String()+" "+what, func(t *testing.T) {
				t.Parallel()
				s, p := faultySite(t)
				c := enrolledHere(t, s)
				v := c.begin()
				b := s.newBrowser(t)
				totp := v.signIn(b, "ana").at("totp", "initial")
				recovery := totp.click("Use a recovery code")
				login := s.newBrowser(t).open("/login").at("login", "initial")
				known := b.open(c.begin("prompt", "login").address)
				p.set(mode, match, 0)
				for i := range 11 {
					totp.giveCode(c.phone.code(0))
					if i < len(c.codes) {
						recovery.press("Continue", "recovery", c.codes[i])
					}
					login.giveName("ana", password)
					known.press("Sign in", "username", "ana", "password", password)
					s.clock.advance(oneStep) // or the code would have been used
				}
				p.mend()
				s.settle(t)
				if got := s.counts(t); len(got) > 0 {
					t.Errorf("counted are %v, want nothing", got)
				}
				login.giveName("ana", password).at("totp", "initial")
			})
		}
	}
}

// enrolledHere is enrolledClient on the servers that are there, a step later.
func enrolledHere(t *testing.T, s *site) *enrolled {
	t.Helper()
	c := enrolledClientAs(t, s, "shop", "ana")
	s.clock.advance(oneStep)
	return c
}

// TestHeldCommitsLockNobody has commits hang, as they do while a synchronous standby is away: the server gives each up
// after a while, and the database may make it then or not.
func TestHeldCommitsLockNobody(t *testing.T) {
	t.Parallel()
	for _, mode := range []trouble{holdBefore, holdAfter} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			s, p := faultySite(t)
			c := enrolledHere(t, s)
			b := s.newBrowser(t)
			totp, totpForm := c.begin().signIn(b, "ana").at("totp", "initial").fill("Continue", "code", c.phone.code(0))
			login, loginForm := b.open("/login").at("login", "initial").fill("Sign in", "username", "ana", "password", password)
			strike := p.set(mode, "", 0)
			atOnce(16, func(i int) error {
				if i < 5 {
					return b.send(totp, totpForm)
				}
				return b.send(login, loginForm)
			})
			if !strike.happened() {
				t.Error("no commit was held")
			}
			p.mend()
			s.settle(t)
			if got := s.counts(t); len(got) > 0 {
				t.Errorf("counted are %v, want nothing", got)
			}
			b.post(login, loginForm).at("totp", "initial").giveCode(c.phone.code(0)).at("security", "on")
		})
	}
}

// TestEveryFormMeetsAFault sends each form while one of the commits that it leads to goes wrong, the first, the second
// and so on: nothing that was right is counted, nobody is alarmed, and the same form, sent again, comes to its end.
func TestEveryFormMeetsAFault(t *testing.T) {
	t.Parallel()
	for _, mode := range []trouble{cutBefore, cutAfter} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			s, p := faultySite(t)
			c := s.newClient(t, "shop")
			for _, f := range everyForm {
				t.Run(f.name, func(t *testing.T) {
					for nth := 1; s.faultAt(t, p, c, mode, nth, f.fill, f.end); nth++ {
					}
				})
			}
		})
	}
}

// faultAt reports false when the form leads to less than n commits.
func (s *site) faultAt(t *testing.T, p *faultProxy, c *client, mode trouble, nth int, fill func(*visitor) sheet, end string) bool {
	t.Helper()
	u := s.visitor(t, c)
	form := fill(u)
	before := s.counts(t)
	strike := p.set(mode, "", nth)
	got := form.send()
	p.mend()
	if !strike.happened() {
		if got.end() != end {
			t.Errorf("without a fault the form ends at %s, want %s", got.end(), end)
		}
		return false
	}
	s.settle(t)
	s.notMore(t, before)
	if again := form.send(); again.end() != end {
		t.Errorf("commit %d: the form ends at %s and, sent again, at %s, want %s", nth, got.end(), again.end(), end)
	}
	s.notMore(t, before)
	for _, kind := range []string{audit.EventTokenReused, audit.EventTOTPFailed, audit.EventRecoveryFailed, audit.EventPasswordFailed} {
		if found := s.events(t, u.subject, kind); len(found) > 0 {
			t.Errorf("commit %d: recorded are %+v", nth, found)
		}
	}
	return true
}

// TestTokensMeetAFault does the same at the token endpoint: the honest retry gets tokens, which work, and there is one
// family.
func TestTokensMeetAFault(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	c := s.newClient(t, "shop")
	for _, mode := range []trouble{cutBefore, cutAfter} {
		for nth := 1; ; nth++ {
			u := s.visitor(t, c)
			v := c.beginOffline()
			code := v.code(v.signIn(u.new(), u.name).allow())
			form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {returnURI}, "code_verifier": {v.pkce}}
			first, met := s.retried(t, p, c, mode, nth, form)
			second, metToo := s.retried(t, p, c, mode, nth, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}})
			if status := s.userInfo(second.AccessToken); status != http.StatusOK {
				t.Errorf("%v commit %d: the access token is answered with %d, want 200", mode, nth, status)
			}
			if found := s.events(t, u.subject, audit.EventTokenReused); len(found) > 0 {
				t.Errorf("%v commit %d: recorded are %+v", mode, nth, found)
			}
			if !met && !metToo {
				break
			}
		}
	}
}

// retried sends a request while a commit goes wrong, and again.
func (s *site) retried(t *testing.T, p *faultProxy, c *client, mode trouble, nth int, form url.Values) (reply, bool) {
	t.Helper()
	strike := p.set(mode, "", nth)
	a := s.token(c, form)
	p.mend()
	if strike.happened() && a.Status != http.StatusServiceUnavailable {
		t.Errorf("%v commit %d: %s is answered with %+v, want 503", mode, nth, form.Get("grant_type"), a)
	}
	if a = s.token(c, form); a.Status != http.StatusOK {
		t.Errorf("%v commit %d: %s again is answered with %+v", mode, nth, form.Get("grant_type"), a)
	}
	s.keepSecret(a.AccessToken)
	return a, strike.happened()
}
