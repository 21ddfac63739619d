// Package client is what a relying party registers (in the words of RFC 7591) and the checks of it: of a registration, of
// a redirect URI that a request sends, and of a secret. It knows no endpoints, no users and no SQL.
package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/claims"
	"vestibule/provider/spelling"
)

// ErrChanged reports that the client is not registered any more as it was when it was read: it was changed,
// or removed, perhaps registered anew. Whoever gets it decides once more, on what is registered now.
var ErrChanged = errors.New("client was changed")

// Client is a relying party. Its JSON is what it registers, in the words of RFC 7591 where that has any.
type Client struct {
	ID           string `json:"client_id"`
	Registration string `json:"-"` // another one each time that the id is registered, for nothing is inherited; empty in a new Client: the store makes it
	SecretHash   string `json:"-"` // of HashSecret or NewSecret; empty for a public client

	PreviousSecrets []PreviousSecret `json:"-"` // that it had before, and that may be as good still; nil: there is none

	ManagementHash string `json:"-"` // of the token with which a client that has registered itself manages that (RFC 7592); empty: it does not

	FirstParty bool `json:"-"` // its users need not allow it anything, says the server that it is registered with

	Created time.Time `json:"-"`
	Updated time.Time `json:"-"`

	Name         string   `json:"client_name,omitempty"`   // shown on the consent page
	LogoURI      string   `json:"logo_uri,omitempty"`      // of a picture beside it; empty: there is none
	URI          string   `json:"client_uri,omitempty"`    // of its web site; like the next two an address that users may open
	PolicyURI    string   `json:"policy_uri,omitempty"`    // of what it says of how it uses their data
	TermsURI     string   `json:"tos_uri,omitempty"`       // of its terms of service
	Public       bool     `json:"public,omitempty"`        // has no secret; must use PKCE
	RedirectURIs []string `json:"redirect_uris,omitempty"` // compared exactly, but for the port of a loopback address (RFC 8252 section 7.3)
	Scopes       Words    `json:"scope,omitempty"`         // the most that it may ask for

	GrantTypes    []string `json:"grant_types,omitempty"`    // what it may send to the token endpoint; none: DefaultGrantTypes
	ResponseTypes []string `json:"response_types,omitempty"` // what it may be answered with; none: a code

	RequirePushedRequests bool   `json:"require_pushed_authorization_requests,omitempty"` // it must push its authorization requests (RFC 9126 section 6)
	AnswerAlg             string `json:"authorization_signed_response_alg,omitempty"`     // of answers that it wants signed (JARM section 3): one of Algorithms; empty: the server's

	IDTokenAlg string `json:"id_token_signed_response_alg,omitempty"` // one of Algorithms; empty: the server's

	// What else it wants signed, by one of Algorithms. UserInfoAlg: all answers of the userinfo endpoint (OIDC Core section 5.3.2);
	// empty: none. IntrospectionAlg: the answers about tokens that it asks for as JWTs (RFC 9701); empty: the server's.
	UserInfoAlg      string `json:"userinfo_signed_response_alg,omitempty"`
	IntrospectionAlg string `json:"introspection_signed_response_alg,omitempty"`

	// IDTokenLifetime is how many seconds its ID tokens are good; 0: as many as the server's usual ones.
	IDTokenLifetime int64 `json:"id_token_lifetime,omitempty"`

	// How it knows users: SubjectType is one of SubjectTypes; empty: SubjectPublic. At SectorIdentifierURI are the redirect URIs of
	// all clients of its Sector; empty: it has that of their host.
	SubjectType         string `json:"subject_type,omitempty"`
	SectorIdentifierURI string `json:"sector_identifier_uri,omitempty"`

	TwoSteps TwoSteps `json:"two_steps,omitempty"` // what all its users must have
	Consent  Consent  `json:"consent,omitempty"`   // what its users are asked

	// Profile is a security profile that it keeps: what that leaves no choice about must be registered so, and is checked in all
	// that the client sends. Adopt registers it.
	Profile Profile `json:"profile,omitempty"`

	BoundTokens      bool `json:"dpop_bound_access_tokens,omitempty"`                   // it must bind all its tokens to keys, by proofs (RFC 9449 section 5.2)
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty"` // it must bind them to the certificates that it shows (RFC 8705 section 3.4)

	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"` // where browsers may go after a sign-out that the client asks for; compared as RedirectURIs are

	// Where it hears that a session of its user has ended: from this server (OpenID Connect Back-Channel Logout 1.0), or in a
	// frame of the browser (Front-Channel Logout 1.0), which is told of which session if that is required. Empty: it does not.
	BackchannelLogoutURI              string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired  bool   `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI             string `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSessionRequired bool   `json:"frontchannel_logout_session_required,omitempty"`

	// IDTokenClaims are the scopes whose claims are in its ID tokens too, for a client that asks no userinfo endpoint: those of
	// claims.Scopes. Empty: none is, as OIDC Core 5.4 has it.
	IDTokenClaims []string `json:"id_token_claims,omitempty"`

	// TokenEndpointAuthMethod is one of AuthMethods; empty: none for a public client, and a secret sent either way for any other.
	TokenEndpointAuthMethod string          `json:"token_endpoint_auth_method,omitempty"`
	TokenEndpointAuthAlg    string          `json:"token_endpoint_auth_signing_alg,omitempty"` // of its assertions, one of keyset.Algorithms; empty: any of them
	AssertionAudience       string          `json:"client_assertion_audience,omitempty"`       // AudienceIssuer: aud is the issuer and a single string, as FAPI 2.0 wants it; empty: it may be the endpoint too
	JWKS                    json.RawMessage `json:"jwks,omitempty"`                            // its public keys; nil: it has none, or they are at JWKSURI
	JWKSURI                 string          `json:"jwks_uri,omitempty"`                        // where its public keys are, and change

	// What its certificate must say, if it authenticates by AuthTLS: one of these (RFC 8705 section 2.1.2).
	TLSSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"` // the whole subject, in the text of RFC 4514
	TLSDNS       string `json:"tls_client_auth_san_dns,omitempty"`    // a name among those that it has beside its subject, like all below
	TLSURI       string `json:"tls_client_auth_san_uri,omitempty"`
	TLSIP        string `json:"tls_client_auth_san_ip,omitempty"`
	TLSEmail     string `json:"tls_client_auth_san_email,omitempty"`

	RequestObjectAlg           string   `json:"request_object_signing_alg,omitempty"`    // of its request objects: one of keyset.Algorithms, or none; empty: any of those, but not none
	RequestURIs                []string `json:"request_uris,omitempty"`                  // where it may keep request objects; what is behind # is left out of account
	RequireSignedRequestObject bool     `json:"require_signed_request_object,omitempty"` // it sends nothing else, and what stands beside one counts for nothing

	// What its authorization requests ask for where they do not say: how many seconds ago the user may have signed in, and which
	// levels it wants, by their names, the best first (OpenID Connect Registration section 2). nil and none: nothing.
	DefaultMaxAge    *int64   `json:"default_max_age,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`

	ACRNames       map[string][]string `json:"acr_names,omitempty"`       // level to its own names of it, which win over the server's; may be nil
	ResourceServer bool                `json:"resource_server,omitempty"` // an API: it may introspect the access tokens that are for it, and signs nobody in

	// An API is known by these (RFC 8707): absolute URIs, no two APIs by the same. Its tokens have no scopes but those that it
	// serves; none: all that were granted.
	ResourceURIs   []string `json:"resource_uris,omitempty"`
	ResourceScopes Words    `json:"resource_scopes,omitempty"`

	Audiences []string `json:"audiences,omitempty"` // the APIs that an app may have tokens for, each as that is known

	AccessTokenFormat string `json:"access_token_format,omitempty"` // one of AccessTokenFormats: of an app's access tokens, or of those that are for an API; empty: opaque

	ApplicationType string       `json:"application_type,omitempty"` // one of ApplicationTypes; empty: whichever its redirect URIs fit
	RegisteredBy    RegisteredBy `json:"registered_by,omitempty"`    // whose doing the registration is
}

// Words are a list that JSON has as one text, with spaces between them, as it has scopes (RFC 7591 section 2).
type Words []string

// MarshalText joins them.
func (w Words) MarshalText() ([]byte, error) { return []byte(strings.Join(w, " ")), nil }

// UnmarshalText takes them apart.
func (w *Words) UnmarshalText(text []byte) error {
	*w = strings.Fields(string(text))
	return nil
}

// maxID is how many bytes an id may have.
const maxID = 128

// Scopes that the provider knows beside those that stand for claims. Others may be registered for a client; they go into its
// access tokens.
const (
	ScopeOpenID  = "openid"
	ScopeOffline = "offline_access"
)

// Grant types: what a client may send to the token endpoint (RFC 6749 sections 4.1.3, 4.4.2 and 6, RFC 8628 section 3.4).
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
	GrantClient  = "client_credentials" // for itself, without a user
	GrantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
)

// GrantTypes are all that a client can register.
var GrantTypes = []string{GrantCode, GrantRefresh, GrantClient, GrantDevice}

// DefaultGrantTypes are those of a client that registers none.
var DefaultGrantTypes = []string{GrantCode, GrantRefresh}

// Response types: what stands in the answer to an authorization request (RFC 6749 section 3.1.1, OIDC Core section 3).
const (
	ResponseCode    = "code"
	ResponseIDToken = "id_token" // alone, in a form; for clients that never ask the token endpoint
)

// ResponseTypes are all that a client can register.
var ResponseTypes = []string{ResponseCode, ResponseIDToken}

// Algorithms of what the server signs for clients (RFC 7518, RFC 8037). Every client knows RS256; ES256 and EdDSA are twenty times cheaper
// to make.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	PS256 = "PS256"
	EdDSA = "EdDSA"
)

// Algorithms are those that a client can choose from.
var Algorithms = []string{RS256, ES256, PS256, EdDSA}

// Bounds of IDTokenLifetime, which are those of the server's own.
const (
	minIDTokenLifetime = 30
	maxIDTokenLifetime = 24 * 60 * 60
)

// Check reports every fault of a client that somebody wants to register.
func Check(c Client) error {
	var faults faults
	fault := faults.when
	fault(c.RegisteredBy != ByDocument && (!spelling.IsPlain(c.ID) || len(c.ID) > maxID), "the client id must be 1 to 128 letters, digits or any of -._~")
	fault(len(c.Name) > 200 || strings.ContainsFunc(c.Name, misleading), "the name must be at most 200 bytes, without control, invisible or text direction characters")
	fault(c.NeedsSecret() != (c.SecretHash != ""), "a client that authenticates by a secret has one, any other client, such as a public one, has none")
	fault(len(c.RedirectURIs) == 0 && slices.ContainsFunc(ResponseTypes, c.AnswersWith), "a client needs at least one redirect URI")
	fault(c.Public && c.Grants(GrantClient), "a public client cannot prove that it is itself: it has no grant type client_credentials")
	for _, kind := range c.GrantTypes {
		fault(!slices.Contains(GrantTypes, kind), fmt.Sprintf("grant type %q must be one of %s", kind, strings.Join(GrantTypes, ", ")))
	}
	fault(len(c.GrantTypes) > 0 && c.AnswersWith(ResponseCode) && !c.Grants(GrantCode), "a client that is answered with codes needs the grant type authorization_code")
	for _, kind := range c.ResponseTypes {
		fault(!slices.Contains(ResponseTypes, kind), fmt.Sprintf("response type %q must be code or id_token", kind))
	}
	for _, signed := range []struct{ what, algorithm string }{
		{"ID tokens", c.IDTokenAlg}, {"answers", c.AnswerAlg}, {"userinfo answers", c.UserInfoAlg}, {"introspection answers", c.IntrospectionAlg},
	} {
		fault(signed.algorithm != "" && !slices.Contains(Algorithms, signed.algorithm), signed.what+" can be signed with RS256, ES256, PS256 or EdDSA")
	}
	fault(c.DefaultMaxAge != nil && (*c.DefaultMaxAge < 0 || *c.DefaultMaxAge > math.MaxInt32), "default_max_age must be a whole number of seconds, 0 or more")
	fault(slices.ContainsFunc(c.DefaultACRValues, func(name string) bool { return !assurance.IsACRName(name) }), "each of default_acr_values must be 1 to 200 visible ASCII characters, without quotes and backslashes")
	fault(c.IDTokenLifetime != 0 && (c.IDTokenLifetime < minIDTokenLifetime || c.IDTokenLifetime > maxIDTokenLifetime), "the life of ID tokens must be from 30 seconds to 24 hours")
	fault(!c.TwoSteps.IsKnown(), "two steps can be required or phishing-resistant")
	fault(!c.Consent.IsKnown(), "consent can be ask, remember or never")
	for _, scope := range c.IDTokenClaims {
		known := slices.Contains(claims.Scopes(), scope)
		fault(!known, fmt.Sprintf("claims for ID tokens can be those of %s, not of %q", strings.Join(claims.Scopes(), ", "), scope))
		fault(known && !slices.Contains(c.Scopes, scope), fmt.Sprintf("claims of %s cannot be in ID tokens without the scope %s; let the client ask for it", scope, scope))
	}
	checkRedirect := func(uri string) error { return checkRedirectURI(uri, c.Public) }
	faults.each("redirect URI", c.RedirectURIs, checkRedirect)
	faults.each("post-logout redirect URI", c.PostLogoutRedirectURIs, checkRedirect)
	for _, scope := range c.Scopes {
		fault(!isScope(scope), fmt.Sprintf("scope %q must be lower-case letters, digits or any of -._:/", scope))
	}
	return errors.Join(append(faults.found, slices.Concat([]error{checkAPI(c), checkItself(c), checkOrigin(c), checkLogoutURIs(c), checkResources(c), checkCertificate(c), checkSubject(c), checkPages(c), assurance.CheckACRNames(c.ACRNames)}, authFaults(c), profileFaults(c))...)...)
}

// checkAPI reports what a resource server has that only those have who sign users in.
func checkAPI(c Client) error {
	if !c.ResourceServer {
		return nil
	}
	var faults faults
	faults.when(c.Public, "a resource server keeps a secret; it cannot be public")
	faults.when(len(c.RedirectURIs)+len(c.PostLogoutRedirectURIs)+len(c.Scopes)+len(c.ACRNames) > 0, "a resource server signs nobody in: it has no redirect URIs, no scopes and no acr names")
	faults.when((c.TwoSteps != TwoStepsOptional || c.IDTokenAlg != ""), "a resource server signs nobody in: two steps and the algorithm of ID tokens are for other clients")
	faults.when(c.DefaultMaxAge != nil || len(c.DefaultACRValues) > 0, "a resource server signs nobody in: it has no default_max_age and no default_acr_values")
	faults.when(c.UserInfoAlg != "" || c.IDTokenLifetime != 0, "a resource server signs nobody in: it asks for no userinfo and gets no ID tokens")
	faults.when(len(c.ResponseTypes) > 0, "a resource server signs nobody in: it has no response types")
	faults.when((c.RequirePushedRequests || c.AnswerAlg != ""), "a resource server signs nobody in: it pushes no requests and gets no answers")
	faults.when(len(c.GrantTypes) > 0, "a resource server signs nobody in: it has no grant types")
	faults.when(c.BoundTokens || c.CertificateBound, "a resource server gets no tokens that could be bound to keys or certificates")
	faults.when(c.Consent != ConsentDefault, "a resource server signs nobody in: consent is for other clients")
	return errors.Join(faults.found...)
}

// faults are what is wrong with a registration.
type faults struct{ found []error }

func (f *faults) when(broken bool, text string) {
	if broken {
		f.found = append(f.found, errors.New(text))
	}
}

// each checks a list of URIs, in which none may be twice.
func (f *faults) each(what string, uris []string, check func(uri string) error) {
	for i, uri := range uris {
		f.add(fmt.Sprintf("%s %q: ", what, uri), check(uri))
		f.when(slices.Contains(uris[:i], uri), fmt.Sprintf("%s %q is there twice", what, uri))
	}
}

// add puts words before an error; nil: there is none.
func (f *faults) add(words string, err error) {
	if err != nil {
		f.found = append(f.found, fmt.Errorf("%s%w", words, err))
	}
}

// Label is what users know the client by: its name or, if it has none, its ID.
func (c Client) Label() string { return cmp.Or(c.Name, c.ID) }

// AnswersWith reports whether the client may be answered with that response type.
func (c Client) AnswersWith(kind string) bool {
	if len(c.ResponseTypes) == 0 {
		return kind == ResponseCode && !c.ResourceServer && !c.needsNoBrowser()
	}
	return slices.Contains(c.ResponseTypes, kind)
}

// SignsIn reports whether the client signs users in: it is no API, and does not act for itself alone.
func (c Client) SignsIn() bool {
	return slices.ContainsFunc(ResponseTypes, c.AnswersWith) || c.Grants(GrantDevice)
}

// needsNoBrowser reports whether the client gets tokens for itself or for a device, and none by a browser of its user's.
func (c Client) needsNoBrowser() bool {
	return !c.Grants(GrantCode) && (c.Grants(GrantClient) || c.Grants(GrantDevice))
}

// Grants reports whether the client may send that grant type to the token endpoint.
func (c Client) Grants(kind string) bool {
	if len(c.GrantTypes) == 0 {
		return slices.Contains(DefaultGrantTypes, kind) && !c.ResourceServer
	}
	return slices.Contains(c.GrantTypes, kind)
}

// Permitted returns those of the scopes that the client may ask for.
func (c Client) Permitted(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !slices.Contains(c.Scopes, scope) })
}

// isScope is narrower than RFC 6749 appendix A.4: fosite compares some scopes without regard to case.
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:/", r))
	})
}

// misleading finds characters that could make a name look like another, or like none.
func misleading(r rune) bool { return spelling.IsInvisible(r) && r != '\ufe0f' } // which colours emoji
