package provider_test

import (
	"cmp"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/client"
)

// addJWTs has access tokens for the bank be JWTs, signed with ES256.
func (o *op) addJWTs() {
	o.t.Helper()
	o.signs = client.ES256
	o.addLedger()
	o.change("api", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
	o.restart()
}

// TestJWTAccessToken: it says what an introspection would, and who knows our keys can read it.
func TestJWTAccessToken(t *testing.T) {
	o := newOP(t)
	o.addJWTs()
	answer := o.tokens("scope", "openid email", "resource", bank)
	access := answer["access_token"].(string)
	var published jose.JSONWebKeySet
	if err := json.NewDecoder(o.do(httptest.NewRequest("GET", issuer+"/jwks", nil)).Body).Decode(&published); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(access, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || parsed.Headers[0].ExtraHeaders["typ"] != "at+jwt" {
		t.Fatalf("%q: %v, want an at+jwt", access, err)
	}
	var got map[string]any
	if err := parsed.Claims(published, &got); err != nil {
		t.Fatalf("by the published keys: %v", err)
	}
	now := float64(o.clock().Unix())
	want := map[string]any{
		"iss": issuer, "sub": "u1", "aud": []any{bank}, "client_id": "shop", "exp": now + 600, "iat": now, "jti": got["jti"],
		"scope": "openid email", "acr": "aal1", "amr": []any{"pwd"}, "auth_time": now,
	}
	if !reflect.DeepEqual(got, want) || got["jti"] == "" {
		t.Errorf("it says %v, want %v", got, want)
	}
	sum := sha256.Sum256([]byte(access))
	if _, id := claims(t, answer["id_token"]); id["at_hash"] != base64.RawURLEncoding.EncodeToString(sum[:16]) {
		t.Errorf("at_hash is %v", id["at_hash"])
	}
	for reader, active := range map[string]bool{"api": true, "shop": true, "ledger-api": false, "other": false} {
		_, seen := o.introspect(reader, access)
		if seen["active"] != active {
			t.Errorf("%s learns %v, want active: %v", reader, seen, active)
		}
		for name, value := range want {
			if active && name != "jti" && !reflect.DeepEqual(seen[name], value) {
				t.Errorf("%s learns %s %v, the token says %v", reader, name, seen[name], value)
			}
		}
	}
	if status, _ := o.userinfo(access); status != http.StatusUnauthorized {
		t.Errorf("userinfo takes a token for the bank: %d", status)
	}
	if got := o.tokens("resource", ledger)["access_token"].(string); strings.Count(got, ".") != 1 {
		t.Errorf("the token for an API that wants none is %q", got)
	}
	o.advance(10 * time.Minute)
	if _, seen := o.introspect("api", access); seen["active"] != false {
		t.Error("an expired JWT is active")
	}
}

// TestJWTEnds: a JWT ends with the rest of its family, for whoever asks.
func TestJWTEnds(t *testing.T) {
	o := newOP(t)
	o.addJWTs()
	o.change("shop", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
	for name, end := range map[string]func(answer map[string]any){
		"revoked":        func(answer map[string]any) { o.revoke("shop", answer["access_token"].(string)) },
		"family revoked": func(answer map[string]any) { o.revoke("shop", answer["refresh_token"].(string)) },
		"refreshed":      func(answer map[string]any) { o.token("shop", refresh(answer["refresh_token"])) },
	} {
		for _, resource := range []string{bank, ""} {
			answer := o.tokens("resource", cmp.Or(resource, issuer))
			access := answer["access_token"].(string)
			if status, _ := o.userinfo(access); strings.Count(access, ".") != 2 || (status == http.StatusOK) != (resource == "") {
				t.Fatalf("%s: userinfo answers %d to %q", name, status, access)
			}
			if status, got := o.revoke("other", access); status != http.StatusOK || !o.active("shop", access) {
				t.Errorf("%s: another app: %d %v, or it ended the token", name, status, got)
			}
			end(answer)
			if o.active("shop", access) || resource != "" && o.active("api", access) {
				t.Errorf("%s: the JWT is active", name)
			}
			if status, _ := o.userinfo(access); status != http.StatusUnauthorized {
				t.Errorf("%s: userinfo answers %d", name, status)
			}
		}
	}
}

// TestJWTIsNothingElse: no JWT of ours stands for another, and none that is altered for anything.
func TestJWTIsNothingElse(t *testing.T) {
	o := newOP(t)
	o.addJWTs()
	o.change("shop", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
	answer := o.tokens()
	access, id := answer["access_token"].(string), answer["id_token"].(string)
	if got := answer2(t, o, "id_token_hint", access); got.Get("error") != "invalid_request" {
		t.Errorf("an access token as a hint: %v, want invalid_request", got)
	}
	if got := answer2(t, o, "id_token_hint", id); got.Get("code") == "" {
		t.Errorf("an ID token as a hint: %v", got)
	}
	if status, got := o.revoke("shop", id); status != http.StatusBadRequest || got != "unsupported_token_type" {
		t.Errorf("an ID token is revoked: %d %v", status, got)
	}
	parts := strings.Split(access, ".")
	for name, token := range map[string]string{
		"ID token": id, "cut off": access[:len(access)-1], "with more": access + "A", "without signature": parts[0] + "." + parts[1] + ".",
		"of another's claims": parts[0] + "." + strings.Split(id, ".")[1] + "." + parts[2], "with a signature that is as right": malleable(t, parts),
	} {
		if o.active("shop", token) || first(o.userinfo(token)) != http.StatusUnauthorized {
			t.Errorf("%s: it is taken for an access token", name)
		}
		if status, got := o.revoke("shop", token); name != "ID token" && status != http.StatusOK {
			t.Errorf("%s: revocation answers %d %v", name, status, got)
		}
	}
	if !o.active("shop", access) {
		t.Error("a token that looks like it has ended it")
	}
}

// malleable is the JWT with the other signature that ECDSA has for it.
func malleable(t *testing.T, parts []string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 64 {
		t.Fatalf("signature %q: %v", parts[2], err)
	}
	s := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(raw[32:]))
	s.FillBytes(raw[32:])
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(raw)
}

func answer2(t *testing.T, o *op, pairs ...string) url.Values {
	t.Helper()
	return answer(t, o.authorize(request(pairs...)))
}

func (o *op) active(reader, token string) bool {
	_, got := o.introspect(reader, token)
	return got["active"] == true
}
