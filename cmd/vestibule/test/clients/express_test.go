package clients

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// profile is what an app shows of its user.
type profile struct{ Name, Email string }

// shows fails the test unless the app shows its user, or nobody if there is none.
func (a *app) shows(got shown, want profile) {
	a.t.Helper()
	var said struct {
		profile
		User profile // of Auth.js
	}
	if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != http.StatusOK {
		a.t.Fatalf("the app answers %d %s (%v)", got.status, got.body, err)
	}
	if said.User != (profile{}) {
		said.profile = said.User
	}
	if said.profile != want {
		a.t.Errorf("the app shows %s, want %+v", got.body, want)
	}
}

// itself is the user of the app.
func (a *app) itself() profile {
	user := a.Site.Account(a.t, a.OAuth.ClientID)
	return profile{user.Name, user.Email}
}

// TestExpress signs in to apps of Express, and out.
func TestExpress(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	t.Run("Auth.js", func(t *testing.T) { authJS(t, s) })
	t.Run("express-openid-connect", func(t *testing.T) { idTokenAlone(t, s) })
	t.Run("express-openid-connect with a code", func(t *testing.T) { withCode(t, s) })
	t.Run("Passport", func(t *testing.T) {
		a := startApp(t, s, "club", recipes(t).BlockWith(t, "js", "from 'passport-openidconnect'"))
		a.shows(a.get("/"), profile{})
		a.shows(a.signIn(a.get("/login")), a.itself())
	})
}

// authJS presses the buttons of Auth.js, whose forms have a token against forgery.
func authJS(t *testing.T, s *servertest.Site) {
	a := startApp(t, s, "news", recipes(t).BlockWith(t, "js", "from '@auth/express'"))
	a.shows(a.get("/"), profile{})
	press := func(path string, fields url.Values) shown {
		t.Helper()
		var token struct{ CSRFToken string }
		if err := json.Unmarshal([]byte(a.get("/auth/csrf").body), &token); err != nil {
			t.Fatal(err)
		}
		fields.Set("csrfToken", token.CSRFToken)
		return a.send(http.MethodPost, a.origin+path, fields)
	}
	a.shows(a.signIn(press("/auth/signin/vestibule", url.Values{"callbackUrl": {a.origin + "/"}})), a.itself())
	a.shows(press("/auth/signout", url.Values{"callbackUrl": {a.origin + "/"}}), profile{})
	p := a.browser.Open("/end-session?" + url.Values{"client_id": {"news"}, "post_logout_redirect_uri": {a.origin + "/"}}.Encode())
	a.shows(a.arrive(p.At("logout", "app").Press("Sign out")), profile{})
	a.signedOut()
}

// idTokenAlone is the app of the quick start, which gets an ID token in a form.
func idTokenAlone(t *testing.T, s *servertest.Site) {
	a := startApp(t, s, "blog", recipes(t).BlockWith(t, "js", "clientID: 'blog'"))
	if got := a.get("/"); got.status != http.StatusNotFound {
		t.Errorf("a page for all is answered with %+v", got)
	}
	a.shows(a.signIn(a.get("/profile")), a.itself())
	a.leave()
}

// withCode is the same with a code and a secret. It hears of a sign-out that it has not asked for.
func withCode(t *testing.T, s *servertest.Site) {
	a := startApp(t, s, "bookshop", "import express from 'express'\nimport openid from 'express-openid-connect'\nconst app = express()\n"+
		recipes(t).BlockWith(t, "js", "clientID: 'bookshop'"))
	a.shows(a.signIn(a.get("/profile")), a.itself())
	a.leave()
	s.Clock.Advance(servertest.Step)
	a.shows(a.signIn(a.get("/profile")), a.itself())
	a.browser.Open("/logout").At("logout", "initial").Press("Sign out").At("logged-out", "initial")
	a.shows(a.get("/profile"), a.itself())
	s.TellLogouts(t)
	if got := a.get("/profile"); got.left == nil {
		t.Errorf("after a sign-out elsewhere the app shows %s", got.body)
	}
}

// leave signs out at the app, which takes the browser to the server and back.
func (a *app) leave() {
	a.t.Helper()
	to := a.get("/logout")
	if to.left == nil {
		a.t.Fatalf("the app shows %d %s, want a sign-out", to.status, to.body)
	}
	if back := a.browser.Open(to.left.String()); back.Left == nil || back.Left.String() != a.origin {
		a.t.Fatalf("after the sign-out the browser is at %s", back.End())
	}
	a.signedOut()
}
