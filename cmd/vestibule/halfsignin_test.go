package main

import (
	"net/url"
	"testing"
	"time"

	"vestibule/config"
)

// half is a sign-in whose password was given, at one of the forms for a second factor.
type half struct {
	*page
	address string
	form    url.Values
	field   string
}

// halves opens sign-ins that stand at the form with that field.
func halves(t *testing.T, c *enrolled, n int, field string) []half {
	t.Helper()
	all := make([]half, n)
	for i := range all {
		p := c.begin().signIn(c.site.newBrowser(t), c.user).at("totp", "initial")
		if field == "recovery" {
			p = p.click("Use a recovery code").at("recovery", "initial")
		}
		all[i] = half{page: p, field: field}
		all[i].address, all[i].form = p.fill("Continue", field, "")
	}
	return all
}

// give sends a code, whatever page the sign-in shows by now.
func (h half) give(code string) *page {
	h.t.Helper()
	form := url.Values{"flow": h.form["flow"], h.field: {code}}
	return h.post(h.address, form)
}

// wrongFor is a wrong code of the kind that the form takes, another one each time.
func (c *enrolled) wrongFor(field string, n int) string {
	if field == "code" {
		return c.phone.wrong()
	}
	const symbols = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	return "22222-22222-222" + string([]byte{symbols[n/31%31], symbols[n%31]})
}

// TestHalfSignInsEndWithALock opens many half sign-ins, locks codes, and lets every one of them guess on after each lock:
// nothing is compared until the password is given again, and nothing is locked anew. On two servers.
func TestHalfSignInsEndWithALock(t *testing.T) {
	short := func(c *config.Config) { c.TOTPLock = time.Minute }
	for _, field := range []string{"code", "recovery"} {
		t.Run(field, func(t *testing.T) {
			eachSiteWith(t, short, func(t *testing.T, s *site) {
				c := enrolledClient(t, s, 2)
				s.clock.advance(oneStep)
				tabs := halves(t, c, 6, field)
				n := 0
				wrong := func() string { n++; return c.wrongFor(field, n) }
				for range s.config.TOTPGuesses {
					tabs[0].give(wrong())
				}
				tabs[1].give(wrong()) // meets the lock
				s.clock.advance(30 * time.Second)
				during := halves(t, c, 1, field)
				for range 10 {
					s.clock.advance(time.Minute)
					for i, tab := range append(tabs, during...) {
						if p := tab.give(wrong()); p.name != "login" || p.state != "again" && p.state != "timeout" {
							t.Fatalf("tab %d: page %s in state %s, want the password", i, p.name, p.state)
						}
					}
				}
				if got := s.compared(t, "ana"); got != s.config.TOTPGuesses {
					t.Errorf("%d wrong codes were compared, want %d", got, s.config.TOTPGuesses)
				}
				c.goesOn(t, tabs[2].give(wrong()), field)

				unaware := halves(t, c, 1, field)[0] // the lock is older than this password
				unaware.give(wrong())
				if got := s.compared(t, "ana"); got != s.config.TOTPGuesses+1 {
					t.Errorf("%d wrong codes were compared, want %d", got, s.config.TOTPGuesses+1)
				}
				tabs[3].give(wrong()) // somebody has signed in since: the old ones are not good for that
				if got := s.compared(t, "ana"); got != s.config.TOTPGuesses+1 {
					t.Errorf("%d wrong codes were compared after a full sign-in, want %d", got, s.config.TOTPGuesses+1)
				}
			})
		})
	}
}

// goesOn gives the password, and then the right code.
func (c *enrolled) goesOn(t *testing.T, p *page, field string) {
	t.Helper()
	p = p.press("Sign in", "username", c.user, "password", password).at("totp", "initial")
	if field == "code" {
		p.giveCode(c.phone.code(0)).at("consent", "initial")
		return
	}
	p = p.click("Use a recovery code").at("recovery", "initial").press("Continue", "recovery", c.codes[0])
	p.at("recovery-used", "initial")
}

// TestUnlockedSignInsGoOn: after `user unlock` there was no lock.
func TestUnlockedSignInsGoOn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		user, _, err := s.store.AccountByName(t.Context(), "ana")
		if err != nil {
			t.Fatal(err)
		}
		s.clock.advance(oneStep)
		tabs := halves(t, c, 3, "code")
		for range s.config.TOTPGuesses {
			tabs[0].give(c.phone.wrong())
		}
		tabs[1].give(c.phone.code(0)).at("totp", "locked")
		if _, err := operations(s.store).Unlock(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		tabs[2].give(c.phone.code(0)).at("consent", "initial")
	})
}

// TestOtherKindDuringALock: while codes are locked a recovery code still helps, without another password.
func TestOtherKindDuringALock(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		p := halves(t, c, 1, "code")[0]
		for range s.config.TOTPGuesses {
			p.give(c.phone.wrong())
		}
		locked := p.give(c.phone.code(0)).at("totp", "locked")
		locked.click("Use a recovery code").press("Continue", "recovery", c.codes[0]).at("recovery-used", "initial")
		c.begin().signIn(s.newBrowser(t), "ana").giveCode(c.phone.code(0)).at("totp", "locked") // it says nothing about codes
	})
}
