package hydra

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

// enter gives the code of the device at the page for it, and does what the pages ask for until they end.
func (u *user) enter(p *servertest.Page, d hydratest.Device) *servertest.Page {
	u.t.Helper()
	u.pages = nil
	state := "initial"
	if p.Value("code") != "" {
		state = "check"
	}
	p = u.follow(p.At("device", state).Press("Continue", "code", d.UserCode))
	for range 8 {
		if strings.HasPrefix(p.Name, "device") {
			return p
		}
		u.pages = append(u.pages, p.Name)
		p = u.follow(u.answer(p))
	}
	u.t.Fatalf("the pages do not end: %v", u.pages)
	return nil
}

// saw fails the test unless the last pages were those.
func (u *user) saw(pages string) {
	u.t.Helper()
	if got := strings.Join(u.pages, " "); got != pages {
		u.t.Errorf("pages %q, want %q", got, pages)
	}
}

// TestDeviceOfAnotherUser is a device at a browser that Hydra knows one user in, and the pages another: Hydra's session ends,
// and the code is entered once more. Nothing is asked twice but whether to allow it.
func TestDeviceOfAnotherUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, signsIn := range map[string]bool{"at the device": false, "before": true} {
			suffix := strings.Fields(name)[0]
			ana, ben := w.user(t, "ana"+suffix), w.user(t, "ben"+suffix).enrol()
			ana.sees("login consent", "shop")
			elsewhere := w.NewBrowser(t)
			ana.b, elsewhere = elsewhere, ana.b
			ana.sees("login", "shop", "prompt", "login") // a session in another browser, which goes on
			ben.b = elsewhere
			ben.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
			want := "login totp consent"
			if signsIn {
				w.Clock.Advance(servertest.Step)
				ben.b.Open("/login").GiveName(ben.name, servertest.Password).Press("Continue", "code", ben.phone.Code(0)).At("security", "on")
				want = "consent"
			}
			w.Clock.Advance(2 * time.Second)
			device := w.hydra.NewDevice("shop", "openid")
			p := ben.enter(ben.open(device.Complete), device).At("device-again", "other")
			if ben.saw(want); device.Granted() || w.hydra.Sessions(ana.subject) != 1 {
				t.Errorf("%s: granted %v, ana has %d sessions", name, device.Granted(), w.hydra.Sessions(ana.subject))
			}
			p = ben.follow(p.Click("Enter the code"))
			if p.Value("code") != "" {
				t.Errorf("%s: the page shows %q", name, p.Value("code"))
			}
			ben.enter(p, device).At("device-done", "initial")
			if again := map[bool]string{false: "consent", true: "login totp consent"}[signsIn]; !device.Granted() || w.hydra.Sessions(ben.subject) != 1 {
				t.Errorf("%s: granted %v, ben has %d sessions", name, device.Granted(), w.hydra.Sessions(ben.subject))
			} else {
				ben.saw(again)
			}
		}
	})
}

// TestDeviceLate is a user who takes longer than Hydra waits, and a device that still does.
func TestDeviceLate(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{RequestTime: 5 * time.Minute})
	u := w.user(t, "ana")
	device := w.hydra.NewDevice("shop", "openid")
	p := u.follow(u.open(device.Address).Press("Continue", "code", device.UserCode)).At("login", "initial")
	w.Clock.Advance(6 * time.Minute)
	p = u.follow(u.answer(u.follow(u.answer(p)).At("consent", "initial"))).At("device-again", "late")
	u.enter(u.follow(p.Click("Enter the code")), device).At("device-done", "initial")
	if u.saw("consent"); !device.Granted() {
		t.Error("the device is not signed in")
	}
}

// TestDeviceDenied is a user who does not allow it, and then does: Hydra would show an answer for programs.
func TestDeviceDenied(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		device := w.hydra.NewDevice("shop", "openid")
		u.denies = true
		p := u.enter(u.open(device.Address), device).At("device-again", "denied").Says("Nothing was allowed")
		u.denies = false
		if p = u.follow(p.Click("Enter the code")); device.Granted() {
			t.Error("granted")
		}
		u.enter(p, device).At("device-done", "initial")
		if !device.Granted() || !slices.Contains(u.pages, "consent") {
			t.Errorf("granted %v after pages %v", device.Granted(), u.pages)
		}
	})
}

// TestDevicePage shows nothing that anybody can put into its address.
func TestDevicePage(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	b := w.NewBrowser(t)
	for _, to := range []string{"", "?to=", "?to=x.y", "?to=https://evil.example/"} {
		b.Open("/hydra/device/again"+to).At("error", "unknown")
	}
}
