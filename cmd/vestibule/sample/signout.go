package sample

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"net/url"
	"time"
)

// SignedOutPath is where the app takes users back who have signed out; its post-logout redirect URI is the address of the
// app and this.
const SignedOutPath = "/signed-out"

const signOutCookie = "sample_sign_out" // the state of the sign-out under way

// signOut is how the app signs users out at the server as well (OpenID Connect RP-Initiated Logout 1.0).
type signOut struct {
	Endpoint string `json:"end_session_endpoint"` // of the server's metadata; empty: it has none
	back     string
}

// address is where the browser goes: with the ID token the server need not ask whether the user means it.
func (o signOut) address(idToken, state string) string {
	return o.Endpoint + "?" + url.Values{
		"id_token_hint": {idToken}, "post_logout_redirect_uri": {o.back}, "state": {state},
	}.Encode()
}

// leave ends the session of the app first: whatever becomes of the way to the server, the user is signed out here.
func (s *app) leave(w http.ResponseWriter, r *http.Request) {
	session := s.session(r)
	s.drop(r)
	setCookie(w, sessionCookie, "", -time.Second)
	if session.idToken == "" || s.signOut.Endpoint == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	state := rand.Text()
	setCookie(w, signOutCookie, state, time.Hour)
	http.Redirect(w, r, s.signOut.address(session.idToken, state), http.StatusSeeOther)
}

// left is the way back. Whoever did not begin the sign-out here is told nothing.
func (s *app) left(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(signOutCookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(r.URL.Query().Get("state"))) != 1 {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	setCookie(w, signOutCookie, "", -time.Second)
	show(w, appSession{Left: true})
}
