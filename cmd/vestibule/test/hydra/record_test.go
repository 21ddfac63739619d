package hydra

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
	"vestibule/provider/hydra/hydratest"
)

// records are the user's events that tell of answers to clients.
type records struct {
	*user
	seen map[string]bool // by id
}

// are fails the test unless these are the events since it was last asked, by name.
func (r *records) are(when, want string) {
	r.user.t.Helper()
	var told []string
	for _, e := range r.Events(r.user.t, r.subject, "") {
		if !r.seen[e.ID] && (strings.HasPrefix(e.Kind, "authorization.") || strings.HasPrefix(e.Kind, "consent.")) {
			told = append(told, r.word(e.Event))
		}
		r.seen[e.ID] = true
	}
	slices.Sort(told)
	if got := strings.Join(told, " "); got != want {
		r.user.t.Errorf("%s: recorded %q, want %q", when, got, want)
	}
}

// word is what the event says, which must be whole.
func (r *records) word(e audit.Event) string {
	_, word, _ := strings.Cut(e.Kind, ".")
	switch {
	case e.Client != "shop" || e.Address == "" || e.Kind == audit.EventAuthorized && (e.Detail["amr"] == "" || e.Session == ""):
		return fmt.Sprintf("%+v", e)
	case e.Kind == audit.EventRefused:
		return word + ":" + e.Detail["error"]
	}
	return word
}

// TestRecorded holds the audit log to what clients hear: of each outcome of a sign-in, and of the consent that follows it.
func TestRecorded(t *testing.T) {
	outcomes := map[string]func(u *user, r *records){
		"accepted": func(u *user, r *records) {
			u.sees("login consent", "shop")
			r.are("first sign-in", "allowed granted")
			u.Clock.Advance(2 * time.Second)
			u.sees("", "shop")
			r.are("again", "granted")
		},
		"denied": func(u *user, r *records) {
			u.denies = true
			u.hears("access_denied", "login consent", "shop")
			r.are("denied", "denied refused:access_denied")
		},
		"refused without a page": func(u *user, r *records) {
			u.hears("login_required", "", "shop", "prompt", "none")
			r.are("a stranger's silent request", "")
			u.sees("login consent", "shop")
			r.are("sign-in", "allowed granted")
			u.Clock.Advance(2 * time.Second)
			u.hears("interaction_required", "", "shop", "prompt", "none", "acr_values", "aal2")
			r.are("silent request", "refused:interaction_required")
		},
		"renewed for what was proved": func(u *user, r *records) {
			u.sees("login consent", "shop")
			u.enrol()
			u.Clock.Advance(2 * time.Second)
			p := u.open(u.authURL("shop", "claims", essential("aal2"))).At("totp", "initial")
			r.are("before the code", "allowed granted")
			u.Clock.Advance(servertest.Step)
			p = u.b.Open(p.Address.String()).Press("Continue", "code", u.phone.Code(0))
			if p.Left == nil || p.Left.Query().Get("vestibule") == "" {
				u.t.Fatalf("the browser is sent to %v", p.End())
			}
			r.are("on the way through Hydra", "")
			u.redeem("shop", u.goOn(u.follow(p)))
			r.are("behind it", "granted")
		},
		"renewed after the challenge has expired": func(u *user, r *records) {
			p := u.follow(u.answer(u.open(u.authURL("shop")))).At("consent", "initial")
			u.Clock.Advance(6 * time.Minute)
			p = p.Press("Allow", "remember", "yes")
			r.are("on the way through Hydra", "allowed")
			u.redeem("shop", u.goOn(u.follow(p)))
			r.are("behind it", "granted")
		},
		"rejected, as no page may be shown": func(u *user, r *records) {
			u.sees("login consent", "shop")
			r.are("sign-in", "allowed granted")
			other := u.world.user(u.t, "other"+u.name)
			other.sees("login consent", "shop")
			other.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
			u.b = other.b
			u.b.Open("/login").GiveName(u.name, servertest.Password).At("security", "off")
			u.hears("login_required", "", "shop", "prompt", "none")
			r.are("Hydra has the session of another", "refused:login_required")
		},
		"answered before": func(u *user, r *records) {
			login := u.challengeOf(u.authURL("shop"))
			atConsent := func() *servertest.Page { return u.follow(u.answer(u.open(login))).At("consent", "initial") }
			p, allowed, denied := atConsent(), atConsent(), atConsent()
			u.redeem("shop", u.goOn(u.follow(p.Press("Allow", "remember", "yes"))))
			r.are("the first page", "allowed granted")
			allowed.Press("Allow", "remember", "yes")
			r.are("a second page that allows", "allowed")
			denied.Press("Don’t allow")
			r.are("a third page that does not", "denied")
		},
		"Hydra is down": func(u *user, r *records) {
			p := u.follow(u.answer(u.open(u.authURL("shop")))).At("consent", "initial")
			for _, label := range []string{"Allow", "Don’t allow"} {
				u.hydra.SetFault(func(*http.Request) hydratest.Fault { return hydratest.Unavailable })
				p.Press(label, "remember", "yes").At("error", "unavailable")
				u.hydra.SetFault(nil)
				r.are(label, "")
			}
		},
		"user gone before the consent": func(u *user, r *records) {
			p := u.stopAtConsent()
			u.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
			r.are("the login was accepted", "allowed granted")
			u.hydra.SetFault(func(r *http.Request) hydratest.Fault {
				if r.Method == http.MethodPut {
					return hydratest.Unavailable
				}
				return hydratest.NoFault
			})
			u.b.Open(p).At("error", "unavailable")
			u.hydra.SetFault(nil)
			r.are("Hydra is down", "")
			if got := u.goOn(u.open(p)); got.Get("error") != "login_required" {
				u.t.Errorf("the client gets %v", got)
			}
			r.are("refused", "refused:login_required")
		},
		"login accepted elsewhere": func(u *user, r *records) {
			login := u.challengeOf(u.authURL("shop"))
			if got := u.goOn(u.open(u.acceptElsewhere(login))); got.Get("error") != "access_denied" {
				u.t.Errorf("the client gets %v", got)
			}
			r.are("refused", "refused:access_denied")
		},
	}
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		w := newWorld(t, database, hydratest.Config{RequestTime: 5 * time.Minute})
		for name, outcome := range outcomes {
			u := w.user(t, "u"+strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == ',' }), "")))
			t.Log(name)
			outcome(u, &records{u, map[string]bool{}})
		}
	})
}

// stopAtConsent signs in, and returns the address of the consent that Hydra then asks for.
func (u *user) stopAtConsent() string {
	u.t.Helper()
	p := u.follow(u.answer(u.open(u.authURL("shop")))).At("consent", "initial").Press("Allow", "remember", "yes")
	return u.challengeOf(p.Left.String())
}

// acceptElsewhere accepts the login as another program with Hydra's admin API would, and returns where the browser goes on.
func (u *user) acceptElsewhere(login string) string {
	u.t.Helper()
	_, query, _ := strings.Cut(login, "?")
	r, err := http.NewRequest(http.MethodPut, u.hydra.AdminURL+"/admin/oauth2/auth/requests/login/accept?"+query, strings.NewReader(`{"subject":"`+u.subject+`"}`))
	if err != nil {
		u.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	if err := json.NewDecoder(response.Body).Decode(&next); err != nil {
		u.t.Fatal(err)
	}
	return next.RedirectTo
}
