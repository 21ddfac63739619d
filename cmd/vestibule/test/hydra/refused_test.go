package hydra

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

// challengeOf stops where Hydra has sent the browser.
func (u *user) challengeOf(address string) string {
	u.t.Helper()
	p := u.b.Open(address)
	if p.Left == nil {
		u.t.Fatalf("the browser stays at %s", p.Address)
	}
	return p.Left.String()
}

// TestUsedChallenge goes back to a challenge that has been used: on to where Hydra says, or to its refusal.
func TestUsedChallenge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		login := u.challengeOf(u.authURL("shop"))
		u.pages = nil
		u.redeem("shop", u.goOn(u.open(login)))
		w.Clock.Advance(2 * time.Second)
		u.pages = nil
		got := u.goOn(u.open(login))
		if stateless := len(u.pages) > 0; !stateless && got.Get("code") == "" || stateless && got.Get("error") != "access_denied" {
			t.Errorf("the client gets %v after pages %v", got, u.pages)
		}
	})
}

// TestChallengeOfAnotherBrowser has somebody sign in at a challenge that was made for somebody else.
func TestChallengeOfAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, eve := w.user(t, "ana"), w.user(t, "eve")
		login := eve.challengeOf(eve.authURL("shop"))
		if got := ana.goOn(ana.open(login)); got.Get("code") != "" || got.Get("error") != "request_forbidden" {
			t.Errorf("the client gets %v", got)
		}
		if n := w.hydra.Sessions(ana.subject); n != 0 {
			t.Errorf("ana has %d sessions at Hydra", n)
		}
		if got := eve.goOn(eve.open(login)); eve.pages[0] != "login" {
			t.Errorf("eve goes on as somebody else: pages %v, %v", eve.pages, got)
		}
	})
}

// TestForgedChallenges are none.
func TestForgedChallenges(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	login := u.challengeOf(u.authURL("shop"))
	for _, path := range []string{
		"/hydra/login", "/hydra/login?login_challenge=", "/hydra/login?login_challenge=x", "/hydra/consent?consent_challenge=x", "/hydra/logout?logout_challenge=x",
		"/hydra/device", strings.Replace(login[len(w.Config.Issuer):], "/hydra/login?login", "/hydra/consent?consent", 1),
	} {
		u.b.Open(path).At("error", "unknown").HasStatus(http.StatusBadRequest)
	}
	w.Clock.Advance(time.Hour)
	u.b.Open(login).At("error", "unknown").HasStatus(http.StatusBadRequest)
}

// TestMarker shows our own prompt=login to whoever would like it to be theirs.
func TestMarker(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		u.sees("login consent", "shop")
		u.enrol()
		w.Clock.Advance(2 * time.Second)
		p := u.open(u.authURL("shop")).At("totp", "initial")
		w.Clock.Advance(servertest.Step)
		p = u.b.Open(p.Address.String())
		address, form := p.Fill("Continue", "code", u.phone.Code(0))
		p = u.b.Post(address, form) // to Hydra, with the marker
		if p.Left == nil || p.Left.Query().Get("prompt") != "login" || p.Left.Query().Get("vestibule") == "" {
			t.Fatalf("the browser is sent to %v", p.Left)
		}
		marked := *p.Left
		u.redeem("shop", u.goOn(u.follow(p)))
		w.Clock.Advance(2 * time.Second)

		changed := func(change func(q url.Values)) string {
			q := marked.Query()
			change(q)
			other := marked
			other.RawQuery = q.Encode()
			return other.String()
		}
		for name, address := range map[string]string{
			"another client's":  changed(func(q url.Values) { q.Set("client_id", "bank") }),
			"for another level": changed(func(q url.Values) { q.Set("acr_values", "aal1") }),
			"altered":           changed(func(q url.Values) { q.Set("vestibule", q.Get("vestibule")[1:]) }),
			"for max_age":       changed(func(q url.Values) { q.Set("max_age", "1") }),
		} {
			if p := u.open(address); p.Name != "login" {
				t.Errorf("a marker that is %s: page %q", name, p.Name)
			}
		}
		other := w.user(t, "ben")
		if p := other.open(marked.String()); p.Name != "login" {
			t.Errorf("a marker of another browser: page %q", p.Name)
		}
		w.Clock.Advance(3 * time.Minute)
		if p := u.open(marked.String()); p.Name != "login" {
			t.Errorf("an old marker: page %q", p.Name)
		}
	})
}

// TestAnotherUser is a browser that Hydra knows one user in, and the pages another.
func TestAnotherUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, ben := w.user(t, "ana"), w.user(t, "ben")
		ana.sees("login consent", "shop")
		w.Clock.Advance(2 * time.Second)
		ana.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		ben.b = ana.b
		if got := ben.sees("login consent", "shop"); got.Subject != ben.subject {
			t.Errorf("ben signs in as %s", got.Subject)
		}
		w.Clock.Advance(2 * time.Second)
		ben.hears("login_required", "", "shop", "prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+ana.subject+`"}}}`)
		ben.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		ben.hears("login_required", "", "shop", "prompt", "none")
	})
}

// TestSessionsLostAtHydra is a session here that Hydra knows nothing of: nothing old is told as new.
func TestSessionsLostAtHydra(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		u.sees("login totp consent", "shop")
		w.Clock.Advance(10 * time.Minute)
		r, _ := http.NewRequest("DELETE", w.hydra.AdminURL+"/admin/oauth2/auth/sessions/login?subject="+u.subject, nil)
		if _, err := http.DefaultClient.Do(r); err != nil {
			t.Fatal(err)
		}
		u.sees("login totp", "shop").are(t, "aal2", both...)
	})
}

// TestUserGone is a user who is disabled, or signs out, between the login and the consent.
func TestUserGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, end := range map[string]func(u *user){
			"disabled": func(u *user) {
				if err := w.Operator().Disable(t.Context(), w.Account(t, u.name)); err != nil {
					t.Fatal(err)
				}
			},
			"signed out": func(u *user) { u.b.Open("/logout").Press("Sign out").At("logged-out", "initial") },
		} {
			u := w.user(t, strings.ReplaceAll(name, " ", ""))
			u.sees("login consent", "shop")
			w.Clock.Advance(2 * time.Second)
			p := u.b.Open(u.challengeOf(u.authURL("shop"))) // accepts the login
			p = u.b.Open(p.Left.String())                   // Hydra
			end(u)
			if got := u.goOn(u.open(p.Left.String())); got.Get("error") != "login_required" {
				t.Errorf("%s: the client gets %v", name, got)
			}
		}
	})
}

// TestBadRequests are requests that the pages refuse for their client.
func TestBadRequests(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	u.hears("invalid_request", "", "shop", "max_age", "soon")
	u.hears("invalid_request", "", "shop", "claims", "{")
	u.hears("unmet_authentication_requirements", "", "shop", "claims", essential("gold"))
	u.hears("request_not_supported", "", "shop", "request", "e30.e30.")
	u.hears("request_uri_not_supported", "", "shop", "request_uri", "https://shop.example/r")
	u.hears("login_required", "", "shop", "prompt", "none")
	for _, metadata := range []string{`{"vestibule":{"two_steps":"often"}}`, `{"vestibule":{"twosteps":"required"}}`, `{"vestibule":[]}`, `{"vestibule":{"acr_names":{"aal9":["x"]}}}`} {
		w.client("odd", metadata)
		u.open(u.authURL("odd")).At("error", "server").HasStatus(http.StatusInternalServerError)
	}
	w.client("named", `{"vestibule":{"acr_names":{"aal1":["bronze"]}}, "owner":"x"}`)
	u.sees("login consent", "named").are(t, "bronze", one...)
}

// TestErrorPage shows a code, and none of the words that anybody can put into the address.
func TestErrorPage(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	p := u.open(u.hydra.AuthURL("shop", "https://evil.example/")).At("error", "request").Says("invalid_client")
	if strings.Contains(p.Text(), "not known") {
		t.Error("the page repeats the description")
	}
	u.b.Open("/hydra/error?error=Call+0800&error_description=Call+0800").At("error", "request").Says("invalid_request")
}

// TestLogout is the client, or a link, that signs the user out.
func TestLogout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		u.sees("login consent", "shop")
		out := w.hydra.URL + "/oauth2/sessions/logout"
		u.open(out).At("logout", "initial").Click("Stay signed in")
		if w.hydra.Sessions(u.subject) != 1 {
			t.Error("who stays is signed out")
		}
		u.follow(u.open(out).At("logout", "initial").Press("Sign out")).At("logged-out", "initial")
		u.signedOut()
		u.open(out).At("logged-out", "initial") // twice
		w.Clock.Advance(2 * time.Second)
		_, token := u.redeem("shop", u.ask("shop"))
		raw := token.Extra("id_token").(string)
		p := u.open(out + "?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {callback}, "state": {"s"}}.Encode())
		if p.Left == nil || p.Left.Query().Get("state") != "s" {
			t.Errorf("the client's logout ends at %v", p.End())
		}
		u.signedOut()

		eve := w.user(t, "eve") // sends ana the end of her own session
		_, token = eve.redeem("shop", eve.ask("shop"))
		u.ask("shop")
		theirs := eve.challengeOf(out + "?" + url.Values{"id_token_hint": {token.Extra("id_token").(string)}}.Encode())
		u.open(theirs) // Hydra ends whatever session the browser has there
		if p := u.b.Open("/account"); p.Name == "login" {
			t.Error("somebody else's request has signed ana out here")
		}
	})
}

// signedOut fails the test unless the user has a session neither here nor at Hydra.
func (u *user) signedOut() {
	u.t.Helper()
	if n := u.hydra.Sessions(u.subject); n != 0 {
		u.t.Errorf("%d sessions at Hydra", n)
	}
	u.b.Open("/account").At("login", "initial")
}

// TestUnavailable has Hydra's admin API fail at each step of a sign-in, in each way: the page says so, and the same step goes
// on as soon as Hydra answers.
func TestUnavailable(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i, fault := range []hydratest.Fault{hydratest.Unavailable, hydratest.Garbage} {
			u := w.user(t, []string{"ana", "ben"}[i]).enrol()
			u.walkDown(fault)
			got, _ := u.redeem("shop", u.ask("shop"))
			got.are(t, "aal2", both...)
			if u.pages != nil {
				t.Errorf("after it, pages %v", u.pages)
			}
		}
	})
}

// walkDown signs in, and has Hydra fail once before each request that needs it.
func (u *user) walkDown(fault hydratest.Fault) {
	u.t.Helper()
	down := func(on bool) {
		u.hydra.SetFault(nil)
		if on {
			u.hydra.SetFault(func(*http.Request) hydratest.Fault { return fault })
		}
	}
	try := func(address string) *servertest.Page {
		u.hydra.Calls()
		down(true)
		p := u.b.Open(address)
		failed := p.Left == nil && p.Name == "error"
		if asked := len(u.hydra.Calls()) > 0; failed != asked || failed && p.Status != http.StatusServiceUnavailable {
			u.t.Errorf("%s while Hydra is down: page %q (%d)", address, p.Name, p.Status)
		}
		down(false)
		if failed {
			p = u.b.Open(address)
		}
		return p
	}
	var seen []string
	p := try(u.authURL("shop"))
	for range 20 {
		switch {
		case p.Left != nil && !u.isOurs(p.Left):
			if p.Left.Query().Get("code") == "" || !slices.Equal(seen, []string{"login", "totp", "consent"}) {
				u.t.Errorf("the client gets %v after pages %v", p.Left.Query(), seen)
			}
			return
		case p.Left != nil:
			p = try(p.Left.String())
		default:
			seen = append(seen, p.Name)
			shown := p
			if p.Name == "consent" { // whose form calls Hydra
				down(true)
				p.Press("Allow").At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
				down(false)
			}
			p = u.answer(shown)
		}
	}
}

// TestDevice signs a device in, which never goes without a page to allow it.
func TestDevice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		device := w.hydra.NewDevice("shop", "openid")
		p := u.open(device.Address).At("device", "initial").Says("Only go on if")
		p = p.Press("Continue", "code", "").At("device", "required")
		p = p.Press("Continue", "code", "NO-SUCH").At("device", "wrong")
		p = u.follow(p.Press("Continue", "code", " "+strings.ToLower(device.UserCode[:4]+"-"+device.UserCode[4:])+" "))
		for p.Name != "device-done" {
			u.pages = append(u.pages, p.Name)
			p = u.follow(u.answer(p))
		}
		if !slices.Equal(u.pages, []string{"login", "totp", "consent"}) || !device.Granted() {
			t.Errorf("pages %v, granted %v", u.pages, device.Granted())
		}
		again := w.hydra.NewDevice("shop", "openid")
		p = u.open(again.Complete).At("device", "check").Says("your device shows the same code")
		if p.Value("code") != again.UserCode {
			t.Errorf("the page shows %q", p.Value("code"))
		}
		u.follow(p.Press("Continue")).At("consent", "initial")
	})
}

// TestReadiness: a server is ready while Hydra answers, has none of the endpoints that Hydra has, and no signing keys.
func TestReadiness(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	ready := func() string {
		w.Clock.Advance(time.Since(w.Clock.Now())) // which is compared with the database's
		answer := httptest.NewRecorder()
		w.First().AdminHandler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return fmt.Sprint(answer.Code, " ", answer.Body)
	}
	if got := ready(); !strings.HasPrefix(got, "200") || !strings.Contains(got, `"hydra":"ok"`) || strings.Contains(got, "signing_key") {
		t.Errorf("ready: %s", got)
	}
	w.hydra.SetFault(func(*http.Request) hydratest.Fault { return hydratest.Unavailable })
	if got := ready(); !strings.HasPrefix(got, "503") || !strings.Contains(got, "Ory Hydra does not answer") {
		t.Errorf("while Hydra is down: %s", got)
	}
	b := w.NewBrowser(t)
	for _, path := range []string{"/authorize", "/userinfo", "/jwks", "/.well-known/openid-configuration"} {
		b.Open(path).At("error", "not-found")
	}
	if err := w.First().Do(t.Context(), "signing keys"); err == nil {
		t.Error("the server looks for signing keys")
	}
}

// TestOldSessionOfAnotherUser: a session here that is hours old, in a browser that Hydra knows somebody else in, has Hydra
// begin a session anew, and all is proved anew for it: it would date what is old as now.
func TestOldSessionOfAnotherUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ana, ben := w.user(t, "ana"), w.user(t, "ben")
		ben.b = ana.b
		ana.sees("login consent", "shop")
		ana.b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		ben.b.Open("/login").GiveName("ben", servertest.Password).At("security", "off")
		w.Clock.Advance(50 * time.Minute)
		if got := ben.sees("consent login", "shop"); got.Subject != ben.subject || got.AuthTime != w.Clock.Now().Unix() {
			t.Errorf("ben signs in as %s, at %d", got.Subject, got.AuthTime)
		}
	})
}

// TestRegister: a program that has more has the addresses of Hydra's requests in its own mux.
func TestRegister(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mux := http.NewServeMux()
		if err := w.First().Register(mux); err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/hydra/login", nil))
		if _, pattern := mux.Handler(httptest.NewRequest(http.MethodGet, "/hydra/login", nil)); answer.Code == http.StatusNotFound || pattern == "" {
			t.Errorf("/hydra/login answers %d, by %q", answer.Code, pattern)
		}
	})
}
