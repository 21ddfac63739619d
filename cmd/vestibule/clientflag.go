package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/client"
)

// clientFlag is one thing that an app registers, as a flag of both create and update.
type clientFlag struct {
	name   string
	flag   func() cli.Flag // a new one for each command: it keeps the value
	single bool            // it has one value at most
	none   string          // what the flag --no-NAME of update says, which takes all values away; empty: there is no such flag
	apply  func(c *cli.Command, to *client.Client)
}

// clientFlags are all of them, in the order in which help shows them.
var clientFlags = []clientFlag{
	textFlag("name", "`name` that users see", "the ID", func(c *client.Client, v string) { c.Name = v }),
	addressFlag("profile", "`fapi2`: the app keeps the FAPI 2.0 Security Profile; what that wants registered is, and all that the app sends is held to it", // before what it sets
		"the app keeps no profile; what was registered for one stays", func(c *client.Client, v string) { c.Adopt(client.Profile(v)) }),
	textFlag("logo-uri", "`address` of a picture that users see beside the name: a PNG, JPEG or GIF of at most 64 KiB and 1024 pixels a side; empty: there is none", "", func(c *client.Client, v string) { c.LogoURI = v }),
	textFlag("client-uri", "`address` of the app's web site, for its users; empty: there is none", "", func(c *client.Client, v string) { c.URI = v }),
	textFlag("policy-uri", "`address` at which users read how the app uses their data; empty: there is none", "", func(c *client.Client, v string) { c.PolicyURI = v }),
	textFlag("tos-uri", "`address` of the app's terms of service; empty: there is none", "", func(c *client.Client, v string) { c.TermsURI = v }),
	valuesFlag("redirect-uri", "`address` to send users back to; required of an app that signs users in with a browser", "",
		func(c *client.Client, v []string) { c.RedirectURIs = v }),
	valuesFlag("post-logout-redirect-uri", "`address` to send users to after a sign-out that the app asks for", "users stay here after a sign-out that the app asks for",
		func(c *client.Client, v []string) { c.PostLogoutRedirectURIs = v }),
	addressFlag("backchannel-logout-uri", "`address` of the app that this server tells when a session of its user ends", "the app is not told of sign-outs",
		func(c *client.Client, v string) {
			c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = v, c.BackchannelLogoutSessionRequired && v != ""
		}),
	switchFlag("backchannel-logout-session-required", "the app must be told which session ended", "the app need not be told which session ended",
		func(c *client.Client, on bool) { c.BackchannelLogoutSessionRequired = on }),
	addressFlag("frontchannel-logout-uri", "`address` of the app that the browser loads in a frame after a sign-out", "no frame tells the app of sign-outs",
		func(c *client.Client, v string) {
			c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = v, c.FrontchannelLogoutSessionRequired && v != ""
		}),
	switchFlag("frontchannel-logout-session-required", "the frame must say which session ended", "the frame need not say which session ended",
		func(c *client.Client, on bool) { c.FrontchannelLogoutSessionRequired = on }),
	wordsFlag("scope", "`scope` that the app may ask for", "openid profile email offline_access", "",
		func(c *client.Client, v []string) { c.Scopes = v }),
	wordsFlag("grant-type", "`type` of what the app sends to the token endpoint: "+strings.Join(client.GrantTypes, ", "), strings.Join(client.DefaultGrantTypes, " "), "the app has the usual grant types",
		func(c *client.Client, v []string) { c.GrantTypes = v }),
	wordsFlag("response-type", "`type` of the answers that the app may have: code, or id_token, which comes in a form and alone", "code", "",
		func(c *client.Client, v []string) { c.ResponseTypes = v }),
	valuesFlag("audience", "`URI` of an API that the app may have access tokens for, as that is registered", "the app has access tokens for itself only",
		func(c *client.Client, v []string) { c.Audiences = v }),
	valuesFlag("resource-uri", "`URI` that an API is known by; apps name it as resource to get tokens for it", "no tokens are for the API",
		func(c *client.Client, v []string) { c.ResourceURIs = v }),
	wordsFlag("resource-scope", "`scope` that an API serves: its tokens have no other", "all that the user allowed the app", "tokens for the API have all scopes that the user allowed the app",
		func(c *client.Client, v []string) { c.ResourceScopes = v }),
	textFlag("access-token-format", "`format` of an app's access tokens, or of those that are for an API: opaque, or jwt (RFC 9068)", "opaque", func(c *client.Client, v string) { c.AccessTokenFormat = v }),
	switchFlag("require-pushed-requests", "the app must push its authorization requests (RFC 9126)", "the app need not push its authorization requests",
		func(c *client.Client, v bool) { c.RequirePushedRequests = v }),
	textFlag("authorization-response-alg", "`algorithm` of answers that the app wants signed (JARM): RS256, ES256, PS256 or EdDSA", "the server's own",
		func(c *client.Client, v string) { c.AnswerAlg = v }),
	textFlag("id-token-alg", "`algorithm` of its ID tokens: RS256, ES256, PS256 or EdDSA", "the server's own", func(c *client.Client, v string) { c.IDTokenAlg = v }),
	{
		name: "id-token-lifetime",
		flag: func() cli.Flag {
			return &cli.DurationFlag{Name: "id-token-lifetime", Usage: "how `long` its ID tokens are good, such as 5m; 0: as long as the server's own", DefaultText: "as long as the server's own", Validator: wholeSeconds}
		},
		apply: func(c *cli.Command, to *client.Client) {
			to.IDTokenLifetime = int64(c.Duration("id-token-lifetime") / time.Second)
		},
	},
	textFlag("userinfo-alg", "`algorithm` of answers of the userinfo endpoint that the app wants signed: RS256, ES256, PS256 or EdDSA; empty: they are JSON", "",
		func(c *client.Client, v string) { c.UserInfoAlg = v }),
	textFlag("introspection-alg", "`algorithm` of answers about tokens that an API or an app asks for as JWTs (RFC 9701): RS256, ES256, PS256 or EdDSA", "the server's own",
		func(c *client.Client, v string) { c.IntrospectionAlg = v }),
	wordsFlag("id-token-claims", "`scope` whose claims are in its ID tokens too: profile, email, address, phone or groups", "",
		"no claims about the user are in its ID tokens, unless it asks for them by the claims parameter",
		func(c *client.Client, v []string) { c.IDTokenClaims = v }),
	textFlag("subject-type", "how the app knows users: public, as all others do, or pairwise, as no app of another sector does", "public",
		func(c *client.Client, v string) { c.SubjectType = v }),
	addressFlag("sector-identifier-uri", "`address` of a JSON array with the redirect URIs of all apps that know users by the same pairwise subjects", "the apps on the host of its redirect URIs know users by the same pairwise subjects",
		func(c *client.Client, v string) { c.SectorIdentifierURI = v }),
	switchFlag("dpop-bound-access-tokens", "the app must bind all its tokens to keys, by DPoP proofs (RFC 9449)", "the app need not bind its tokens to keys",
		func(c *client.Client, v bool) { c.BoundTokens = v }),
	switchFlag("tls-client-certificate-bound-access-tokens", "the app must bind all its tokens to the certificate that it shows (RFC 8705)", "the app need not bind its tokens to certificates",
		func(c *client.Client, v bool) { c.CertificateBound = v }),
	{
		name: "two-steps",
		flag: func() cli.Flag {
			return &cli.StringFlag{Name: "two-steps", Usage: "what its users must have: `optional|required|phishing-resistant`", Validator: checkTwoSteps}
		},
		apply: func(c *cli.Command, to *client.Client) { to.TwoSteps = twoStepsOf(c.String("two-steps")) },
	},
	{
		name: "consent",
		flag: func() cli.Flag {
			return &cli.StringFlag{Name: "consent", Usage: "what its users are asked before it learns of them: `ask|remember|never`; never is for an app of your own",
				DefaultText: "remember, or ask for a public app on a device"}
		},
		apply: func(c *cli.Command, to *client.Client) { to.Consent = client.Consent(c.String("consent")) },
	},
	{
		name: "default-max-age",
		flag: func() cli.Flag {
			return &cli.DurationFlag{Name: "default-max-age", Usage: "how `long` ago its users may have signed in, such as 1h, where a request has no max_age; 0s: they sign in each time", DefaultText: "as long as the session lasts", Validator: wholeSeconds}
		},
		none: "a request without max_age takes any session", single: true,
		apply: func(c *cli.Command, to *client.Client) {
			to.DefaultMaxAge = nil
			if c.IsSet("default-max-age") {
				seconds := int64(c.Duration("default-max-age") / time.Second)
				to.DefaultMaxAge = &seconds
			}
		},
	},
	wordsFlag("default-acr-values", "`name` of a level that its requests ask for where they have no acr_values, the best first", "none", "a request without acr_values asks for no level",
		func(c *client.Client, v []string) { c.DefaultACRValues = v }),
	{
		name: "acr-name",
		flag: func() cli.Flag {
			return pairsFlag("acr-name", "`LEVEL=NAME`, what the app calls aal1, aal2 or phr; the first of a level is the one in answers",
				errors.New("it should be LEVEL=NAME, such as aal2=https://refeds.org/profile/mfa"))
		},
		none:  "the app has no names of its own for the levels",
		apply: func(c *cli.Command, to *client.Client) { to.ACRNames = acrNames(c) },
	},
	textFlag("token-endpoint-auth-method", "`method` by which the app authenticates: client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none", "a secret, sent either way",
		func(c *client.Client, v string) { c.TokenEndpointAuthMethod = v }),
	textFlag("token-endpoint-auth-signing-alg", "`algorithm` of what it signs to authenticate: RS256, PS256, ES256 or EdDSA", "any of them",
		func(c *client.Client, v string) { c.TokenEndpointAuthAlg = v }),
	textFlag("client-assertion-audience", "`issuer`: what it signs to authenticate is for the issuer and nobody else, as FAPI 2.0 has it", "the endpoint too",
		func(c *client.Client, v string) { c.AssertionAudience = v }),
	addressFlag("tls-client-auth-subject-dn", "`name` that its certificate is of, as CN=bank,O=Example,C=PT; for tls_client_auth, like the next four, of which it has one", "its certificate is not known by its subject",
		func(c *client.Client, v string) { c.TLSSubjectDN = v }),
	addressFlag("tls-client-auth-san-dns", "DNS `name` in its certificate", "its certificate is not known by a DNS name", func(c *client.Client, v string) { c.TLSDNS = v }),
	addressFlag("tls-client-auth-san-uri", "`URI` in its certificate", "its certificate is not known by a URI", func(c *client.Client, v string) { c.TLSURI = v }),
	addressFlag("tls-client-auth-san-ip", "IP `address` in its certificate", "its certificate is not known by an IP address", func(c *client.Client, v string) { c.TLSIP = v }),
	addressFlag("tls-client-auth-san-email", "`address` of mail in its certificate", "its certificate is not known by an address of mail", func(c *client.Client, v string) { c.TLSEmail = v }),
	{
		name: "jwks-file",
		flag: func() cli.Flag {
			return &cli.GenericFlag{Name: "jwks-file", Usage: "`file` with the app's public keys, as a JSON Web Key Set", TakesFile: true, Value: new(keyFile)}
		},
		none: "the app has no keys that are registered by value", single: true,
		apply: func(c *cli.Command, to *client.Client) {
			to.JWKS = c.Generic("jwks-file").(*keyFile).keys // nil: they are taken away
		},
	},
	textFlag("jwks-uri", "`address` of the app's public keys, where it can change them; empty: it has none", "", func(c *client.Client, v string) { c.JWKSURI = v }),
	textFlag("request-object-signing-alg", "`algorithm` of the request objects of the app: RS256, PS256, ES256, EdDSA or none", "any of them, but not none",
		func(c *client.Client, v string) { c.RequestObjectAlg = v }),
	valuesFlag("request-uri", "`address` that the app keeps request objects at", "the app keeps no request objects at an address",
		func(c *client.Client, v []string) { c.RequestURIs = v }),
	textFlag("application-type", "`type`: web, a site, or native, an app on the user's device", "whichever its redirect URIs fit",
		func(c *client.Client, v string) { c.ApplicationType = v }),
	switchFlag("require-signed-request-object", "the app sends its requests as signed request objects only", "the app may send its requests as they are",
		func(c *client.Client, v bool) { c.RequireSignedRequestObject = v }),
}

// without is the name of the flag that takes all values away.
func (f clientFlag) without() string {
	if f.single {
		return "no-" + f.name
	}
	return "no-" + strings.TrimSuffix(f.name, "s") + "s"
}

// newClientFlags are those of create.
func newClientFlags() []cli.Flag {
	var flags []cli.Flag
	for _, f := range clientFlags {
		flags = append(flags, f.flag())
	}
	return flags
}

// changedClientFlags are those of update.
func changedClientFlags() []cli.Flag {
	var flags []cli.Flag
	for _, f := range clientFlags {
		flags = append(flags, f.flag())
		if f.none != "" {
			flags = append(flags, &cli.BoolFlag{Name: f.without(), Usage: f.none})
		}
	}
	return flags
}

// applyClientFlags has the app register what was given.
func applyClientFlags(c *cli.Command, to *client.Client) {
	for _, f := range clientFlags {
		if c.IsSet(f.name) || f.none != "" && c.Bool(f.without()) {
			f.apply(c, to)
		}
	}
}

// checkClientChange refuses flags of update that say nothing, or two things at once.
func checkClientChange(c *cli.Command) error {
	var faults []error
	given := false
	for _, f := range clientFlags {
		set, none := c.IsSet(f.name), f.none != "" && c.Bool(f.without())
		given = given || set || none
		faults = append(faults, terminal.Exclude(set && none, fmt.Sprintf("--%s and --%s exclude each other", f.name, f.without())))
	}
	return terminal.UsageErrors(append(faults, terminal.Exclude(!given, "say what to change"))...)
}
