//go:build conformance

package suite

import "strings"

// plan is one of the suite, with the server and the clients that it is for.
type plan struct {
	name    string
	suite   string // its name there
	variant map[string]string
	server  []string // settings
	clients func(p *provider) map[string]any
}

var plans = []plan{
	{name: "config", suite: "oidcc-config-certification-test-plan", clients: basicClients},
	{name: "basic", suite: "oidcc-basic-certification-test-plan", variant: static, clients: basicClients},
	{name: "form post", suite: "oidcc-formpost-basic-certification-test-plan", variant: static, clients: basicClients},
	{name: "rp-initiated logout", suite: "oidcc-rp-initiated-logout-certification-test-plan", variant: signOut, clients: basicClients},
	{name: "back-channel logout", suite: "oidcc-backchannel-rp-initiated-logout-certification-test-plan", variant: signOut,
		clients: one("backchannel")},
	{name: "front-channel logout", suite: "oidcc-frontchannel-rp-initiated-logout-certification-test-plan", variant: signOut,
		clients: one("frontchannel")},
	{name: "dynamic", suite: "oidcc-dynamic-certification-test-plan", variant: map[string]string{"response_type": "code"},
		server: []string{"VESTIBULE_REGISTRATION=open", "VESTIBULE_REGISTRATION_PER_HOUR=1000",
			"VESTIBULE_REGISTRATION_SCOPES=" + strings.ReplaceAll(everything, " ", ",") + ",offline_access"},
		clients: func(*provider) map[string]any {
			return map[string]any{"client": map[string]any{"client_name": "Conformance suite"}}
		}},
	{name: "fapi2 security profile", suite: "fapi2-security-profile-final-test-plan",
		variant: fapi("openid", "openid_connect"), server: strict, clients: banks(everything)},
	{name: "fapi2 security profile for oauth", suite: "fapi2-security-profile-final-test-plan",
		variant: fapi("openid", "plain_oauth"), server: strict, clients: banks("accounts")},
	{name: "fapi2 message signing", suite: "fapi2-message-signing-final-test-plan",
		variant: fapi("openid", "openid_connect", "fapi_request_method", "signed_non_repudiation", "fapi_response_mode", "jarm"), server: strict,
		clients: banks(everything, "--require-signed-request-object")},
}

var (
	static  = map[string]string{"server_metadata": "discovery", "client_registration": "static_client"}
	signOut = map[string]string{"client_registration": "static_client", "response_type": "code"}

	// strict is what FAPI 2.0 asks of the server itself.
	strict = []string{"VESTIBULE_SIGNING_ALGORITHM=PS256", "VESTIBULE_DPOP_ALGORITHMS=ES256,PS256", "VESTIBULE_REQUIRE_PUSHED_REQUESTS=true"}
)

// everything are the scopes of a client that may learn all.
const everything = "openid profile email address phone"

// basicClients are those of the plans for OpenID Connect: each with a secret, and one that sends it in the form.
func basicClients(p *provider) map[string]any {
	return map[string]any{
		"client":             p.register("first", "--scope", everything+" offline_access"),
		"client2":            p.register("second", "--scope", everything+" offline_access"),
		"client_secret_post": p.register("post", "--scope", everything+" offline_access", "--token-endpoint-auth-method", "client_secret_post"),
	}
}

// one is a client that hears of sign-outs by the channel.
func one(channel string) func(p *provider) map[string]any {
	return func(p *provider) map[string]any {
		return map[string]any{"client": p.register("first", "--scope", everything+" offline_access",
			"--"+channel+"-logout-uri", p.here("/"+channel+"_logout"), "--"+channel+"-logout-session-required")}
	}
}

// fapi is a variant of the plans for FAPI 2.0, given as name and value in turn.
func fapi(choices ...string) map[string]string {
	all := map[string]string{"client_auth_type": "private_key_jwt", "sender_constrain": "dpop", "fapi_profile": "plain_fapi", "authorization_request_type": "simple"}
	for i := 0; i < len(choices); i += 2 {
		all[choices[i]] = choices[i+1]
	}
	return all
}

// banks are two clients that keep the FAPI 2.0 Security Profile, the second with a query in its redirect URI. Their tokens
// open an API of their own.
func banks(scope string, args ...string) func(p *provider) map[string]any {
	return func(p *provider) map[string]any {
		args := append([]string{"--profile", "fapi2", "--scope", scope + " offline_access"}, args...)
		other := append([]string{"--redirect-uri", p.here("/callback?dummy1=lorem&dummy2=ipsum")}, args...)
		return map[string]any{
			"client": p.registerKey("bank", scope, args...), "client2": p.registerKey("other-bank", scope, other...),
			"resource": map[string]any{"resourceUrl": p.ownAPI()},
		}
	}
}
