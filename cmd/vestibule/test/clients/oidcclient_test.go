package clients

import (
	"testing"
	"time"

	"vestibule/config"
)

// TestOIDCClient signs in to oidc-client-ts in a page: in a window and by redirect; renews with a refresh token; and signs
// out, each way.
func TestOIDCClient(t *testing.T) {
	t.Parallel()
	_, tab := newSecureSite(t)
	notes := startPage(tab, "notes", "notes.example.test")
	notes.open("signed-out")
	window := notes.inWindow("users.signinPopup()")
	notes.prove(window, true)
	notes.done()
	notes.knowsUser()
	if got := notes.silently(); got != "renewed" {
		t.Errorf("with a refresh token the app is %s", got)
	}
	notes.knowsUser()

	tokens := does[[]string](notes, `users.getUser().then(u => [u.access_token, u.refresh_token])`)
	notes.opens("users.signoutPopup()")
	notes.done()
	notes.open("signed-out")
	if got := does[[]int](notes, `Promise.all([
		fetch(users.settings.authority + "/userinfo", { headers: { Authorization: "Bearer `+tokens[0]+`" } }).then(r => r.status),
		fetch(users.settings.authority + "/token", { method: "POST", body: new URLSearchParams({
			grant_type: "refresh_token", client_id: "notes", refresh_token: "`+tokens[1]+`" }) }).then(r => r.status),
	])`); got[0] != 401 || got[1] != 400 {
		t.Errorf("after the sign-out its tokens are answered with %d", got)
	}

	notes.begins("signIn()")
	notes.prove(notes.Tab, false)
	notes.Arrives("notes", "signed-in")
	notes.knowsUser()
	notes.begins("signOut()")
	notes.Arrives("notes", "signed-out")
	notes.Open("/account/security").At("login", "initial")
}

// TestOIDCClientInFrame has oidc-client-ts renew without a refresh token, in a frame, which works on the same site alone. It
// watches for the end of the session, too, as far as it can.
func TestOIDCClientInFrame(t *testing.T) {
	t.Parallel()
	_, tab := newSecureSite(t)
	notes := startPage(tab, "notes", "notes.example.test", " offline_access", "", "loadUserInfo:", "monitorSession: true, filterProtocolClaims: false, loadUserInfo:")
	notes.open("signed-out")
	notes.begins("signIn()")
	notes.prove(notes.Tab, true)
	notes.Arrives("notes", "signed-in")
	if got := notes.silently(); got != "renewed" {
		t.Errorf("in a frame on the same site the app is %s", got)
	}
	notes.knowsUser()
	if got := does[string](notes, `users.getUser().then(u => u.profile.acr)`); got != "aal2" {
		t.Errorf("acr is %q, want aal2", got)
	}

	far := startPage(tab, "far", "far.test", " offline_access", "")
	far.open("signed-out")
	far.begins("signIn()")
	far.At("consent", "initial").Toggle(`button[value="allow"]`)
	far.Arrives("notes", "signed-in")
	if got := far.silently(); got != "login_required" {
		t.Errorf("in a frame on another site the app is %s, want login_required", got)
	}

	asks := startPage(tab, "asks", "asks.example.test", " offline_access", "")
	asks.open("signed-out")
	asks.begins("signIn()")
	asks.At("consent", "initial").Toggle("#remember").Toggle(`button[value="allow"]`)
	asks.Arrives("notes", "signed-in")
	if got := asks.silently(); got != "consent_required" {
		t.Errorf("in a frame without consent the app is %s, want consent_required", got)
	}

	notes.open("signed-in")
	away := tab.Another()
	away.Open("/logout").At("logout", "initial").Press("Sign out").At("logged-out", "initial")
	if got := notes.silently(); got != "login_required" {
		t.Errorf("after the sign-out the app is %s, want login_required", got)
	}
}

// TestOIDCClientRenewsByItself waits for the library to renew before the access token expires. Its tokens are bound to a key
// that no script can read, and the server wants proofs with a nonce.
func TestOIDCClientRenewsByItself(t *testing.T) {
	t.Parallel()
	_, tab := newSecureSite(t, func(c *config.Config) { c.AccessTokenLifetime, c.DPoPNonce = 61*time.Second, true })
	notes := startPage(tab, "notes", "notes.example.test", "import { UserManager", "import { IndexedDbDPoPStore, UserManager",
		"loadUserInfo: true", "dpop: { bind_authorization_code: true, store: new IndexedDbDPoPStore() }")
	notes.open("signed-out")
	notes.begins("signIn()")
	notes.prove(notes.Tab, true)
	notes.Arrives("notes", "signed-in")
	if got := does[string](notes, `new Promise(resolve => {
		users.events.addUserLoaded(user => resolve(user.token_type))
		users.events.addSilentRenewError(fault => resolve(String(fault)))
	})`); got != "DPoP" {
		t.Errorf("by itself the app is given %s, want a DPoP token", got)
	}
}
