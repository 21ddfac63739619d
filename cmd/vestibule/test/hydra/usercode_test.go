package hydra

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/provider/hydra/hydratest"
)

// wrongCode is one that no device has.
const wrongCode = "NO-SUCH"

// fewGuesses are budgets that a test can use up: 3 wrong codes of a user, 5 of an address.
func fewGuesses(c *config.Config) {
	c.DeviceGuesses, c.DeviceAddressGuesses = 3, 5
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// eachGuessing is each with those budgets, and a device that waits.
func eachGuessing(t *testing.T, test func(t *testing.T, w *world, device hydratest.Device)) {
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		w := newWorld(t, database, hydratest.Config{}, fewGuesses)
		test(t, w, w.hydra.NewDevice("shop", "openid"))
	})
}

// somewhere is the address of strangers in these tests.
const somewhere = "198.51.100.7"

// stranger is somebody who has not signed in.
func (w *world) stranger(t *testing.T, address string) *user {
	t.Helper()
	return &user{world: w, t: t, b: w.NewBrowser(t).From(address)}
}

// member is a user who has signed in here.
func (w *world) member(t *testing.T, name, address string) *user {
	t.Helper()
	u := w.user(t, name)
	u.b = u.b.From(address)
	u.b.Open("/login").GiveName(name, servertest.Password).At("security", "off")
	return u
}

// guesses types codes one after the other, each of which must be compared and wrong.
func (u *user) guesses(device hydratest.Device, n int, last string) {
	u.t.Helper()
	p := u.open(device.Address)
	for i := range n {
		want := "wrong"
		if i == n-1 {
			want = last
		}
		p = p.Press("Continue", "code", wrongCode).At("device", want)
	}
}

// enters goes on to the sign-in with the right code.
func (u *user) enters(device hydratest.Device) {
	u.t.Helper()
	if p := u.follow(u.open(device.Complete).At("device", "check").Press("Continue")); p.Name != "login" && p.Name != "consent" {
		u.t.Errorf("after the right code, page %q in state %q", p.Name, p.State)
	}
}

// compared counts the user codes that have come to Hydra since it was last asked.
func (w *world) compared() (n int) {
	for _, call := range w.hydra.Calls() {
		if strings.HasSuffix(call, "/device/accept") {
			n++
		}
	}
	return n
}

// TestUserCodesAtOnce has many guess in one moment, at several servers: no more of it comes to Hydra than the budget allows.
func TestUserCodesAtOnce(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, w *world, device hydratest.Device) {
		w.Start(3)
		for name, tt := range map[string]struct {
			*user
			budget  int
			subject string
		}{
			"signed out": {w.stranger(t, somewhere), 5, ""},
			"signed in":  {w.member(t, "ana", somewhere), 3, w.Account(t, "ana").Subject},
		} {
			address, form := tt.open(device.Address).Fill("Continue", "code", wrongCode)
			w.compared()
			for _, err := range servertest.AtOnce(20, func(int) error { return tt.b.TrySend(address, form) }) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := w.compared(); n != tt.budget {
				t.Errorf("%s: %d of 20 guesses at once came to Hydra, want %d", name, n, tt.budget)
			}
			tt.open(device.Complete).At("device", "locked")
			tt.b.Post(address, with(form, "code", device.UserCode)).At("device", "locked")
			if n := w.compared(); n != 0 {
				t.Errorf("%s: Hydra was asked %d times during the lock", name, n)
			}
			failed, locked := w.guessed(t, tt.subject, audit.EventDeviceCodeFailed), w.guessed(t, tt.subject, audit.EventDeviceCodeLocked)
			if failed != tt.budget-1 || locked != 1 {
				t.Errorf("%s: the log has %d wrong codes and %d locks, want %d and 1", name, failed, locked, tt.budget-1)
			}
		}
	})
}

// with is the form with another value.
func with(form url.Values, name, value string) url.Values {
	other := url.Values{name: {value}}
	for n, values := range form {
		if n != name {
			other[n] = values
		}
	}
	return other
}

// guessed counts the events of the kind that are the subject's, empty for those of nobody.
func (w *world) guessed(t *testing.T, subject, kind string) (n int) {
	t.Helper()
	for _, e := range w.Events(t, "", kind) {
		if e.Subject == subject {
			n++
		}
	}
	return n
}

// TestUserCodeLock: whose guesses lock whom, what the page says of it, and what ends it.
func TestUserCodeLock(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, w *world, device hydratest.Device) {
		eve, ana := w.stranger(t, somewhere), w.member(t, "ana", somewhere)
		eve.guesses(device, 5, "locked")
		p := eve.open(device.Complete).At("device", "locked").HasStatus(http.StatusTooManyRequests).Says("You can try again in 15 minutes")
		if p.Header.Get("Retry-After") != "900" || strings.Contains(p.Body, "<form") {
			t.Errorf("the page says Retry-After %q, and has a form: %v", p.Header.Get("Retry-After"), strings.Contains(p.Body, "<form"))
		}
		w.stranger(t, somewhere).open(device.Address).At("device", "locked") // without cookies
		w.stranger(t, "198.51.100.8").enters(device)
		ana.guesses(device, 3, "locked") // who was not locked by eve, whose address is the same
		w.member(t, "ben", somewhere).enters(device)

		w.Clock.Advance(14*time.Minute + 59*time.Second)
		p.Click("Try again").At("device", "locked")
		w.Clock.Advance(time.Second)
		fresh := w.hydra.NewDevice("shop", "openid")
		eve.enters(fresh)
		ana.guesses(fresh, 3, "locked")
		if wrong, err := w.Operator().WrongGuesses(t.Context(), ana.subject, 3); err != nil || len(wrong) != 1 || wrong[0].Disabled {
			t.Errorf("ana's wrong guesses are %+v, %v, want those of user codes, which nothing disables", wrong, err)
		}
		if at, err := w.Operator().Unlock(t.Context(), w.Account(t, "ana")); err != nil || at != "user codes of devices" {
			t.Errorf("unlock: %q, %v", at, err)
		}
		ana.enters(fresh)
		for _, want := range []string{
			`vestibule_lockouts_total{scope="address",step="device"} `, `vestibule_lockouts_total{scope="account",step="device"} `,
			`vestibule_sign_in_attempts_total{result="ok",step="device"} `, `vestibule_sign_in_attempts_total{result="wrong",step="device"} `,
		} {
			counted := func(s *servertest.Instance) bool {
				return slices.ContainsFunc(s.Metrics(t), func(line string) bool { return strings.HasPrefix(line, want) })
			}
			if !slices.ContainsFunc(w.Servers(), counted) {
				t.Errorf("the metrics have no %s", want)
			}
		}
	})
}

// TestRightUserCode: a right code takes back its own guess and no other, and so does one that Hydra did not answer.
func TestRightUserCode(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, w *world, device hydratest.Device) {
		u := w.member(t, "ana", somewhere)
		u.guesses(device, 2, "wrong")
		for range 4 {
			u.enters(device)
		}
		if n := w.guessed(t, u.subject, audit.EventDeviceCode); n != 4 {
			t.Errorf("the log has %d right codes, want 4", n)
		}
		for _, fault := range []hydratest.Fault{hydratest.Unavailable, hydratest.Garbage} {
			p := u.open(device.Complete).At("device", "check")
			w.hydra.SetFault(func(*http.Request) hydratest.Fault { return fault })
			for range 4 {
				p.Press("Continue").At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
			}
			w.hydra.SetFault(nil)
		}
		u.enters(device)
		u.guesses(device, 1, "locked") // the third wrong one
	})
}

// TestUserCodeThatIsNone: what cannot be right is not counted where Hydra need not be asked, and is where it was.
func TestUserCodeThatIsNone(t *testing.T) {
	t.Parallel()
	eachGuessing(t, func(t *testing.T, w *world, device hydratest.Device) {
		u := w.member(t, "ana", somewhere)
		address, form := u.open(device.Address).Fill("Continue", "code", device.UserCode)
		w.compared()
		for range 4 {
			u.b.Post(address, with(form, "code", " ")).At("device", "required")
			u.b.Post(address, with(form, "challenge", "")).At("error", "unknown")
			u.b.Post(address, with(form, "challenge", "made-up")).At("error", "unknown")
		}
		if n := w.compared(); n != 0 {
			t.Errorf("Hydra was asked %d times", n)
		}
		for range 3 {
			u.b.Post(address, with(form, "challenge", "made-up-"+rand.Text())).At("error", "unknown")
		}
		if n := w.compared(); n != 3 {
			t.Errorf("Hydra was asked %d times, want 3", n)
		}
		u.open(device.Address).At("device", "locked")
	})
}
