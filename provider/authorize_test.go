package provider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

func TestAuthorizeAnswer(t *testing.T) {
	o := newOP(t)
	v := answer(t, o.authorize(request()))
	if v.Get("state") != "st" || v.Get("iss") != issuer || v.Get("code") == "" || len(v) != 3 {
		t.Errorf("answer %v, want code, state and iss", v)
	}
	v = answer(t, o.authorize(request("state", "-")))
	if v.Has("state") || v.Get("code") == "" {
		t.Errorf("answer to a request without state: %v", v)
	}
	state := "~!@#$%^&*()_+ `-={}|[]\\:\";'<>?,./"
	if v = answer(t, o.authorize(request("state", state))); v.Get("state") != state {
		t.Errorf("state %q came back as %q", state, v.Get("state"))
	}
	r := httptest.NewRequest("POST", issuer+"/authorize", strings.NewReader(request().Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	again := o.do(r).Header.Get("Location")
	if v = answer(t, o.do(httptest.NewRequest("GET", issuer+again, nil))); v.Get("code") == "" {
		t.Errorf("a POST was sent on to %s, which answers %v", again, v)
	}
}

func TestMalformedPOSTIsRefused(t *testing.T) {
	o := newOP(t)
	for name, body := range map[string]string{"escape": "state=%zz&" + request().Encode(), "size": request("state", strings.Repeat("s", 17<<10)).Encode()} {
		r := httptest.NewRequest("POST", issuer+"/authorize?"+request().Encode(), strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := o.do(r); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q, want a page with 400", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func TestAuthorizeRefusesToTheClient(t *testing.T) {
	o := newOP(t)
	for _, tt := range []struct {
		name string
		v    url.Values
		err  string
	}{
		{"response type token", request("response_type", "token"), "unsupported_response_type"},
		{"response type hybrid", request("response_type", "code id_token"), "unsupported_response_type"},
		{"no response type", request("response_type", "-"), "invalid_request"},
		{"malformed scope", request("scope", "openid \"admin\""), "invalid_scope"},
		{"challenge without method", request("code_challenge_method", "-"), "invalid_request"},
		{"plain challenge", request("code_challenge_method", "plain"), "invalid_request"},
		{"short challenge", request("code_challenge", "x"), "invalid_request"},
		{"public client without PKCE", request("client_id", "app", "redirect_uri", "http://127.0.0.1:9/cb", "scope", "openid", "code_challenge", "-", "code_challenge_method", "-"), "invalid_request"},
		{"unknown prompt", request("prompt", "shout"), "invalid_request"},
		{"prompt none and login", request("prompt", "none login"), "invalid_request"},
		{"negative max_age", request("max_age", "-1"), "invalid_request"},
		{"max_age in words", request("max_age", "soon"), "invalid_request"},
		{"max_age of a fraction", request("max_age", "1.5"), "invalid_request"},
		{"bad hint", request("id_token_hint", "x.y.z"), "invalid_request"},
		{"request object that is none", request("request", "x.y.z"), "invalid_request_object"},
		{"request object that is not signed", request("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"},
		{"request URI", request("request_uri", "https://shop.example/r"), "request_uri_not_supported"},
		{"registration", request("registration", "{}"), "registration_not_supported"},
		{"fragment", request("response_mode", "fragment"), "unsupported_response_mode"},
		{"unknown mode", request("response_mode", "shout"), "unsupported_response_mode"},
		{"long state", request("state", strings.Repeat("s", 2049)), "invalid_request"},
		{"long nonce", request("nonce", strings.Repeat("n", 2049)), "invalid_request"},
	} {
		v := answer(t, o.authorize(tt.v))
		if v.Get("error") != tt.err || v.Get("iss") != issuer || v.Get("state") != tt.v.Get("state") || v.Has("code") {
			t.Errorf("%s: %v, want error %s with state and iss", tt.name, v, tt.err)
		}
	}
	twice := request()
	twice.Add("nonce", "m")
	if v := answer(t, o.authorize(twice)); v.Get("error") != "invalid_request" {
		t.Errorf("nonce twice: %v, want invalid_request", v)
	}
}

func TestAuthorizeNeverRedirectsToAStranger(t *testing.T) {
	o := newOP(t)
	app := func(uri string) url.Values {
		return request("client_id", "app", "scope", "openid", "redirect_uri", uri)
	}
	for name, v := range map[string]url.Values{
		"unknown client":          request("client_id", "nobody"),
		"no client":               request("client_id", "-"),
		"other URI":               request("redirect_uri", "https://evil.example/cb"),
		"slash at the end":        request("redirect_uri", callback+"/"),
		"query added":             request("redirect_uri", callback+"?a=b"),
		"encoded path":            request("redirect_uri", "https://shop.example/%63b"),
		"user name":               request("redirect_uri", "https://evil@shop.example/cb"),
		"broken":                  request("redirect_uri", "https://shop.example/%zz"),
		"script":                  request("redirect_uri", "javascript:alert(1)"),
		"loopback, other path":    app("http://127.0.0.1:1/other"),
		"loopback, encoded path":  app("http://127.0.0.1:1/%63b"),
		"loopback, user name":     app("http://evil@127.0.0.1:1/cb"),
		"loopback, other name":    app("http://localhost:1/cb"),
		"loopback, https":         app("https://127.0.0.1/cb"),
		"no URI with openid":      request("redirect_uri", "-"),
		"bad prompt, unknown URI": request("redirect_uri", "https://evil.example/", "prompt", "shout"),
		"client id sent twice":    {"client_id": {"shop", "app"}, "redirect_uri": {callback}, "response_type": {"code"}},
		"redirect URI sent twice": {"client_id": {"shop"}, "redirect_uri": {callback, "https://evil.example/"}, "response_type": {"code"}},
	} {
		r := o.authorize(v)
		var fault *interaction.RequestError
		if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || !errors.As(o.ui.err, &fault) {
			t.Errorf("%s: %d to %q, %v; want a page with 400", name, r.StatusCode, r.Header.Get("Location"), o.ui.err)
		}
	}
	for _, uri := range []string{"http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", "com.example.app:/cb"} {
		r := o.authorize(app(uri))
		if got := r.Header.Get("Location"); !strings.HasPrefix(got, uri+"?") {
			t.Errorf("redirect URI %s led to %q", uri, got)
		}
	}
}

func TestDemand(t *testing.T) {
	o := newOP(t)
	hint := o.tokens()["id_token"].(string)
	for _, tt := range []struct {
		name string
		v    url.Values
		ok   func(d assurance.Demand) bool
	}{
		{"nothing", request(), func(d assurance.Demand) bool { return !d.PromptLogin && !d.PromptNone && !d.HasMaxAge && !d.TwoSteps() }},
		{"prompt", request("prompt", "login consent select_account"), func(d assurance.Demand) bool { return d.PromptLogin && d.PromptConsent && d.PromptSelectAccount }},
		{"none", request("prompt", "none"), func(d assurance.Demand) bool { return d.PromptNone }},
		{"max_age", request("max_age", "90"), func(d assurance.Demand) bool { return d.HasMaxAge && d.MaxAge == 90*time.Second && !d.PromptLogin }},
		{"max_age 0 is prompt=login", request("max_age", "0"), func(d assurance.Demand) bool { return d.PromptLogin }},
		{"acr", request("acr_values", "aal2 aal1"), assurance.Demand.TwoSteps},
		{"acr by another name", request("acr_values", "https://refeds.org/profile/mfa"), assurance.Demand.TwoSteps},
		{"login_hint", request("login_hint", "ana"), func(d assurance.Demand) bool { return d.LoginHint == "ana" }},
		{"id_token_hint", request("id_token_hint", hint), func(d assurance.Demand) bool { return d.Subject == "u1" }},
	} {
		o.authorize(tt.v)
		if !tt.ok(o.ui.last.Demand) {
			t.Errorf("%s: %+v", tt.name, o.ui.last.Demand)
		}
	}
	for range 2 { // the next key is made, and then signs
		o.advance(100 * 24 * time.Hour)
		o.restart()
	}
	if v := answer(t, o.authorize(request("id_token_hint", hint))); v.Get("code") == "" {
		t.Errorf("expired hint of a key that signs no more: %v", v)
	}
}

func TestFinishChecksTheDemand(t *testing.T) {
	o := newOP(t)
	old := func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, o.clock().Add(-time.Minute))
	}
	now := func(ix *interaction.Interaction) { ix.Login = assurance.PasswordLogin("u1", 0, o.clock()) }
	oldCode := func(ix *interaction.Interaction) {
		now(ix)
		ix.Login.Add(providertest.Prove(providertest.MethodOTP, o.clock().Add(-time.Minute)))
	}
	recovery := func(ix *interaction.Interaction) {
		now(ix)
		ix.Login.Add(providertest.Prove(assurance.MethodRecovery, o.clock()))
	}
	oldRecovery := func(ix *interaction.Interaction) {
		now(ix)
		ix.Login.Add(providertest.Prove(assurance.MethodRecovery, o.clock().Add(-time.Minute)))
	}
	hint := o.tokens()["id_token"].(string)
	for _, tt := range []struct {
		name string
		v    url.Values
		sign func(*interaction.Interaction)
		ok   bool
	}{
		{"old login", request(), old, true},
		{"old login, prompt=login", request("prompt", "login"), old, false},
		{"new login, prompt=login", request("prompt", "login"), now, true},
		{"old login, max_age=0", request("max_age", "0"), old, false},
		{"old login, max_age just met", request("max_age", "60"), old, true},
		{"old login, max_age missed", request("max_age", "59"), old, false},
		{"one factor, aal2 asked", request("acr_values", "aal2"), now, false},
		{"old code, max_age missed", request("max_age", "30"), oldCode, false},
		{"old code, aal2 asked", request("acr_values", "aal2"), oldCode, true},
		{"recovery code, aal2 asked", request("acr_values", "aal2"), recovery, true},
		{"old recovery code, max_age missed", request("max_age", "30"), oldRecovery, false},
		{"user of the hint", request("id_token_hint", hint), now, true},
		{"another user than the hint's", request("id_token_hint", hint), func(ix *interaction.Interaction) { ix.Login = assurance.PasswordLogin("u2", 0, o.clock()) }, false},
	} {
		o.ui.sign = tt.sign
		r := o.authorize(tt.v)
		if ok := r.StatusCode == http.StatusSeeOther; ok != tt.ok {
			t.Errorf("%s: status %d, want a code: %v", tt.name, r.StatusCode, tt.ok)
		}
	}
}

// Where recovery codes do not count, one is no answer to a wish for two steps; a code beside it is.
func TestFinishWithAWeakRecoveryCode(t *testing.T) {
	o := newOP(t)
	o.ladder = assurance.Levels{WeakRecovery: true}
	o.restart()
	for _, tt := range []struct {
		name   string
		v      url.Values
		others []string // methods beside the password and the recovery code
		ok     bool
	}{
		{"nothing asked", request(), nil, true},
		{"aal1 asked", request("acr_values", "aal1"), nil, true},
		{"aal2 asked", request("acr_values", "aal2"), nil, false},
		{"aal2 essential", request("claims", `{"id_token":{"acr":{"essential":true,"value":"aal2"}}}`), nil, false},
		{"aal2 asked, code too", request("acr_values", "aal2"), []string{"otp"}, true},
	} {
		o.ui.sign = func(ix *interaction.Interaction) { ix.Login = providertest.Login(append(tt.others, "recovery")...) }
		r := o.authorize(tt.v)
		if ok := r.StatusCode == http.StatusSeeOther; ok != tt.ok {
			t.Errorf("%s: status %d, want a code: %v", tt.name, r.StatusCode, tt.ok)
		}
	}
}

// What is too old for the client is not in the answer, though the session still has it.
func TestFinishDropsWhatIsTooOld(t *testing.T) {
	o := newOP(t)
	o.ui.sign = func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
		ix.Login.Add(providertest.Prove(providertest.MethodOTP, o.clock().Add(-time.Hour)))
		ix.Login.Add(providertest.Prove(assurance.MethodRecovery, o.clock()))
	}
	for age, want := range map[string]string{"7200": "pwd otp mfa", "60": "pwd mfa"} {
		_, body := claims(t, o.tokens("max_age", age)["id_token"])
		var got []string
		for _, method := range body["amr"].([]any) {
			got = append(got, method.(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("max_age=%s: amr %q, want %q", age, got, want)
		}
	}
}

func TestRefuse(t *testing.T) {
	o := newOP(t)
	o.ui.refuse = "login_required"
	v := answer(t, o.authorize(request("prompt", "none")))
	if v.Get("error") != "login_required" || v.Get("state") != "st" || v.Get("iss") != issuer || v.Get("error_description") == "" {
		t.Errorf("refusal %v", v)
	}
}

func TestFlow(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	o.authorize(request("state", strings.Repeat("s", 2000)))
	ix := o.ui.last
	flow, err := o.p.Flow(ix)
	if err != nil {
		t.Fatal(err)
	}
	back, err := o.p.Resume(t.Context(), flow)
	if err != nil || back.ID != ix.ID || back.Client != "shop" {
		t.Fatalf("resumed %+v, %v", back, err)
	}
	for name, bad := range map[string]string{
		"altered": flow[:len(flow)-1] + "~", "cut": flow[:len(flow)-9], "empty": "", "prefix alone": "r.", "no such row": strings.Repeat("A", 22), "row of odd length": "abc", "odd version": ix.ID + ".x", "version 0": ix.ID + ".0",
	} {
		if _, err := o.p.Resume(t.Context(), bad); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s flow: %v, want ErrNotFound", name, err)
		}
	}
	ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
	if signed, err := o.p.Flow(ix); err != nil {
		t.Error(err)
	} else if _, err := o.p.Resume(t.Context(), signed); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("sealed flow with a login: %v, want ErrNotFound", err)
	}
	if err := o.p.Save(t.Context(), ix); err != nil {
		t.Fatal(err)
	}
	if flow, err = o.p.Flow(ix); err != nil || !strings.HasPrefix(flow, ix.ID+".") {
		t.Errorf("flow of a row: %q, %v", flow, err)
	}
	o.advance(time.Hour)
	back, err = o.p.Resume(t.Context(), flow)
	if !errors.Is(err, interaction.ErrExpired) || back == nil {
		t.Errorf("flow after an hour: %v, %v", back, err)
	}
	again := o.p.Restart(back)
	again.Login = assurance.PasswordLogin("u1", 0, o.clock())
	if err := o.p.Finish(httptest.NewRecorder(), httptest.NewRequest("GET", issuer, nil), again, o.clock()); err != nil {
		t.Errorf("the request begun again cannot be finished: %v", err)
	}
	again = o.p.Restart(back)
	if again.ID == ix.ID || again.Login != nil || again.Version != 0 || !again.Expires.After(o.clock()) {
		t.Errorf("begun again: %+v", again)
	}
}

func TestRememberedRowIsNeverNewerThanTheStore(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	o.authorize(request())
	ix := o.ui.last
	ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
	if err := o.p.Save(t.Context(), ix); err != nil {
		t.Fatal(err)
	}
	old, _ := o.p.Flow(ix)
	read, err := o.p.Resume(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	fault := errors.New("fault")
	err = o.store.Atomic(t.Context(), func(ctx context.Context) error {
		read.Login.Add(providertest.Prove(providertest.MethodOTP, o.clock()))
		if err := o.p.Save(ctx, read); err != nil {
			return err
		}
		return fault
	})
	if !errors.Is(err, fault) {
		t.Fatal(err)
	}
	if again, err := o.p.Resume(t.Context(), old); err != nil || again.Login.SecondFactor() {
		t.Errorf("after a commit that failed: %+v, %v, want no second factor", again, err)
	}
	// Another process moves the row on.
	if err := o.store.SaveInteraction(t.Context(), ix); err != nil {
		t.Fatal(err)
	}
	moved, _ := o.p.Flow(ix)
	if got, err := o.p.Resume(t.Context(), moved); err != nil || got.Version != ix.Version {
		t.Errorf("flow of the newer version: %+v, %v", got, err)
	}
	stale, err := o.p.Resume(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	stale.Version-- // as the process read it before
	if err := o.p.Save(t.Context(), stale); !errors.Is(err, store.ErrConflict) {
		t.Errorf("save of an older version: %v, want ErrConflict", err)
	}
}

func TestInteractionEndsOnce(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	o.authorize(request())
	ix := o.ui.last
	ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
	if err := o.p.Save(t.Context(), ix); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", issuer+"/consent", nil)
	if err := o.p.Finish(w, r, ix, o.clock()); err != nil {
		t.Fatal(err)
	}
	if err := o.p.Finish(httptest.NewRecorder(), r, ix, o.clock()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("second Finish: %v, want ErrConflict", err)
	}
	if err := o.p.Refuse(httptest.NewRecorder(), r, ix, "access_denied"); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Refuse after Finish: %v, want ErrConflict", err)
	}
}

// Finish judges the proofs as of when the pages decided, and pages that did not decide have nothing to finish.
func TestFinishAsOf(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		done  bool
	}{{0, true}, {time.Minute, true}, {time.Minute + time.Second, false}, {-1, false}} {
		o := newOP(t)
		o.ui.hold = true
		o.authorize(request("max_age", "60"))
		ix := o.ui.last
		proved, at := o.clock().Add(-time.Second), time.Time{}
		ix.Login = assurance.PasswordLogin("u1", 0, proved)
		if tt.after >= 0 {
			at = proved.Add(tt.after)
		}
		o.advance(time.Hour)
		err := o.p.Finish(httptest.NewRecorder(), httptest.NewRequest("GET", issuer, nil), ix, at)
		if (err == nil) != tt.done {
			t.Errorf("decided %v after the proof: Finish: %v, want success: %v", tt.after, err, tt.done)
		}
	}
}

func TestDiscovery(t *testing.T) {
	o := newOP(t)
	_, meta := decode(t, o.do(httptest.NewRequest("GET", issuer+"/.well-known/openid-configuration", nil)))
	if meta["issuer"] != issuer || meta["token_endpoint"] != issuer+"/token" {
		t.Errorf("metadata %v", meta)
	}
	if got := fmt.Sprint(meta["ui_locales_supported"]); got != "[en pt-BR]" {
		t.Errorf("the pages speak %s", got)
	}
	r := o.do(httptest.NewRequest("GET", issuer+"/jwks", nil))
	_, set := decode(t, r)
	keys := set["keys"].([]any)
	if len(keys) != 4 || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d keys, want 4", len(keys))
	}
	for _, key := range keys {
		if key.(map[string]any)["d"] != nil {
			t.Error("a private key is published")
		}
	}
	if got := o.authorize(request()).Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("the authorization endpoint allows the origin %q", got)
	}
}

// TestAuthorizationRequestHasNoBody: parameters are in the address, where all that is checked was looked at. What a GET has in
// a body is not read, and no file of it kept.
func TestAuthorizationRequestHasNoBody(t *testing.T) {
	o := newOP(t)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("nonce", "from the body")
	form.WriteField("request_uri", "https://evil.example/request")
	if file, err := form.CreateFormFile("file", "file"); err != nil {
		t.Fatal(err)
	} else if _, err := file.Write(make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	form.Close()
	r := httptest.NewRequest("GET", issuer+"/authorize?"+request("nonce", "-").Encode(), &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	got := answer(t, o.do(r))
	if got.Get("code") == "" || r.MultipartForm != nil {
		t.Fatalf("the client is answered with %v; files are read: %v", got, r.MultipartForm != nil)
	}
	status, tokens := o.token("shop", exchange(got.Get("code")))
	if _, id := claims(t, tokens["id_token"]); status != http.StatusOK || id["nonce"] != nil {
		t.Errorf("the token endpoint answers %d, and the nonce is %v", status, id["nonce"])
	}
}
