package pages

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/hydra/hydratest"
)

// newDeviceStage is a site that a Hydra has its users sign in at, a user and a browser. A user has two wrong codes of devices,
// an address four.
func newDeviceStage(t *testing.T) (*hydratest.Hydra, *servertest.Tab) {
	t.Helper()
	var s *servertest.Site
	h := hydratest.Start(t, hydratest.Config{Now: func() time.Time { return s.Clock.Now() }})
	s = servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
		c.HydraAdminURL, c.DeviceGuesses, c.DeviceAddressGuesses = h.AdminURL, 2, 4
	})
	at := s.Config.Issuer + "/hydra"
	h.SetURLs(hydratest.URLs{Login: at + "/login", Consent: at + "/consent", Error: at + "/error", Device: at + "/device", DeviceDone: at + "/device/done"})
	h.SetClient(hydratest.Client{ID: "tv", Name: "The television", Scope: "openid profile"})
	s.AddUser("ana")
	return h, s.NewTab(t)
}

// TestEveryDevicePage looks at the pages of devices as TestEveryPage does at all others.
func TestEveryDevicePage(t *testing.T) {
	t.Parallel()
	h, b := newDeviceStage(t)
	g := newGallery(t, b)
	device := h.NewDevice("tv", "openid")
	g.Open(device.Address).At("device", "initial")
	g.show("device")
	g.Press("Continue").At("device", "required")
	g.show("device-required")
	g.Put("code", "NO-SUCH").Press("Continue").At("device", "wrong")
	g.show("device-wrong")
	g.Site.Clock.Advance(11 * time.Minute)
	g.Put("code", device.UserCode).Press("Continue").At("device", "wrong") // for Hydra does not tell that it has expired

	device = h.NewDevice("tv", "openid")
	g.Open(device.Complete).At("device", "check")
	g.show("device-check")
	g.Press("Continue").At("login", "initial").Put("username", "ana").Put("password", servertest.Password).Press("Sign in").At("consent", "initial")
	g.show("device-consent")
	g.Press("Allow").At("device-done", "initial")
	g.show("device-done")
	if !device.Granted() {
		t.Error("the device waits on")
	}
	g.Open(device.Complete).At("device", "check").Press("Continue").At("device", "wrong") // since it was used

	device = h.NewDevice("tv", "openid")
	g.Open(device.Complete).At("device", "check")
	h.SetFault(func(*http.Request) hydratest.Fault { return hydratest.Unavailable })
	g.Press("Continue").At("error", "unavailable")
	g.show("device-unavailable")
	h.SetFault(nil)
	g.Back().At("device", "check").Put("code", "NO-SUCH").Press("Continue").At("device", "locked")
	g.show("device-locked")
	g.Press("Try again").At("device", "locked")
	g.Site.Clock.Advance(15 * time.Minute)
	g.Press("Try again").At("device", "check")
}

// TestDeviceByKeyboard walks the pages of devices with the keyboard alone.
func TestDeviceByKeyboard(t *testing.T) {
	t.Parallel()
	h, b := newDeviceStage(t)
	device := h.NewDevice("tv", "openid")
	b.Open("/hydra/device/done").Press("Help") // a window has no focus before it was clicked
	b.Open(device.Address).At("device", "initial").Focused()
	tabOrder(b, "code", "Continue", "Help")
	b.Open(device.Address).Focused().Keys("nosuch").Enter().At("device", "wrong").Focused()
	errorAlone(b, "code")
	b.Open(device.Complete).At("device", "check").Focused().Enter().At("login", "initial")

	for range 3 {
		b.Open(device.Address).Focused().Keys("nosuch").Enter()
	}
	b.At("device", "locked").Keys(kb.Tab) // to the link that skips the header
	b.Keys(kb.Tab)
	tabOrder(b, "Try again", "Help")
}

// TestDeviceWithoutJavaScript signs a device in with the pages' scripts switched off.
func TestDeviceWithoutJavaScript(t *testing.T) {
	t.Parallel()
	h, b := newDeviceStage(t)
	device := h.NewDevice("tv", "openid")
	b.WithoutScripts().Open(device.Address).At("device", "initial").Put("code", "NO-SUCH").Press("Continue").At("device", "wrong")
	b.Put("code", " "+strings.ToLower(device.UserCode)+" ").Press("Continue").At("login", "initial")
	b.Put("username", "ana").Put("password", servertest.Password).Press("Sign in").At("consent", "initial").Press("Allow").At("device-done", "initial")
	if !device.Granted() {
		t.Error("the device waits on")
	}
}

// TestEveryPageOfOurDevices looks at what our own devices have beside the pages that a Hydra's devices have.
func TestEveryPageOfOurDevices(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	tv := s.NewClient(t, "tv", servertest.OnDevice)
	g := newGallery(t, s.NewTab(t))
	device := tv.NewDevice(t, "openid profile")
	g.Open(device.URI).At("device", "initial").Put("code", strings.ToLower(device.UserCode)).Press("Continue")
	g.At("login", "initial").Put("username", "ana").Put("password", servertest.Password).Press("Sign in").At("consent", "initial")
	g.show("our-device-consent")
	g.Press("Don’t allow").At("device-again", "denied")
	g.show("our-device-denied")
	g.Press("Enter the code").At("device", "initial")

	device = tv.NewDevice(t, "openid profile")
	g.Open(device.Complete).At("device", "check").Press("Continue").At("consent", "initial")
	s.Clock.Advance(11 * time.Minute)
	g.Press("Allow").At("device-again", "late")
	g.show("our-device-late")

	device = tv.NewDevice(t, "openid profile")
	g.Open(device.Complete).At("device", "check").Press("Continue").At("consent", "initial").Press("Allow").At("device-done", "initial")
	if device.Poll().AccessToken == "" {
		t.Error("the device is not signed in")
	}
}
