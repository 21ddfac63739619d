package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/client"
)

// signed returns what the JWT says that the answer consists of, as a client reads it: by the published keys.
func (o *op) signed(v url.Values, algorithm jose.SignatureAlgorithm) map[string]any {
	o.t.Helper()
	if len(v) != 1 || v.Get("response") == "" {
		o.t.Fatalf("the client gets %v, want a response alone", v)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(o.do(httptest.NewRequest("GET", issuer+"/jwks", nil)).Body).Decode(&set); err != nil {
		o.t.Fatal(err)
	}
	token, err := jwt.ParseSigned(v.Get("response"), []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		o.t.Fatal(err)
	}
	body := map[string]any{}
	if err := token.Claims(set, &body); err != nil {
		o.t.Fatal(err)
	}
	if left := body["exp"].(float64) - float64(o.clock().Unix()); left < 60 || left > 600 || body["iss"] != issuer {
		o.t.Errorf("the answer is of %v and good for %v s", body["iss"], left)
	}
	for _, name := range []string{"iss", "exp"} {
		delete(body, name)
	}
	return body
}

// fields are those of an answer in an address or in a form.
func fields(t *testing.T, r *http.Response) url.Values {
	t.Helper()
	if r.StatusCode == http.StatusSeeOther {
		return answer(t, r)
	}
	return posted(t, r).Fields
}

// An answer that is signed says what it would have said in the open: codes, the errors of requests, and those of users.
func TestSignedAnswer(t *testing.T) {
	o := newOP(t)
	for mode, form := range map[string]bool{"jwt": false, "query.jwt": false, "form_post.jwt": true} {
		r := o.authorize(request("response_mode", mode))
		if got := r.StatusCode == http.StatusOK; got != form {
			t.Errorf("%s: status %d", mode, r.StatusCode)
		}
		body := o.signed(fields(t, r), jose.RS256)
		code, _ := body["code"].(string)
		if want := map[string]any{"aud": "shop", "code": code, "state": "st"}; !reflect.DeepEqual(body, want) {
			t.Errorf("%s: %v, want %v", mode, body, want)
		}
		if status, body := o.token("shop", exchange(code)); status != http.StatusOK {
			t.Errorf("%s: exchange %d %v", mode, status, body)
		}
		body = o.signed(fields(t, o.authorize(request("response_mode", mode, "prompt", "shout", "state", "-"))), jose.RS256)
		if body["error"] != "invalid_request" || body["error_description"] == "" || body["state"] != nil {
			t.Errorf("%s: a bad prompt gets %v", mode, body)
		}
		o.ui.refuse = "access_denied"
		if body := o.signed(fields(t, o.authorize(request("response_mode", mode))), jose.RS256); body["error"] != "access_denied" || body["state"] != "st" {
			t.Errorf("%s: the user's no is %v", mode, body)
		}
		o.ui.refuse = ""
	}
	if body := o.signed(answer(t, o.opened(o.push("response_mode", "jwt"))), jose.RS256); body["code"] == nil {
		t.Errorf("to a pushed request: %v", body)
	}
}

// A client chooses the algorithm of its answers; that of ID tokens is another matter.
func TestSignedAnswerAlgorithm(t *testing.T) {
	o := newOP(t)
	for _, algorithm := range client.Algorithms {
		o.change("shop", func(c *client.Client) { c.AnswerAlg = algorithm })
		if body := o.signed(answer(t, o.authorize(request("response_mode", "jwt"))), jose.SignatureAlgorithm(algorithm)); body["code"] == nil {
			t.Errorf("%s: %v", algorithm, body)
		}
	}
}

// What cannot be signed, or brought so, is refused in the open.
func TestSignedAnswerIsRefused(t *testing.T) {
	o := newOP(t)
	app := []string{"client_id", "app", "redirect_uri", "com.example.app:/cb"}
	for _, tt := range []struct {
		name, want string
		pairs      []string
	}{
		{"fragment", "unsupported_response_mode", []string{"response_mode", "fragment.jwt"}},
		{"misspelt", "unsupported_response_mode", []string{"response_mode", "JWT"}},
		{"state", "invalid_request", []string{"response_mode", "jwt", "state", "\xff"}},
		{"app", "invalid_request", append([]string{"response_mode", "form_post.jwt"}, app...)},
	} {
		v := answer(t, o.authorize(request(tt.pairs...)))
		if v.Get("error") != tt.want || v.Has("response") {
			t.Errorf("%s: %v, want %s", tt.name, v, tt.want)
		}
	}
	if body := o.signed(answer(t, o.authorize(request(append([]string{"response_mode", "jwt"}, app...)...))), jose.RS256); body["aud"] != "app" {
		t.Errorf("an app with a scheme of its own gets %v", body)
	}
}

// An ID token that comes alone may be signed once more in a form, and in no address.
func TestSignedAnswerWithAnIDToken(t *testing.T) {
	o := newOP(t)
	alone := func(mode string) url.Values {
		return request("client_id", "net", "response_type", "id_token", "response_mode", mode, "scope", "openid")
	}
	body := o.signed(posted(t, o.authorize(alone("form_post.jwt"))).Fields, jose.RS256)
	if _, id := claims(t, body["id_token"]); id["nonce"] != "n" || body["code"] != nil {
		t.Errorf("the answer is %v", body)
	}
	for _, mode := range []string{"jwt", "query.jwt"} {
		if body := o.signed(answer(t, o.authorize(alone(mode))), jose.RS256); body["error"] != "unsupported_response_mode" || body["id_token"] != nil {
			t.Errorf("%s: %v", mode, body)
		}
	}
}

// A signed answer is no ID token: it names no user, and stands for none.
func TestSignedAnswerIsNoIDToken(t *testing.T) {
	o := newOP(t)
	signed := answer(t, o.authorize(request("response_mode", "jwt", "state", `","sub":"u1`))).Get("response")
	if v := answer(t, o.authorize(request("id_token_hint", signed))); v.Get("error") != "invalid_request" {
		t.Errorf("as a hint it gets %v", v)
	}
	if status, body := o.par("shop", request("id_token_hint", signed)); status != http.StatusBadRequest {
		t.Errorf("as a hint that is pushed: %d %v", status, body)
	}
}

// The metadata name the modes and the algorithms.
func TestSignedAnswerMetadata(t *testing.T) {
	o := newOP(t)
	var got struct {
		Modes      []string `json:"response_modes_supported"`
		Algorithms []string `json:"authorization_signing_alg_values_supported"`
	}
	if err := json.NewDecoder(o.do(httptest.NewRequest("GET", issuer+"/.well-known/openid-configuration", nil)).Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := []string{"query", "form_post", "jwt", "query.jwt", "form_post.jwt"}; !reflect.DeepEqual(got.Modes, want) || !reflect.DeepEqual(got.Algorithms, client.Algorithms) {
		t.Errorf("the metadata say %q and %q", got.Modes, got.Algorithms)
	}
}
