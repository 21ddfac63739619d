package hydra

import (
	"slices"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

// newProcesses are two processes of `vestibule hydra` on one PostgreSQL, which answer in turn. A SQLite file is served by one.
func newProcesses(t *testing.T) *world {
	t.Helper()
	o := servertest.NewShell(t, servertest.Build(t), servertest.PostgreSQL(t))
	w := &world{Site: o.Site, t: t, hydra: hydratest.Start(t, hydratest.Config{Stateless: true}), shell: o}
	w.introduce()
	o.Environ, o.Server = append(o.Environ, "VESTIBULE_HYDRA_ADMIN_URL="+w.hydra.AdminURL), "hydra"
	o.Command("", "migrate", "up")
	o.Start(2)
	return w
}

// later waits until auth_time, which is told in seconds, is another one.
func later() { time.Sleep(1100 * time.Millisecond) }

// TestProcesses goes through the table of requests, pages and tokens at two processes that share nothing but the database.
// One is killed with SIGKILL at each page of a sign-in, which goes on at the other.
func TestProcesses(t *testing.T) {
	t.Parallel()
	w := newProcesses(t)
	for name, rows := range map[string]func(t *testing.T, w *world){
		"enrolled": killedRows, "step up": stepUpRows, "obliged": obligedRows, "again": againRows,
	} {
		t.Run(name, func(t *testing.T) { rows(t, w) })
	}
}

// killedRows are a sign-in whose server is killed at each page, and what needs no page after it.
func killedRows(t *testing.T, w *world) {
	u := w.user(t, "ana").enrol()
	replace := func() {}
	u.meets = func(string) {
		replace()
		replace = w.shell.Lose()
	}
	first := u.sees("login totp consent", "shop").are(t, "aal2", both...)
	replace()
	if first.Subject != u.subject || first.Username != "ana" {
		t.Errorf("claims %+v", first)
	}
	later()
	if again := u.sees("", "shop").are(t, "aal2", both...).at(t, first, false); again.Session != first.Session {
		t.Error("another session where the login was skipped")
	}
	u.sees("", "shop", "acr_values", refeds).are(t, refeds, both...).at(t, first, false)
	u.sees("", "shop", "prompt", "none").are(t, "aal2", both...).at(t, first, false)
}

// stepUpRows are a user with a password only, who gets an authenticator: what one process marks the other knows.
func stepUpRows(t *testing.T, w *world) {
	u := w.user(t, "ben")
	first := u.sees("login consent", "shop").are(t, "aal1", one...)
	u.hears("interaction_required", "", "shop", "prompt", "none", "claims", essential("aal2"))
	u.enrol()
	later()
	stepped := u.sees("totp", "shop", "claims", essential("aal2")).are(t, "aal2", both...).at(t, first, true)
	u.sees("", "shop", "prompt", "none", "acr_values", "aal2").are(t, "aal2", both...).at(t, stepped, false)
	u.follow(u.open(w.hydra.URL+"/oauth2/sessions/logout").At("logout", "initial").Press("Sign out")).At("logged-out", "initial")
	u.b.Open("/account").At("login", "initial")
}

// obligedRows are a client whose metadata obliges its users, and then a device of theirs.
func obligedRows(t *testing.T, w *world) {
	u := w.user(t, "cyd")
	u.sees("login setup codes consent", "bank").are(t, "aal2", both...)
	u.sees("", "bank").are(t, "aal2", both...)
	device := w.hydra.NewDevice("shop", "openid")
	p := u.follow(u.open(device.Complete).At("device", "check").Press("Continue")).At("consent", "initial")
	u.follow(p.Press("Allow")).At("device-done", "initial")
	if !device.Granted() {
		t.Error("the device waits on")
	}
}

// againRows ask for a sign-in anew, and have one refused.
func againRows(t *testing.T, w *world) {
	u := w.user(t, "dan")
	u.denies = true
	u.hears("access_denied", "login consent", "shop")
	u.denies = false
	first := u.sees("login consent", "shop").are(t, "aal1", one...)
	later()
	second := u.sees("login", "shop", "prompt", "login").are(t, "aal1", one...).at(t, first, true)
	later()
	later()
	u.sees("login", "shop", "max_age", "1").are(t, "aal1", one...).at(t, second, true)
	login := u.challengeOf(u.authURL("shop"))
	u.open(login)
	if got := u.goOn(u.open(login)); got.Get("error") != "access_denied" && got.Get("code") == "" {
		t.Errorf("a used challenge: the client gets %v", got)
	}
	if slices.Contains(u.pages, "error") {
		t.Errorf("pages %v", u.pages)
	}
}
