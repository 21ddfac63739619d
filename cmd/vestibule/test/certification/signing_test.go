package certification

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// signing are the modules that the plan for Message Signing has beside those of the Security Profile.
var signing = []asked{
	{"ensure-request-object-with-multiple-aud-succeeds", objectOpens(func(b *bank) map[string]any {
		return map[string]any{"aud": []string{"https://other1.example", b.op.site.Config.Issuer, "invalid"}}
	})},
	{"ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted", objectOpens(func(b *bank) map[string]any {
		return map[string]any{"nbf": b.at(8)}
	})},
	{"ensure-different-nonce-inside-and-outside-request-object", outside("nonce", "outside")},
	{"ensure-different-state-inside-and-outside-request-object", outside("state", "outside")},
	{"state-only-outside-request-object-not-used", func(t *testing.T, b, _ *bank) {
		request := b.challenged("state", "-")
		b.follow(t, request, b.pushed(t, b.push(t, request), "state", "outside")) // is answered without one
	}},
	{"ensure-request-object-without-exp-fails", objectFails(func(*bank) map[string]any { return map[string]any{"exp": nil} })},
	{"ensure-request-object-without-nbf-fails", objectFails(func(*bank) map[string]any { return map[string]any{"nbf": nil} })},
	{"ensure-expired-request-object-fails", objectFails(func(b *bank) map[string]any {
		return map[string]any{"exp": b.at(-300), "nbf": b.at(-360), "iat": b.at(-360)}
	})},
	{"ensure-request-object-with-bad-aud-fails", objectFails(func(*bank) map[string]any { return map[string]any{"aud": "https://other.example"} })},
	{"ensure-request-object-with-exp-over-60-fails", objectFails(func(b *bank) map[string]any { return map[string]any{"exp": b.at(70 * 60)} })},
	{"ensure-request-object-with-nbf-over-60-fails", objectFails(func(b *bank) map[string]any {
		return map[string]any{"nbf": b.at(-70 * 60), "iat": b.at(-70 * 60)}
	})},
	{"ensure-request-object-without-redirect-uri-fails", func(t *testing.T, b, _ *bank) {
		failed(t, b.push(t, b.challenged("redirect_uri", "-")), http.StatusBadRequest, "invalid_request", "invalid_request_object")
	}},
	{"ensure-signed-request-object-with-RS256-fails", func(t *testing.T, b, _ *bank) {
		object := url.Values{"request": {b.sign(jose.RS256, b.claims(asClaims(b.challenged())))}}
		failed(t, b.push(t, object), http.StatusBadRequest, "invalid_request_object")
	}},
	{"ensure-request-object-signature-algorithm-is-not-none", func(t *testing.T, b, _ *bank) {
		signed := strings.Split(b.object(b.challenged(), nil).Get("request"), ".")
		object := url.Values{"request": {encode([]byte(`{"alg":"none"}`)) + "." + signed[1] + "."}}
		failed(t, b.push(t, object), http.StatusBadRequest, "invalid_request_object")
	}},
	{"ensure-request-object-with-invalid-signature-fails", func(t *testing.T, b, _ *bank) {
		one, other := strings.Split(b.object(b.challenged(), nil).Get("request"), "."), strings.Split(b.object(b.challenged(), nil).Get("request"), ".")
		object := url.Values{"request": {one[0] + "." + one[1] + "." + other[2]}}
		failed(t, b.push(t, object), http.StatusBadRequest, "invalid_request_object")
	}},
	{"ensure-matching-key-in-authorization-request", func(t *testing.T, b, two *bank) {
		object := url.Values{"request": {two.sign(jose.ES256, b.claims(asClaims(b.challenged())))}}
		failed(t, b.push(t, object), http.StatusBadRequest, "invalid_request_object")
	}},
	{"ensure-unsigned-request-at-par-endpoint-fails", func(t *testing.T, b, _ *bank) {
		plain := *b
		plain.signs = false
		failed(t, plain.push(t, plain.challenged()), http.StatusBadRequest, "invalid_request")
	}},
	{"par-authorization-request-containing-request_uri", func(t *testing.T, b, _ *bank) {
		object := b.object(b.challenged(), map[string]any{"request_uri": "urn:ietf:params:oauth:request_uri:x"})
		failed(t, b.push(t, object), http.StatusBadRequest, "invalid_request", "invalid_request_object")
	}},
}

// asClaims are the parameters of a request as claims.
func asClaims(request url.Values) map[string]any {
	all := map[string]any{}
	for name := range request {
		all[name] = request.Get(name)
	}
	return all
}

// objectOpens is a sign-in by a request object with these claims in place of others.
func objectOpens(changes func(*bank) map[string]any) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) {
		request := b.challenged()
		answer := b.follow(t, request, b.pushed(t, b.push(t, b.object(request, changes(b)))))
		b.read(t, b.ask(t, answer.Get("code"), b.proof()))
	}
}

// objectFails is a request object with these claims in place of others, which cannot be pushed.
func objectFails(changes func(*bank) map[string]any) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) {
		failed(t, b.push(t, b.object(b.challenged(), changes(b))), http.StatusBadRequest, "invalid_request_object")
	}
}

// outside is a sign-in with another value of the parameter beside the request_uri, which counts for nothing.
func outside(name, value string) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) {
		request := b.challenged()
		answer := b.follow(t, request, b.pushed(t, b.push(t, request), name, value))
		if got := b.read(t, b.ask(t, answer.Get("code"), b.proof())); got.claims["nonce"] != request.Get("nonce") {
			t.Errorf("the nonce is %v, want %s", got.claims["nonce"], request.Get("nonce"))
		}
	}
}

// TestFAPI2MessageSigning is fapi2-message-signing-final-test-plan: all of the Security Profile, by signed requests and with
// signed answers, and what else there is to ask of those.
func TestFAPI2MessageSigning(t *testing.T) {
	t.Parallel()
	o := newOP(t, servertest.SQLite(t))
	sign := func(c *client.Client) { c.RequireSignedRequestObject = true }
	b, two := newBank(t, o, "bank", sign), newBank(t, o, "bank-2", sign)
	b.signs, two.signs = true, true
	askAll(t, b, two, security, grants, bound, signing)
}
