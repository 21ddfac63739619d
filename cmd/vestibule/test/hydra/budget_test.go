package hydra

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

// made returns the calls of the admin API since it was last asked, without what all have in common and without tests' own.
func (w *world) made() string {
	short := strings.NewReplacer("/admin/oauth2/auth/requests/", "", "/admin/oauth2/auth/", "", "/admin/", "")
	var calls []string
	for _, call := range w.hydra.Calls() {
		if call = short.Replace(call); call != "POST oauth2/introspect" {
			calls = append(calls, call)
		}
	}
	return strings.Join(calls, ", ")
}

// TestAdminCalls is what a sign-in of each kind costs Hydra's admin API. The client is read once more before each answer: that
// in the request is the one of when that began.
func TestAdminCalls(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana").enrol()
	costs := func(name, want string) {
		t.Helper()
		if got := w.made(); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	const finish, consent = "GET clients/shop, PUT login/accept", "GET consent, PUT consent/accept"
	w.made()
	p := u.open(u.authURL("shop")).At("login", "initial")
	costs("the sign-in page", "GET login")
	p.GiveName("ana", "a wrong password")
	p = u.follow(u.answer(p)).At("totp", "initial")
	costs("passwords", "")
	p = u.follow(u.answer(p)).At("consent", "initial")
	costs("the consent page", "GET clients/shop")
	u.redeem("shop", u.goOn(p))
	costs("the answer", finish+", "+consent)
	w.Clock.Advance(2 * time.Second)
	u.sees("", "shop")
	costs("skipped", "GET login, GET clients/shop, "+finish+", "+consent)
	u.sees("", "shop", "prompt", "none")
	costs("prompt=none", "GET login, GET clients/shop, "+finish+", "+consent)
	u.b.Open("/logout").Press("Sign out")
	u.hears("login_required", "", "shop", "prompt", "none")
	costs("refused", "GET login, PUT login/reject")
	device := w.hydra.NewDevice("shop", "openid")
	u.enter(u.open(device.Address), device).At("device-done", "initial")
	costs("a device", "PUT device/accept, GET login, GET clients/shop, "+finish+", "+consent)
}

// TestGarbage is anything at the addresses that Hydra sends browsers to: what can be no challenge costs no call, what might be
// one costs one.
func TestGarbage(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	for _, name := range []string{"login", "consent", "logout"} {
		for _, garbage := range []string{"", "x", strings.Repeat("x", 20000), "' OR 1=1 --", "../../../../admin/clients?limit=9"} {
			u.b.Open("/hydra/"+name+"?"+url.Values{name + "_challenge": {garbage}}.Encode()).At("error", "unknown").HasStatus(http.StatusBadRequest)
		}
		if got := w.made(); got != "" {
			t.Errorf("%s: calls %s", name, got)
		}
		u.b.Open("/hydra/"+name+"?"+name+"_challenge="+strings.Repeat("x", 2000)).At("error", "unknown")
		if got := w.made(); got != "GET "+name {
			t.Errorf("%s: calls %s", name, got)
		}
	}
}

// TestFlood has one network send challenges while Hydra hangs: as many as may wait do, the rest hears so at once, and nobody
// else is kept from signing in once Hydra answers.
func TestFlood(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	w.hydra.SetFault(func(*http.Request) hydratest.Fault { return hydratest.Hang })
	const many = 200
	statuses := make(chan int, many)
	browsers := make([]*servertest.Browser, many)
	for i := range browsers {
		browsers[i] = w.NewBrowser(t)
		browsers[i].HTTP.Timeout = 2 * time.Second
	}
	for _, b := range browsers {
		go func() {
			response, err := b.HTTP.Get(w.Config.Issuer + "/hydra/login?login_challenge=" + strings.Repeat("x", 100))
			if err != nil {
				statuses <- 0
				return
			}
			response.Body.Close()
			if response.Header.Get("Retry-After") == "" {
				t.Errorf("%d without Retry-After", response.StatusCode)
			}
			statuses <- response.StatusCode
		}()
	}
	var got []int
	for range many {
		got = append(got, <-statuses)
	}
	refused := len(slices.DeleteFunc(slices.Clone(got), func(status int) bool { return status != http.StatusServiceUnavailable }))
	if waited := len(slices.DeleteFunc(slices.Clone(got), func(status int) bool { return status != 0 })); refused+waited != many || refused < many-2*80 || refused == 0 {
		t.Errorf("%d were refused, %d waited", refused, waited)
	}
	if calls := len(w.hydra.Calls()); calls > 2*80 {
		t.Errorf("%d calls", calls)
	}
	w.hydra.SetFault(nil)
	u.sees("login consent", "shop")
}
