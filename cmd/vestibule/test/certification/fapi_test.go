package certification

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// asked is a module of the plans for FAPI 2.0. two is another client of the same kind.
type asked struct {
	name string
	ask  func(t *testing.T, b, two *bank)
}

// fapi is what the names of all modules of these plans begin with.
const fapi = "fapi2-security-profile-final-"

// security are the modules that both plans have, of those that are about the authorization request and its answer.
var security = []asked{
	{"discovery-end-point-verification", func(t *testing.T, b, _ *bank) {
		for _, name := range []string{"id_token_signing_alg_values_supported", "token_endpoint_auth_signing_alg_values_supported",
			"dpop_signing_alg_values_supported", "request_object_signing_alg_values_supported", "authorization_signing_alg_values_supported"} {
			b.op.supports(t, name, client.ProfileAlgorithms...)
		}
		b.op.supports(t, "token_endpoint_auth_methods_supported", "private_key_jwt")
		b.op.supports(t, "code_challenge_methods_supported", "S256")
		b.op.supports(t, "response_modes_supported", "jwt")
		required, told := b.op.metadata["require_pushed_authorization_requests"].(bool)
		if required || !told || b.op.endpoint("pushed_authorization_request_endpoint") == "" || b.op.metadata["authorization_response_iss_parameter_supported"] != true {
			t.Errorf("the metadata are %v", b.op.metadata)
		}
	}},
	{"happy-flow", func(t *testing.T, b, two *bank) {
		for _, c := range []*bank{b, two} {
			request := c.challenged("scope", "openid email")
			c.browser = c.op.site.NewBrowser(t)
			end, seen := c.op.through(t, c.in(t).Open(c.pushed(t, c.push(t, request))))
			if strings.Join(seen, " ") != "login totp consent" {
				t.Errorf("the user sees %q", seen)
			}
			got := c.read(t, c.ask(t, c.answered(t, request, end).Get("code"), c.proof()))
			if got.claims["acr"] != "aal2" || got.claims["nonce"] != request.Get("nonce") || got.refresh != "" {
				t.Errorf("the ID token says %v, the refresh token is %q", got.claims, got.refresh)
			}
			c.works(t, got.access, "DPoP")
			if stolen := c.atUserInfo(t, got.access, "DPoP", newProofKey(c.op).ProofWith(got.access, "GET", c.op.endpoint("userinfo_endpoint"))); stolen.status != 401 {
				t.Errorf("userinfo answers %d to a token with another key", stolen.status)
			}
		}
	}},
	{"user-rejects-authentication", func(t *testing.T, b, _ *bank) {
		request := b.challenged("prompt", "consent")
		page := b.in(t).Open(b.pushed(t, b.push(t, request))).At("consent", "initial")
		b.refused(t, b.answered(t, request, page.Press("Don’t allow")), "access_denied")
	}},
	{"ensure-authorization-request-without-state-success", signsIn("state", "-")},
	{"ensure-authorization-request-without-nonce-success", signsIn("nonce", "-")},
	{"ensure-authorization-request-with-64-char-nonce-success", signsIn("nonce", strings.Repeat("nonce_-~", 8))},
	{"ensure-authorization-request-with-long-nonce", signsIn("nonce", strings.Repeat("nonce_-~", 48))},
	{"ensure-authorization-request-with-long-state", signsIn("state", strings.Repeat("state_-~", 48))},
	{"ensure-other-scope-order-succeeds", signsIn("scope", "email openid")},
	{"test-claims-parameter-identity-claims", func(t *testing.T, b, _ *bank) {
		got := b.signedIn(t, "claims", `{"id_token":{"email":null,"given_name":{"essential":true}},"userinfo":{"phone_number":null}}`)
		if got.claims["email"] != b.op.user.Email || got.claims["given_name"] != "Ana" {
			t.Errorf("the ID token says %v", got.claims)
		}
	}},
	{"test-essential-acr-sca-claim", func(t *testing.T, b, _ *bank) {
		request := b.challenged("claims", servertest.Essential("urn:openbanking:psd2:sca"))
		failed(t, b.push(t, request), http.StatusBadRequest, "unmet_authentication_requirements")
	}},
	{"ensure-registered-redirect-uri", pushFails([]string{"redirect_uri", "https://shop.example/other"}, "invalid_request")},
	{"plain-fapi-tolerate-unregistered-redirect-uri", pushFails([]string{"redirect_uri", "https://shop.example/other"}, "invalid_request")},
	{"ensure-unsigned-authorization-request-without-using-par-fails", func(t *testing.T, b, _ *bank) {
		request := b.challenged("response_mode", "-")
		end := b.visit(b.in(t), request)
		b.refused(t, b.answer(t, request, end), "invalid_request")
	}},
	{"ensure-redirect-uri-in-authorization-request", pushFails([]string{"redirect_uri", "-"}, "invalid_request")},
	{"ensure-response-type-code-idtoken-fails", pushFails([]string{"response_type", "code id_token"}, "unsupported_response_type")},
	{"ensure-response-type-token-fails", pushFails([]string{"response_type", "token"}, "unsupported_response_type")},
	{"par-ensure-pkce-required", pushFails([]string{"code_challenge", "-", "code_challenge_method", "-"}, "invalid_request")},
	{"par-plain-pkce-rejected", pushFails([]string{"code_challenge_method", "plain", "code_challenge", verifier}, "invalid_request")},
	{"ensure-pkce-code-verifier-required", func(t *testing.T, b, _ *bank) {
		failed(t, b.ask(t, b.code(t), b.proof(), "code_verifier", "-"), http.StatusBadRequest, "invalid_grant")
	}},
	{"incorrect-pkce-code-verifier-rejected", func(t *testing.T, b, _ *bank) {
		failed(t, b.ask(t, b.code(t), b.proof(), "code_verifier", strings.Repeat("x", 43)), http.StatusBadRequest, "invalid_grant")
	}},

	{"par-ensure-reused-request-uri-prior-to-auth-completion-succeeds", func(t *testing.T, b, _ *bank) { // a warning: it opens one sign-in
		request := b.challenged("prompt", "login")
		address := b.pushed(t, b.push(t, request))
		page := b.in(t).Open(address).At("login", "initial")
		closed(t, b.in(t).Open(address))
		end, _ := b.op.through(t, page.Reload().At("login", "initial"))
		b.read(t, b.ask(t, b.answered(t, request, end).Get("code"), b.proof()))
	}},
	{"par-attempt-reuse-request_uri", func(t *testing.T, b, _ *bank) {
		request := b.challenged()
		address := b.pushed(t, b.push(t, request))
		b.follow(t, request, address)
		closed(t, b.in(t).Open(address))
	}},
	{"par-attempt-to-use-expired-request_uri", func(t *testing.T, b, _ *bank) {
		address := b.pushed(t, b.push(t, b.challenged()))
		b.op.site.Clock.Advance(b.op.site.Config.PushedRequestLifetime)
		closed(t, b.in(t).Open(address))
	}},
	{"par-attempt-to-use-request_uri-for-different-client", func(t *testing.T, b, two *bank) {
		request := b.challenged()
		pushed := b.push(t, request)
		closed(t, b.in(t).Open(two.pushed(t, pushed)))
		b.follow(t, request, b.pushed(t, pushed)) // and is not spent by that
	}},
	{"par-authorization-request-containing-request_uri-form-param", func(t *testing.T, b, _ *bank) {
		form := b.challenged()
		if b.signs {
			form = b.object(form, nil)
		}
		failed(t, b.push(t, with(form, "request_uri", "urn:ietf:params:oauth:request_uri:x")), http.StatusBadRequest, "invalid_request")
	}},
	{"par-attempt-invalid-http-method", func(t *testing.T, b, _ *bank) {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			request := must(http.NewRequestWithContext(t.Context(), method, b.op.endpoint("pushed_authorization_request_endpoint"), nil))
			if got := b.op.do(t, request); got.status < 400 || got.status >= 500 {
				t.Errorf("%s: %d", method, got.status)
			}
		}
	}},
	{"par-without-duplicate-parameters", func(t *testing.T, b, _ *bank) { b.signedIn(t) }},

	{"par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted", func(t *testing.T, b, _ *bank) {
		b.pushed(t, b.pushAs(t, map[string]any{"nbf": b.at(8), "iat": b.at(8)}))
	}},
	{"par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails", func(t *testing.T, b, _ *bank) {
		failed(t, b.pushAs(t, map[string]any{"nbf": b.at(65), "iat": b.at(65), "exp": b.at(125)}), http.StatusUnauthorized, "invalid_client")
	}},
	{"par-test-array-as-audience-fails", func(t *testing.T, b, _ *bank) {
		failed(t, b.pushAs(t, map[string]any{"aud": []string{b.op.site.Config.Issuer}}), http.StatusUnauthorized, "invalid_client")
	}},
	{"par-test-par-endpoint-url-as-audience-fails", func(t *testing.T, b, _ *bank) {
		failed(t, b.pushAs(t, map[string]any{"aud": b.op.endpoint("pushed_authorization_request_endpoint")}), http.StatusUnauthorized, "invalid_client")
	}},
	{"par-test-token-endpoint-url-as-audience-fails", func(t *testing.T, b, _ *bank) {
		failed(t, b.pushAs(t, map[string]any{"aud": b.op.endpoint("token_endpoint")}), http.StatusUnauthorized, "invalid_client")
	}},
}

// signsIn is a sign-in with these changes to the request.
func signsIn(changes ...string) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) { b.signedIn(t, changes...) }
}

// pushFails is a request with these changes that cannot be pushed.
func pushFails(changes []string, code string) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) {
		failed(t, b.push(t, b.challenged(changes...)), http.StatusBadRequest, code)
	}
}

// pushAs pushes with an assertion that has these claims in place of others.
func (b *bank) pushAs(t *testing.T, changes map[string]any) reply {
	t.Helper()
	form := b.challenged()
	if b.signs {
		form = b.object(form, nil)
	}
	return b.push(t, with(form, "client_assertion", b.assertion(changes)))
}

// grants are the modules that both plans have, of those that are about the token endpoint.
var grants = []asked{
	{"ensure-client-id-in-token-endpoint", func(t *testing.T, b, two *bank) {
		code := b.code(t)
		other := *b.rp
		other.Client = two.Client // whose client_id stands in the form
		mixed := *b
		mixed.rp = &other
		failed(t, mixed.ask(t, code, b.proof(), "client_assertion", b.assertion(nil)), http.StatusUnauthorized, "invalid_client")
	}},
	{"ensure-holder-of-key-required", func(t *testing.T, b, _ *bank) {
		failed(t, b.ask(t, b.code(t), ""), http.StatusBadRequest, "invalid_dpop_proof")
	}},
	{"ensure-authorization-code-is-bound-to-client", func(t *testing.T, b, two *bank) {
		failed(t, two.ask(t, b.code(t), two.proof()), http.StatusBadRequest, "invalid_grant")
	}},
	{"attempt-reuse-authorization-code-after-one-second", func(t *testing.T, b, _ *bank) {
		code := b.code(t, "scope", "openid offline_access", "prompt", "consent")
		got := b.read(t, b.ask(t, code, b.proof()))
		b.op.site.Clock.Advance(time.Second)
		failed(t, b.ask(t, code, b.proof()), http.StatusBadRequest, "invalid_grant")
		if ended := b.atUserInfo(t, got.access, "DPoP", b.proofs.ProofWith(got.access, "GET", b.op.endpoint("userinfo_endpoint"))); ended.status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d to the token that had come of the code", ended.status)
		}
		failed(t, b.sendRefresh(t, got.refresh, b.proof()), http.StatusBadRequest, "invalid_grant")
	}},
	{"ensure-token-endpoint-fails-with-expired-auth-code", func(t *testing.T, b, _ *bank) {
		code := b.code(t)
		b.op.site.Clock.Advance(61 * time.Second)
		failed(t, b.ask(t, code, b.proof()), http.StatusBadRequest, "invalid_grant")
	}},
	{"ensure-signed-client-assertion-with-RS256-fails", func(t *testing.T, b, _ *bank) {
		code := b.code(t)
		claims := b.claims(map[string]any{"sub": b.OAuth.ClientID})
		failed(t, b.ask(t, code, b.proof(), "client_assertion", b.sign(jose.RS256, claims)), http.StatusUnauthorized, "invalid_client")
		b.read(t, b.ask(t, code, b.proof(), "client_assertion", b.sign(jose.PS256, claims)))
	}},
	{"ensure-client-assertion-in-token-endpoint", assertionFails(nil)},
	{"ensure-client-assertion-with-exp-is-5-minutes-in-past-fails", assertionFails(func(b *bank) map[string]any {
		return map[string]any{"exp": b.at(-300), "iat": b.at(-360), "nbf": b.at(-360)}
	})},
	{"ensure-client-assertion-with-wrong-aud-fails", assertionFails(func(*bank) map[string]any { return map[string]any{"aud": "https://other.example"} })},
	{"ensure-client-assertion-with-no-sub-fails", assertionFails(func(*bank) map[string]any { return map[string]any{"sub": nil} })},
	{"refresh-token", func(t *testing.T, b, two *bank) {
		const scope = "openid offline_access"
		first := b.signedIn(t, "scope", scope, "prompt", "consent")
		second := b.read(t, b.sendRefresh(t, first.refresh, b.proof(), "scope", scope))
		b.works(t, second.access, "DPoP")
		if second.refresh != "" || second.claims["sub"] != first.claims["sub"] || second.claims["auth_time"] != first.claims["auth_time"] || second.access == first.access {
			t.Errorf("a refresh gives %+v", second)
		}
		b.op.site.Clock.Advance(30 * time.Second)
		b.works(t, b.read(t, b.sendRefresh(t, first.refresh, b.proof(), "scope", scope)).access, "DPoP")
		failed(t, b.sendRefresh(t, first.refresh, b.proof(), "client_assertion", none), http.StatusUnauthorized, "invalid_client")
		failed(t, b.sendRefresh(t, first.refresh, ""), http.StatusBadRequest, "invalid_dpop_proof")
		failed(t, two.sendRefresh(t, first.refresh, two.proof()), http.StatusBadRequest, "invalid_grant")
		b.works(t, b.read(t, b.sendRefresh(t, first.refresh, b.proof())).access, "DPoP")
		if reply := b.send(t, b.op.endpoint("revocation_endpoint"), url.Values{"token": {first.refresh}}); reply.status != http.StatusOK {
			t.Errorf("revocation: %d %s", reply.status, reply.body)
		}
		failed(t, b.sendRefresh(t, first.refresh, b.proof()), http.StatusBadRequest, "invalid_grant")
	}},
}

// assertionFails has the code redeemed with an assertion that has these claims in place of others, or without one.
func assertionFails(changes func(*bank) map[string]any) func(*testing.T, *bank, *bank) {
	return func(t *testing.T, b, _ *bank) {
		code, assertion := b.code(t), none
		if changes != nil {
			assertion = b.assertion(changes(b))
		}
		failed(t, b.ask(t, code, b.proof(), "client_assertion", assertion), http.StatusUnauthorized, "invalid_client")
		b.read(t, b.ask(t, code, b.proof()))
	}
}

// TestFAPI2 is fapi2-security-profile-final-test-plan, with private_key_jwt and DPoP.
func TestFAPI2(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		o := newOP(t, database)
		second := func(c *client.Client) { c.RedirectURIs = []string{servertest.ReturnURI + "?dummy1=lorem&dummy2=ipsum"} }
		askAll(t, newBank(t, o, "bank"), newBank(t, o, "bank-2", second), security, grants, bound)
		by := newBank(t, o, "bank-3", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
		if _, err := jose.ParseSignedCompact(by.signedIn(t).access, []jose.SignatureAlgorithm{jose.PS256, jose.ES256, jose.EdDSA}); err != nil {
			t.Errorf("the access token is a JWT that FAPI 2.0 does not allow: %v", err)
		}
	})
}

func askAll(t *testing.T, b, two *bank, plans ...[]asked) {
	t.Helper()
	for _, plan := range plans {
		for _, m := range plan {
			t.Run(fapi+m.name, func(t *testing.T) { m.ask(t, b, two) })
		}
	}
}
