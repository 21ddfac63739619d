package hydra

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

// rows is how many sign-ins the database has.
func (w *world) rows(t *testing.T) int {
	t.Helper()
	db, _, _ := servertest.OpenDump(t, w.Config.Database)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM interaction`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestStrangersWriteNothing opens challenges of any length, many times and with wrong passwords: there is no row before a
// right one, and no address is longer than a proxy bears.
func TestStrangersWriteNothing(t *testing.T) {
	for _, size := range []int{300, 1100, 1500, 1700, 1900, 2100, 2500, 5000, 7000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: size})
			u := w.user(t, "ana")
			for range 3 {
				login := u.challengeOf(u.authURL("shop"))
				for range 2 {
					p := u.open(login).At("login", "initial")
					if n := len(p.Address.String()); n > 3100 {
						t.Errorf("an address of %d bytes", n)
					}
					p.GiveName("ana", "a wrong password").At("login", "wrong")
				}
			}
			if n := w.rows(t); n != 0 {
				t.Errorf("%d rows", n)
			}
			u.sees("login consent", "shop").are(t, "aal1", one...)
		})
	}
}

// TestLongRequests are requests of every kind with challenges that fit into no address of a page: nothing is asked twice, and
// what the client hears is what it hears else.
func TestLongRequests(t *testing.T) {
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		w := newWorld(t, database, hydratest.Config{Challenge: 5000})
		u := w.user(t, "ana").enrol()
		first := u.sees("login totp consent", "shop").are(t, "aal2", both...)
		w.Clock.Advance(2 * time.Second)
		u.sees("", "shop").are(t, "aal2", both...).at(t, first, false)
		u.sees("", "shop", "prompt", "none").are(t, "aal2", both...).at(t, first, false)
		for _, pairs := range [][]string{
			{"prompt", "login"}, {"prompt", "select_account", "max_age", "0"}, {"max_age", "1"}, {"prompt", "login", "login_hint", "somebody"},
		} {
			w.Clock.Advance(5 * time.Second)
			u.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
			got := u.sees("login totp", "shop", pairs...).are(t, "aal2", both...)
			first = got.at(t, first, true)
		}
		u.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		u.sees("login totp consent", "shop", "prompt", "login consent")
		u.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		u.hears("login_required", "", "shop", "prompt", "none")
		u.denies = true
		u.hears("access_denied", "login totp consent", "shop", "prompt", "consent")
	})
}

// TestLongRefused is a user who does not reach what is essential: the client hears so, by way of Hydra.
func TestLongRefused(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: 5000})
	u := w.user(t, "ana")
	p := u.follow(u.open(u.authURL("bank")).GiveName("ana", servertest.Password)).At("setup", "initial")
	p = u.follow(p.Press("Cancel and go back to The bank"))
	if p.Left == nil || p.Left.Query().Get("error") == "" || p.Left.Query().Get("state") == "" {
		t.Errorf("the client gets %v", p.End())
	}
}

// TestLongDevice is a device of a client with such challenges: its code is entered once more.
func TestLongDevice(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: 5000})
	u := w.user(t, "ana")
	device := w.hydra.NewDevice("shop", "openid")
	p := u.enter(u.open(device.Address), device).At("device-again", "long")
	u.saw("login")
	u.enter(u.follow(p.Click("Enter the code")), device).At("device-done", "initial")
	if u.saw("consent"); !device.Granted() {
		t.Error("the device is not signed in")
	}
}

// TestLongURL is a request that fits nowhere: the client hears so.
func TestLongURL(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: 5000})
	u := w.user(t, "ana")
	var state strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&state, "%x", i*i*i)
	}
	u.hears("invalid_request", "", "shop", "state", state.String())
	if n := w.rows(t); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// TestLongExpired begins anew where a row with the whole challenge has expired.
func TestLongExpired(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: 5000})
	u := w.user(t, "ana").enrol()
	u.sees("login totp consent", "shop")
	w.Clock.Advance(2 * time.Second)
	p := u.open(u.authURL("shop", "prompt", "consent")).At("consent", "initial")
	w.Clock.Advance(31 * time.Minute)
	p = p.Press("Allow").At("error", "expired")
	p = u.follow(p.Press("Start again"))
	u.pages = nil
	if c, _ := u.redeem("shop", u.goOn(p)); c.ACR != "aal2" {
		t.Errorf("claims %+v after pages %v", c, u.pages)
	}
}
