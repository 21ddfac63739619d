package signin

import (
	"net/url"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// half is a sign-in whose password was given, at one of the forms for a second factor.
type half struct {
	*servertest.Page
	address string
	form    url.Values
	field   string
}

// halves opens sign-ins that stand at the form with that field.
func halves(t *testing.T, c *servertest.Enrolled, n int, field string) []half {
	t.Helper()
	all := make([]half, n)
	for i := range all {
		p := c.Begin().SignIn(c.Site.NewBrowser(t), c.User).At("totp", "initial")
		if field == "recovery" {
			p = p.Click("Use a recovery code").At("recovery", "initial")
		}
		all[i] = half{Page: p, field: field}
		all[i].address, all[i].form = p.Fill("Continue", field, "")
	}
	return all
}

// give sends a code, whatever page the sign-in shows by now.
func (h half) give(code string) *servertest.Page {
	h.T.Helper()
	form := url.Values{"flow": h.form["flow"], h.field: {code}}
	return h.Post(h.address, form)
}

// wrongFor is a wrong code of the kind that the form takes, another one each time.
func wrongFor(c *servertest.Enrolled, field string, n int) string {
	if field == "code" {
		return c.Phone.Wrong()
	}
	const symbols = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
	return "22222-22222-222" + string([]byte{symbols[n/31%31], symbols[n%31]})
}

// TestHalfSignInsEndWithALock opens many half sign-ins, locks codes, and lets every one of them guess on after each lock:
// nothing is compared until the password is given again, and nothing is locked anew. On two servers.
func TestHalfSignInsEndWithALock(t *testing.T) {
	t.Parallel()
	short := func(c *config.Config) { c.TOTPLock = time.Minute }
	for _, field := range []string{"code", "recovery"} {
		t.Run(field, func(t *testing.T) {
			servertest.EachWith(t, short, func(t *testing.T, s *servertest.Site) {
				c := servertest.NewEnrolled(t, s, 2)
				s.Clock.Advance(servertest.Step)
				tabs := halves(t, c, 6, field)
				n := 0
				wrong := func() string { n++; return wrongFor(c, field, n) }
				for range s.Config.TOTPGuesses {
					tabs[0].give(wrong())
				}
				tabs[1].give(wrong()) // meets the lock
				s.Clock.Advance(30 * time.Second)
				during := halves(t, c, 1, field)
				for range 10 {
					s.Clock.Advance(time.Minute)
					for i, tab := range append(tabs, during...) {
						if p := tab.give(wrong()); p.Name != "login" || p.State != "again" && p.State != "timeout" {
							t.Fatalf("tab %d: page %s in state %s, want the password", i, p.Name, p.State)
						}
					}
				}
				if got := s.Compared(t, "ana"); got != s.Config.TOTPGuesses {
					t.Errorf("%d wrong codes were compared, want %d", got, s.Config.TOTPGuesses)
				}
				goesOn(t, c, tabs[2].give(wrong()), field)

				unaware := halves(t, c, 1, field)[0] // the lock is older than this password
				unaware.give(wrong())
				if got := s.Compared(t, "ana"); got != s.Config.TOTPGuesses+1 {
					t.Errorf("%d wrong codes were compared, want %d", got, s.Config.TOTPGuesses+1)
				}
				tabs[3].give(wrong()) // somebody has signed in since: the old ones are not good for that
				if got := s.Compared(t, "ana"); got != s.Config.TOTPGuesses+1 {
					t.Errorf("%d wrong codes were compared after a full sign-in, want %d", got, s.Config.TOTPGuesses+1)
				}
			})
		})
	}
}

// goesOn gives the password, and then the right code.
func goesOn(t *testing.T, c *servertest.Enrolled, p *servertest.Page, field string) {
	t.Helper()
	p = p.Press("Sign in", "username", c.User, "password", servertest.Password).At("totp", "initial")
	if field == "code" {
		p.GiveCode(c.Phone.Code(0)).At("consent", "initial")
		return
	}
	p = p.Click("Use a recovery code").At("recovery", "initial").Press("Continue", "recovery", c.Codes[0])
	p.At("recovery-used", "initial")
}

// TestUnlockedSignInsGoOn: after `user unlock` there was no lock.
func TestUnlockedSignInsGoOn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		user, _, err := s.Store.AccountByName(t.Context(), "ana")
		if err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(servertest.Step)
		tabs := halves(t, c, 3, "code")
		for range s.Config.TOTPGuesses {
			tabs[0].give(c.Phone.Wrong())
		}
		tabs[1].give(c.Phone.Code(0)).At("totp", "locked")
		if _, err := s.Operator().Unlock(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		tabs[2].give(c.Phone.Code(0)).At("consent", "initial")
	})
}

// TestOtherKindDuringALock: while codes are locked a recovery code still helps, without another password.
func TestOtherKindDuringALock(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		p := halves(t, c, 1, "code")[0]
		for range s.Config.TOTPGuesses {
			p.give(c.Phone.Wrong())
		}
		locked := p.give(c.Phone.Code(0)).At("totp", "locked")
		locked.Click("Use a recovery code").Press("Continue", "recovery", c.Codes[0]).At("recovery-used", "initial")
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Code(0)).At("totp", "locked") // it says nothing about codes
	})
}
