package hydratest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// app is a login and consent app that does what the test says.
type app struct {
	t      *testing.T
	hydra  *Hydra
	server *httptest.Server
	now    time.Time

	login   map[string]any // the body of the accept, or of the reject if it has an error
	consent map[string]any
	seen    map[string]map[string]any // the last requests, by kind
}

const callback = "http://127.0.0.1:9/callback"

func newApp(t *testing.T, c Config) *app {
	t.Helper()
	a := &app{t: t, now: time.Now(), seen: map[string]map[string]any{}}
	c.Now = func() time.Time { return a.now }
	a.hydra = Start(t, c)
	mux := http.NewServeMux()
	for _, kind := range []string{"login", "consent", "logout"} {
		mux.HandleFunc("GET /"+kind, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, kind) })
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {})
	a.server = httptest.NewServer(mux)
	t.Cleanup(a.server.Close)
	u := a.server.URL
	a.hydra.SetURLs(URLs{u + "/login", u + "/consent", u + "/logout", u + "/error", u + "/device", u + "/done", u + "/bye"})
	a.hydra.SetClient(Client{ID: "shop", Name: "Shop", Secret: "secret", RedirectURIs: []string{callback},
		PostLogoutRedirectURIs: []string{u + "/left"}, Scope: "openid offline_access email", Metadata: json.RawMessage(`{"vestibule":{"two_steps":"required"}}`)})
	a.login = map[string]any{"subject": "ana", "remember": true, "acr": "aal2", "amr": []string{"pwd", "otp"}, "context": map[string]any{"n": 1}}
	a.consent = map[string]any{"grant_scope": []string{"openid", "offline_access"}, "remember": true, "session": map[string]any{
		"access_token": map[string]any{"acr": "aal2"}, "id_token": map[string]any{"acr": "forged", "auth_time": 1, "name": "Ana"},
	}}
	return a
}

// call calls the admin API.
func (a *app) call(method, path string, query url.Values, body any) (int, map[string]any) {
	a.t.Helper()
	data, _ := json.Marshal(body)
	r, err := http.NewRequest(method, a.hydra.AdminURL+path+"?"+query.Encode(), bytes.NewReader(data))
	if err != nil {
		a.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	text, _ := io.ReadAll(response.Body)
	json.Unmarshal(text, &answer) // some have none
	return response.StatusCode, answer
}

func (a *app) serve(w http.ResponseWriter, r *http.Request, kind string) {
	challenge := url.Values{kind + "_challenge": {r.URL.Query().Get(kind + "_challenge")}}
	path := "/admin/oauth2/auth/requests/" + kind
	status, request := a.call("GET", path, challenge, nil)
	if status == http.StatusGone {
		http.Redirect(w, r, request["redirect_to"].(string), http.StatusFound)
		return
	}
	a.seen[kind] = request
	body := map[string]map[string]any{"login": a.login, "consent": a.consent, "logout": {}}[kind]
	way := "/accept"
	if body["error"] != nil {
		way = "/reject"
	}
	_, answer := a.call("PUT", path+way, challenge, body)
	http.Redirect(w, r, answer["redirect_to"].(string), http.StatusFound)
}

// browser follows redirects up to the client's address.
func (a *app) browser() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
}

// ask sends the browser to Hydra and returns what the client gets.
func (a *app) ask(b *http.Client, pairs ...string) url.Values {
	a.t.Helper()
	pairs = append([]string{"scope", "openid offline_access", "nonce", "n"}, pairs...)
	return a.follow(b, a.hydra.AuthURL("shop", callback, pairs...))
}

func (a *app) follow(b *http.Client, to string) url.Values {
	a.t.Helper()
	response, err := b.Get(to)
	if err != nil {
		a.t.Fatal(err)
	}
	response.Body.Close()
	u, err := url.Parse(response.Header.Get("Location"))
	if err != nil {
		a.t.Fatal(err)
	}
	return u.Query()
}

// tokens exchanges the code as any client would, and returns the claims of the ID token.
func (a *app) tokens(answer url.Values) (*oauth2.Token, map[string]any) {
	a.t.Helper()
	ctx := context.Background()
	p, err := oidc.NewProvider(ctx, a.hydra.URL)
	if err != nil {
		a.t.Fatal(err)
	}
	c := oauth2.Config{ClientID: "shop", ClientSecret: "secret", RedirectURL: callback, Endpoint: p.Endpoint()}
	token, err := c.Exchange(ctx, answer.Get("code"))
	if err != nil {
		a.t.Fatalf("%v: %v", answer, err)
	}
	return token, a.claims(p, token)
}

func (a *app) claims(p *oidc.Provider, token *oauth2.Token) map[string]any {
	a.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: "shop", Now: func() time.Time { return a.now }}).Verify(context.Background(), raw)
	if err != nil {
		a.t.Fatal(err)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		a.t.Fatal(err)
	}
	return claims
}

func TestTokensByCodeAndRefresh(t *testing.T) {
	a := newApp(t, Config{})
	token, claims := a.tokens(a.ask(a.browser()))
	if claims["acr"] != "aal2" || claims["name"] != "Ana" || claims["auth_time"] == 1.0 || claims["nonce"] != "n" {
		t.Errorf("claims %v: acr, amr and auth_time are what the login said, and the rest what the consent said", claims)
	}
	p, _ := oidc.NewProvider(t.Context(), a.hydra.URL)
	c := oauth2.Config{ClientID: "shop", ClientSecret: "secret", Endpoint: p.Endpoint()}
	token.Expiry = time.Now().Add(-time.Hour)
	fresh, err := c.TokenSource(t.Context(), token).Token()
	if err != nil {
		t.Fatal(err)
	}
	if again := a.claims(p, fresh); again["acr"] != "aal2" || again["auth_time"] != claims["auth_time"] || again["sid"] != claims["sid"] {
		t.Errorf("refreshed, claims %v; before %v", again, claims)
	}
	if _, err := c.TokenSource(t.Context(), token).Token(); err == nil {
		t.Error("a refresh token was good twice")
	}
	_, introspected := a.introspect(fresh.AccessToken)
	if ext, _ := introspected["ext"].(map[string]any); introspected["active"] != true || ext["acr"] != "aal2" {
		t.Errorf("introspection says %v", introspected)
	}
	info, err := p.UserInfo(t.Context(), oauth2.StaticTokenSource(fresh))
	if err != nil || info.Subject != "ana" {
		t.Errorf("userinfo says %v, %v", info, err)
	}
}

func (a *app) introspect(token string) (int, map[string]any) {
	response, err := http.PostForm(a.hydra.AdminURL+"/admin/oauth2/introspect", url.Values{"token": {token}})
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer
}

// A session remembers who signed in and when, and nothing else.
func TestSessions(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	_, first := a.tokens(a.ask(b))
	skipped := func() bool { return a.seen["login"]["skip"] == true }
	for _, tt := range []struct {
		what        string
		pairs       []string
		skip, reset bool
	}{
		{"again", nil, true, false},
		{"young enough", []string{"max_age", "100"}, true, false},
		{"too old", []string{"max_age", "1"}, false, true},
		{"asked to", []string{"prompt", "login"}, false, true},
		{"asked to choose", []string{"prompt", "select_account"}, false, true},
	} {
		a.now = a.now.Add(3 * time.Second)
		_, got := a.tokens(a.ask(b, tt.pairs...))
		if skipped() != tt.skip || (got["sid"] != first["sid"]) != tt.reset || (got["auth_time"] != first["auth_time"]) != tt.reset {
			t.Errorf("%s: skip %v, sid %v, auth_time %v; before %v", tt.what, skipped(), got["sid"], got["auth_time"], first)
		}
		first = got
	}
	saved := maps.Clone(a.login)
	delete(a.login, "amr")
	delete(a.login, "acr")
	if _, got := a.tokens(a.ask(b)); got["amr"] != nil || got["acr"] != nil {
		t.Errorf("nothing was sent, and the ID token has amr %v, acr %v", got["amr"], got["acr"])
	}
	if _, got := a.tokens(a.ask(b, "acr_values", "aal2")); got["acr"] != "0" {
		t.Errorf("nothing was sent for acr_values, and acr is %v", got["acr"])
	}
	a.login = saved
	a.login["subject"] = "ben"
	if _, got := a.tokens(a.ask(b)); got["sub"] != "ben" || skipped() {
		t.Errorf("another user than the session's: %v", got)
	}
}

func TestPromptNone(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	want := func(what, code string) {
		t.Helper()
		if got := a.ask(b, "prompt", "none"); got.Get("error") != code {
			t.Errorf("%s: %v, want %q", what, got, code)
		}
	}
	want("without a session", "login_required")
	a.consent["remember"] = false
	a.ask(b)
	want("without a remembered consent", "consent_required")
	a.consent["remember"] = true
	a.ask(b)
	want("with both", "")
	a.now = a.now.Add(time.Minute)
	if got := a.ask(b, "prompt", "none", "max_age", "1"); got.Get("error") != "login_required" {
		t.Errorf("too old: %v", got)
	}
	a.login = map[string]any{"error": "interaction_required", "error_description": "More is needed."}
	want("refused", "interaction_required")
}

func TestChallengesAreOfOneBrowser(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	stop := a.browser()
	stop.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := stop.Get(a.hydra.AuthURL("shop", callback))
	if err != nil {
		t.Fatal(err)
	}
	if got := a.follow(b, response.Header.Get("Location")); got.Get("error") != "request_forbidden" {
		t.Errorf("a challenge of another browser: %v", got)
	}
}

// Used challenges lead back to the request, or to nothing where nobody knows that they were used.
func TestUsedChallenges(t *testing.T) {
	for _, tt := range []struct {
		stateless bool
		status    int
		denied    string
	}{{false, http.StatusGone, ""}, {true, http.StatusOK, "access_denied"}} {
		a := newApp(t, Config{Stateless: tt.stateless})
		b := a.browser()
		a.ask(b)
		challenge := a.seen["login"]["challenge"].(string)
		status, body := a.call("GET", "/admin/oauth2/auth/requests/login", url.Values{"login_challenge": {challenge}}, nil)
		if status != tt.status || status == http.StatusGone && !strings.HasPrefix(body["redirect_to"].(string), a.hydra.URL) {
			t.Errorf("stateless %v: %d %v", tt.stateless, status, body)
		}
		if got := a.follow(b, a.server.URL+"/login?"+url.Values{"login_challenge": {challenge}}.Encode()); got.Get("error") != tt.denied {
			t.Errorf("stateless %v: %v", tt.stateless, got)
		}
	}
	a := newApp(t, Config{})
	a.ask(a.browser())
	a.now = a.now.Add(time.Hour)
	for challenge, want := range map[string]int{"": 400, "none": 404, a.seen["consent"]["challenge"].(string): 404} {
		if got, _ := a.call("GET", "/admin/oauth2/auth/requests/login", url.Values{"login_challenge": {challenge}}, nil); got != want {
			t.Errorf("challenge %.10q: %d, want %d", challenge, got, want)
		}
	}
	if got, _ := a.call("GET", "/admin/oauth2/auth/requests/login", url.Values{"login_challenge": {a.seen["login"]["challenge"].(string)}}, nil); got != 401 {
		t.Errorf("an hour later: %d", got)
	}
}

func TestLogout(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	a.ask(b)
	out := func(b *http.Client, pairs ...string) string {
		response, err := b.Get(with(a.hydra.URL+"/oauth2/sessions/logout", pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(response.Request.URL.String(), a.server.URL)
	}
	if to := out(a.browser()); to != "/bye" || a.seen["logout"] != nil {
		t.Errorf("without a session: to %s, and the page saw %v", to, a.seen["logout"])
	}
	if to := out(b, "state", "s"); !strings.HasPrefix(to, "/error?error=invalid_request") {
		t.Errorf("state without id_token_hint: to %s", to)
	}
	if to := out(b); to != "/bye" || a.seen["logout"]["rp_initiated"] != false || a.hydra.Sessions("ana") != 0 {
		t.Errorf("by the user: to %s, request %v", to, a.seen["logout"])
	}
	token, _ := a.tokens(a.ask(b))
	raw := token.Extra("id_token").(string)
	if to := out(b, "id_token_hint", raw, "post_logout_redirect_uri", a.server.URL+"/left", "state", "s"); to != "/left?state=s" {
		t.Errorf("by the client: to %s", to)
	}
	if a.seen["logout"]["rp_initiated"] != true || a.hydra.Sessions("ana") != 0 {
		t.Errorf("by the client: request %v", a.seen["logout"])
	}
	a.ask(b)
	a.call("DELETE", "/admin/oauth2/auth/sessions/login", url.Values{"subject": {"ana"}}, nil)
	if a.hydra.Sessions("ana") != 0 {
		t.Error("a session has outlived its deletion")
	}
}

func TestConsents(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	token, _ := a.tokens(a.ask(b))
	if a.ask(b); a.seen["consent"]["skip"] != true {
		t.Error("a remembered consent is not skipped")
	}
	if a.ask(b, "prompt", "consent"); a.seen["consent"]["skip"] != false {
		t.Error("prompt=consent is skipped")
	}
	if got := a.seen["consent"]["context"]; got.(map[string]any)["n"] != 1.0 || a.seen["consent"]["acr"] != "aal2" {
		t.Errorf("the consent request has context %v", got)
	}
	if status, _ := a.call("DELETE", "/admin/oauth2/auth/sessions/consent", url.Values{"subject": {"ana"}, "client": {"shop"}}, nil); status != 204 {
		t.Errorf("deletion of consents: %d", status)
	}
	if _, got := a.introspect(token.AccessToken); got["active"] != false {
		t.Error("a token has outlived its consent")
	}
	if a.ask(b); a.seen["consent"]["skip"] != false {
		t.Error("a deleted consent is skipped")
	}
	a.consent = map[string]any{"error": "access_denied"}
	if got := a.ask(b); got.Get("error") != "access_denied" {
		t.Errorf("refused: %v", got)
	}
}

func TestDevice(t *testing.T) {
	a := newApp(t, Config{})
	post := func(path string, form url.Values) (int, map[string]any) {
		r, _ := http.NewRequest("POST", a.hydra.URL+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("shop", "secret")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer map[string]any
		json.NewDecoder(response.Body).Decode(&answer)
		return response.StatusCode, answer
	}
	_, d := post("/oauth2/device/auth", url.Values{"scope": {"openid"}})
	poll := url.Values{"grant_type": {deviceGrant}, "device_code": {d["device_code"].(string)}}
	if _, got := post("/oauth2/token", poll); got["error"] != "authorization_pending" {
		t.Errorf("before the user has answered: %v", got)
	}
	b := a.browser()
	response, err := b.Get(d["verification_uri"].(string))
	if err != nil {
		t.Fatal(err)
	}
	challenge := url.Values{"device_challenge": {response.Request.URL.Query().Get("device_challenge")}}
	const path = "/admin/oauth2/auth/requests/device/accept"
	if status, _ := a.call("PUT", path, challenge, map[string]string{"user_code": "WRONG"}); status != 400 {
		t.Errorf("a wrong code: %d", status)
	}
	_, answer := a.call("PUT", path, challenge, map[string]string{"user_code": d["user_code"].(string)})
	if response, err = b.Get(answer["redirect_to"].(string)); err != nil || response.Request.URL.Path != "/done" {
		t.Fatalf("the browser ends at %v, %v", response.Request.URL, err)
	}
	if _, got := post("/oauth2/token", poll); got["id_token"] == nil {
		t.Errorf("after it: %v", got)
	}
}

// TestDeviceSession: at a device, no prompt has the user sign in whom a session says, but the end of that session does. The
// user's code is masked in what is shown of the request, and a refusal is an answer for programs.
func TestDeviceSession(t *testing.T) {
	a := newApp(t, Config{})
	b := a.browser()
	a.ask(b)
	begin := func() map[string]any {
		t.Helper()
		d := a.hydra.NewDevice("shop", "openid")
		response, err := b.Get(d.Complete + "&prompt=login&max_age=0&more=x")
		if err != nil {
			t.Fatal(err)
		}
		q := response.Request.URL.Query()
		if q.Get("user_code") != d.UserCode {
			t.Errorf("the page for the code gets %q", q.Get("user_code"))
		}
		_, answer := a.call("PUT", "/admin/oauth2/auth/requests/device/accept", url.Values{"device_challenge": {q.Get("device_challenge")}}, map[string]string{"user_code": d.UserCode})
		if _, err = b.Get(answer["redirect_to"].(string)); err != nil {
			t.Fatal(err)
		}
		return a.seen["login"]
	}
	seen := begin()
	asked, err := url.Parse(seen["request_url"].(string))
	if err != nil || seen["skip"] != true || seen["subject"] != "ana" || asked.Query().Get("user_code") != "****" || asked.Query().Get("more") != "x" || asked.Query().Get("client_id") != "shop" {
		t.Errorf("with a session: %v, %v", seen, err)
	}
	if status, _ := a.call("DELETE", "/admin/oauth2/auth/sessions/login", url.Values{"sid": {seen["session_id"].(string)}}, nil); status != http.StatusNoContent {
		t.Errorf("end of the session: %d", status)
	}
	a.login = map[string]any{"error": "access_denied"}
	if seen = begin(); seen["skip"] != false || seen["subject"] != "" {
		t.Errorf("without a session: %v", seen)
	}
	response, err := b.Get(a.hydra.URL + "/oauth2/device/verify?login_verifier=none")
	if err != nil || response.Header.Get("Content-Type") != "application/json" || response.StatusCode != http.StatusBadRequest {
		t.Errorf("a refusal: %v, %v", response, err)
	}
}

func TestFaults(t *testing.T) {
	a := newApp(t, Config{})
	a.hydra.SetFault(func(r *http.Request) Fault { return Unavailable })
	if status, _ := a.call("GET", "/admin/clients/shop", nil, nil); status != http.StatusServiceUnavailable {
		t.Errorf("down: %d", status)
	}
	a.hydra.SetFault(func(r *http.Request) Fault { return Hang })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", a.hydra.AdminURL+"/health/ready", nil)
	if _, err := http.DefaultClient.Do(r); err == nil {
		t.Error("it answers although it hangs")
	}
	a.hydra.SetFault(nil)
	if status, c := a.call("GET", "/admin/clients/shop", nil, nil); status != http.StatusOK || c["client_secret"] != nil {
		t.Errorf("up again: %d %v", status, c)
	}
	want := []string{"GET /admin/clients/shop", "GET /health/ready", "GET /admin/clients/shop"}
	if got := a.hydra.Calls(); !slices.Equal(got, want) {
		t.Errorf("calls %v, want %v", got, want)
	}
}
