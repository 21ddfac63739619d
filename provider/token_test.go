package provider_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

func TestIDTokenTellsWhatWasProved(t *testing.T) {
	o := newOP(t)
	began := o.clock()
	for _, tt := range []struct {
		name   string
		second bool
		amr    []any
		acr    string
	}{
		{"password", false, []any{"pwd"}, "aal1"},
		{"password and code", true, []any{"pwd", "otp", "mfa"}, "aal2"},
	} {
		o.ui.sign = func(ix *interaction.Interaction) {
			ix.Login = assurance.PasswordLogin("u1", 0, began)
			if tt.second {
				if err := ix.Login.Add(providertest.Prove(providertest.MethodOTP, began.Add(5*time.Second))); err != nil {
					t.Fatal(err)
				}
			}
		}
		first := o.tokens()
		o.advance(time.Hour)
		_, second := o.token("shop", refresh(first["refresh_token"]))
		for when, answer := range map[string]map[string]any{"exchange": first, "refresh": second} {
			_, c := claims(t, answer["id_token"])
			if !reflect.DeepEqual(c["amr"], tt.amr) || c["acr"] != tt.acr {
				t.Errorf("%s, %s: amr %v acr %v, want %v %v", tt.name, when, c["amr"], c["acr"], tt.amr, tt.acr)
			}
			if want := began.Unix(); c["auth_time"] != float64(want) { // of the password, which is older than the code
				t.Errorf("%s, %s: auth_time %v, want %d", tt.name, when, c["auth_time"], want)
			}
		}
	}
}

func TestIDTokenClaims(t *testing.T) {
	o := newOP(t)
	first := o.tokens()
	header, c := claims(t, first["id_token"])
	keys := slices.Sorted(maps.Keys(c))
	want := []string{"acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "jti", "nonce", "sid", "sub"}
	if !slices.Equal(keys, want) {
		t.Errorf("claims %v, want %v", keys, want)
	}
	if header["alg"] != "ES256" || header["kid"] == nil || c["iss"] != issuer || c["nonce"] != "n" || c["sub"] != "u1" {
		t.Errorf("header %v, claims %v", header, c)
	}
	_, again := o.token("shop", refresh(first["refresh_token"], "nonce", "injected"))
	_, c2 := claims(t, again["id_token"])
	if c2["nonce"] != nil || c2["sid"] != c["sid"] || c2["sub"] != c["sub"] {
		t.Errorf("refreshed claims %v", c2)
	}
}

func TestLoginWithoutProofGetsNoCode(t *testing.T) {
	o := newOP(t)
	for name, login := range map[string]*assurance.Login{
		"none": nil, "no proof": {Subject: "u1"}, "no subject": {Authentications: []assurance.Authentication{{Method: "pwd", Time: o.clock()}}},
		"second factor alone": {Subject: "u1", Authentications: []assurance.Authentication{{Method: "otp", Time: o.clock()}}},
	} {
		o.ui.sign = func(ix *interaction.Interaction) { ix.Login = login }
		if r := o.authorize(request()); r.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: status %d, want 500", name, r.StatusCode)
		}
	}
}

func TestPKCE(t *testing.T) {
	o := newOP(t)
	code := o.code()
	for _, tt := range []struct{ name, verifier string }{
		{"wrong", strings.Repeat("x", 43)}, {"none after a wrong one", "-"}, {"short", "x"},
	} {
		status, body := o.token("shop", exchange(code, "code_verifier", tt.verifier))
		if status != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("verifier %s: %d %v, want invalid_grant", tt.name, status, body)
		}
	}
	if status, body := o.token("shop", exchange(code)); status != http.StatusOK {
		t.Errorf("right verifier after wrong ones: %d %v", status, body)
	}
	plain := o.code("code_challenge", "-", "code_challenge_method", "-")
	if status, body := o.token("shop", exchange(plain)); body["error"] != "invalid_grant" {
		t.Errorf("verifier without a challenge: %d %v, want invalid_grant", status, body)
	}
	if status, body := o.token("shop", exchange(plain, "code_verifier", "-")); status != http.StatusOK {
		t.Errorf("confidential client without PKCE: %d %v", status, body)
	}
}

// TestCodeIsRedeemedOnce sends one code many times at once: one request gets tokens, and those end.
func TestCodeIsRedeemedOnce(t *testing.T) {
	o := newOP(t)
	code := o.code()
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		won []map[string]any
	)
	for range 50 {
		wg.Go(func() {
			status, body := o.token("shop", exchange(code))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case status == http.StatusOK:
				won = append(won, body)
			case status != http.StatusBadRequest || body["error"] != "invalid_grant":
				t.Errorf("one got %d %v, want tokens or invalid_grant", status, body)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("one code had %d answers, want 1", len(won))
	}
	if status, _ := o.userinfo(won[0]["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("access token after a second redemption was seen: %d, want 401", status)
	}
	if _, body := o.token("shop", refresh(won[0]["refresh_token"])); body["error"] != "invalid_grant" {
		t.Errorf("refresh token after a second redemption was seen: %v", body)
	}
}

func TestCodeOfAnotherClient(t *testing.T) {
	o := newOP(t)
	code := o.code()
	for name, form := range map[string]url.Values{"code": exchange(code), "signature alone": exchange("vst_ac_AAAA" + code[strings.Index(code, "."):])} {
		if _, body := o.token("other", form); body["error"] != "invalid_grant" {
			t.Errorf("%s: %v, want invalid_grant", name, body)
		}
	}
	status, good := o.token("shop", exchange(code))
	if status != http.StatusOK {
		t.Fatalf("the code was spent by another client: %d %v", status, good)
	}
	for _, client := range []string{"other", "shop"} {
		form := exchange("vst_ac_AAAA" + code[strings.Index(code, "."):])
		if client == "other" {
			form = exchange(code)
		}
		o.token(client, form)
		if status, _ := o.userinfo(good["access_token"]); status != http.StatusOK {
			t.Errorf("%s ended a family with a code that is not good", client)
		}
	}
	if _, body := o.token("other", refresh(good["refresh_token"])); body["error"] != "invalid_grant" {
		t.Errorf("refresh token of another client: %v", body)
	}
}

func TestCodeExpires(t *testing.T) {
	o := newOP(t)
	code := o.code()
	o.advance(time.Minute)
	if _, body := o.token("shop", exchange(code)); body["error"] != "invalid_grant" {
		t.Errorf("code after its end: %v", body)
	}
}

func TestRefreshRetryGetsTheSameAnswer(t *testing.T) {
	o := newOP(t)
	token := o.tokens()["refresh_token"]
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[any]int{}
	)
	for range 20 {
		wg.Go(func() {
			status, body := o.token("shop", refresh(token))
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprint(status, body["refresh_token"])]++
		})
	}
	wg.Wait()
	if len(seen) != 1 {
		t.Errorf("one refresh token had %d different answers, want 1: %v", len(seen), seen)
	}
	o.advance(11 * time.Second)
	_, child := o.token("shop", refresh(token))
	if child["error"] != "invalid_grant" {
		t.Errorf("reuse after the grace time: %v", child)
	}
}

func TestRefreshReuseEndsTheFamily(t *testing.T) {
	o := newOP(t)
	first := o.tokens()
	_, second := o.token("shop", refresh(first["refresh_token"]))
	if status, _ := o.userinfo(first["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("access token from before the rotation: %d, want 401", status)
	}
	o.advance(11 * time.Second)
	o.token("shop", refresh(first["refresh_token"]))
	if _, body := o.token("shop", refresh(second["refresh_token"])); body["error"] != "invalid_grant" {
		t.Errorf("child after a reuse: %v, want invalid_grant", body)
	}
	if status, _ := o.userinfo(second["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("child's access token after a reuse: %d, want 401", status)
	}
}

func TestRefreshEnds(t *testing.T) {
	o := newOP(t)
	token := o.tokens()["refresh_token"]
	o.advance(14 * 24 * time.Hour)
	if _, body := o.token("shop", refresh(token)); body["error"] != "invalid_grant" {
		t.Errorf("after 14 idle days: %v", body)
	}
	token = o.tokens()["refresh_token"]
	for range 9 {
		o.advance(9 * 24 * time.Hour)
		status, body := o.token("shop", refresh(token))
		if status != http.StatusOK {
			t.Fatalf("used every nine days: %d %v", status, body)
		}
		token = body["refresh_token"]
	}
	o.advance(9 * 24 * time.Hour)
	if _, body := o.token("shop", refresh(token)); body["error"] != "invalid_grant" {
		t.Errorf("after 90 days in all: %v", body)
	}
}

func TestDisabledAccountGetsNothing(t *testing.T) {
	o := newOP(t)
	body := o.tokens()
	o.store.AddAccount(account.Account{Subject: "u1", Username: "ana", Disabled: true}, "")
	if _, answer := o.token("shop", refresh(body["refresh_token"])); answer["error"] != "invalid_grant" {
		t.Errorf("refresh: %v, want invalid_grant", answer)
	}
	o.ui.sign = func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, o.clock().Add(-time.Hour))
	}
	if r := o.authorize(request()); r.Header.Get("Location") != "" || !errors.Is(o.ui.err, account.ErrPassword) {
		t.Errorf("end of a sign-in: %d, %v, want %v", r.StatusCode, o.ui.err, account.ErrPassword)
	}
	if status, _ := o.userinfo(body["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d, want 401", status)
	}
}

// A disabled account is told of to nobody, also where another program keeps it and has ended nothing here.
func TestDisabledAccountIsToldOfToNobody(t *testing.T) {
	o := newOP(t)
	body := o.tokens()
	for _, disabled := range []bool{true, false} { // nothing has ended: an account that is enabled again is told of
		o.store.AddAccount(account.Account{Subject: "u1", Username: "ana", Disabled: disabled}, "")
		want := http.StatusOK
		if disabled {
			want = http.StatusUnauthorized
		}
		if status, _ := o.userinfo(body["access_token"]); status != want {
			t.Errorf("disabled %v: userinfo answers %d, want %d", disabled, status, want)
		}
		if _, told := o.introspect("shop", body["refresh_token"]); told["active"] == disabled {
			t.Errorf("disabled %v: introspection says %v", disabled, told)
		}
	}
}

func TestNoRefreshTokenWithoutOfflineAccess(t *testing.T) {
	if body := newOP(t).tokens("scope", "openid"); body["refresh_token"] != nil {
		t.Error("a refresh token was given without offline_access")
	}
}

func TestUserinfo(t *testing.T) {
	o := newOP(t)
	body := o.tokens("scope", "openid profile email offline_access")
	status, c := o.userinfo(body["access_token"])
	if status != http.StatusOK || c["sub"] != "u1" || c["email"] != "ana@example.com" || c["preferred_username"] != "ana" {
		t.Errorf("userinfo: %d %v", status, c)
	}
	for _, name := range []string{"refresh_token", "id_token"} {
		if status, _ := o.userinfo(body[name]); status != http.StatusUnauthorized {
			t.Errorf("userinfo with the %s: %d, want 401", name, status)
		}
	}
	if r := o.do(httptest.NewRequest("GET", issuer+"/userinfo?access_token="+body["access_token"].(string), nil)); r.StatusCode != http.StatusBadRequest {
		t.Errorf("userinfo with the token in the address: %d, want 400", r.StatusCode)
	}
	o.advance(10 * time.Minute)
	if status, _ := o.userinfo(body["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("userinfo with an expired token: %d, want 401", status)
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	o := newOP(t)
	for _, tt := range []struct {
		name, client string
		form         url.Values
		status       int
		err          string
	}{
		{"no credentials", "", exchange("x"), 401, "invalid_client"},
		{"id of a confidential client alone", "", exchange("x", "client_id", "shop"), 401, "invalid_client"},
		{"empty secret", "", exchange("x", "client_id", "shop", "client_secret", ""), 401, "invalid_client"},
		{"unknown client", "nobody", exchange("x"), 401, "invalid_client"},
		{"secret of a public client", "app", exchange("x"), 401, "invalid_client"},
		{"two methods", "shop", exchange("x", "client_secret", "y"), 400, "invalid_request"},
		{"two clients", "shop", exchange("x", "client_id", "other"), 400, "invalid_request"},
		{"no grant type", "shop", exchange("x", "grant_type", "-"), 400, "invalid_request"},
		{"password grant", "shop", exchange("x", "grant_type", "password"), 400, "unsupported_grant_type"},
		{"code twice", "shop", url.Values{"grant_type": {"authorization_code"}, "code": {"a", "b"}}, 400, "invalid_request"},
		{"code and refresh token", "shop", exchange("x", "refresh_token", "y"), 400, "invalid_request"},
		{"garbage", "shop", exchange("x"), 400, "invalid_grant"},
		{"other redirect URI", "shop", exchange(o.code(), "redirect_uri", callback+"/"), 400, "invalid_grant"},
		{"no redirect URI", "shop", exchange(o.code(), "redirect_uri", "-"), 400, "invalid_grant"},
	} {
		status, body := o.token(tt.client, tt.form)
		if status != tt.status || body["error"] != tt.err {
			t.Errorf("%s: %d %v, want %d %s", tt.name, status, body, tt.status, tt.err)
		}
	}
	r := httptest.NewRequest("POST", issuer+"/token", strings.NewReader(exchange("x").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("shop", "wrong")
	if got := o.do(r).Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
		t.Errorf("WWW-Authenticate %q, want Basic", got)
	}
}

func TestDatabaseDownIsNobodysFault(t *testing.T) {
	o := newOP(t)
	code, body := o.code(), o.tokens()
	o.advance(time.Minute / 2) // past the client cache
	o.store.Fail(fmt.Errorf("dial: %w", store.ErrUnavailable))
	for name, form := range map[string]url.Values{"code": exchange(code), "refresh": refresh(body["refresh_token"])} {
		if status, answer := o.token("shop", form); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %v, want 503", name, status, answer)
		}
	}
	if status, _ := o.userinfo(body["access_token"]); status != http.StatusServiceUnavailable {
		t.Errorf("userinfo: %d, want 503", status)
	}
	if r := o.authorize(request()); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("authorize: %d, want 503", r.StatusCode)
	}
	o.store.Fail(nil)
	if status, answer := o.token("shop", exchange(code)); status != http.StatusOK {
		t.Errorf("code after the fault: %d %v", status, answer)
	}
}

func TestTwoProvidersKeepTheirStores(t *testing.T) {
	a, b := newOP(t), newOP(t)
	if _, body := b.token("shop", exchange(a.code())); body["error"] == nil {
		t.Error("a code of one provider was taken by another")
	}
	a.tokens()
	b.tokens()
}

func TestChosenSecret(t *testing.T) {
	o := newOP(t)
	const chosen = "sixteen letters!"
	hash, err := client.HashSecret(t.Context(), cheap(), chosen)
	if err != nil {
		t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "old", SecretHash: hash, RedirectURIs: []string{callback}})
	for _, secret := range []string{"wrong letters!!!", chosen, chosen, "wrong letters!!!", ""} {
		o.secret = secret
		_, body := o.token("old", exchange("x"))
		want := "invalid_client"
		if secret == chosen {
			want = "invalid_grant"
		}
		if body["error"] != want {
			t.Errorf("secret %q: %v, want %s", secret, body, want)
		}
	}
}

func TestUsedTokenStillEndsItsFamilyAfterItsOwnEnd(t *testing.T) {
	o := newOP(t)
	first := o.tokens()["refresh_token"]
	o.advance(13 * 24 * time.Hour)
	_, second := o.token("shop", refresh(first))
	o.advance(13 * 24 * time.Hour)
	o.token("shop", refresh(first))
	if _, body := o.token("shop", refresh(second["refresh_token"])); body["error"] != "invalid_grant" {
		t.Errorf("child after its parent was seen again: %v, want invalid_grant", body)
	}
}
