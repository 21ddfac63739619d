package client

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/keyset"
)

// Profile is a security profile that a client keeps as a whole, in what it registers and in all that it sends.
type Profile string

// Profiles that a client can keep.
const (
	ProfileNone  Profile = ""
	ProfileFAPI2 Profile = "fapi2" // the FAPI 2.0 Security Profile, and Message Signing in what it signs
)

// ProfileAlgorithms are those that FAPI 2.0 allows (Security Profile section 5.4.1).
var ProfileAlgorithms = []string{PS256, ES256, EdDSA}

// profileAuthMethods are those that FAPI 2.0 allows (Security Profile section 5.3.2.1).
var profileAuthMethods = []string{AuthPrivateKey, AuthTLS, AuthSelfSignedTLS}

// profileCodeLife is how long a code is good at most (FAPI 2.0 Security Profile section 5.3.2.2).
const profileCodeLife = time.Minute

// Adopt has the client keep the profile: it registers what that leaves no choice about, and ES256 where it has not chosen an
// algorithm. What it has registered otherwise stays, for Check to refuse.
func (c *Client) Adopt(p Profile) {
	if c.Profile = p; p != ProfileFAPI2 {
		return
	}
	c.RequirePushedRequests, c.AssertionAudience = true, AudienceIssuer
	c.BoundTokens = !c.CertificateBound
	c.TokenEndpointAuthMethod = cmp.Or(c.TokenEndpointAuthMethod, AuthPrivateKey)
	c.IDTokenAlg, c.AnswerAlg = cmp.Or(c.IDTokenAlg, ES256), cmp.Or(c.AnswerAlg, ES256)
}

// KeepsFAPI2 reports whether the client keeps the FAPI 2.0 Security Profile.
func (c Client) KeepsFAPI2() bool { return c.Profile == ProfileFAPI2 }

// NeedsPKCE reports whether the client must send a code challenge (FAPI 2.0 Security Profile section 5.3.2.2).
func (c Client) NeedsPKCE() bool { return c.Public || c.KeepsFAPI2() }

// ProofAlgorithms are those that its DPoP proofs may be signed with; nil: all that the server takes.
func (c Client) ProofAlgorithms() []string {
	if c.KeepsFAPI2() {
		return ProfileAlgorithms
	}
	return nil
}

// signs are the algorithms that it may sign with: the one that it has registered or, if it has none, all that there are for it.
func (c Client) signs(registered string) []string {
	switch {
	case registered != "":
		return []string{registered}
	case c.KeepsFAPI2():
		return ProfileAlgorithms
	}
	return keyset.Algorithms
}

// SignedBy is the algorithm of what the server signs for the client: the one that it has registered for that or, if it has none,
// the usual one. Where its profile does not allow that it is the one of its ID tokens, which it always registers.
func (c Client) SignedBy(registered, usual string) string {
	if registered == "" && c.KeepsFAPI2() && !slices.Contains(ProfileAlgorithms, usual) {
		return c.IDTokenAlg
	}
	return cmp.Or(registered, usual)
}

// CodeLife is how long a code of the client is good, on a server where it would be usual.
func (c Client) CodeLife(usual time.Duration) time.Duration {
	if c.KeepsFAPI2() {
		return min(usual, profileCodeLife)
	}
	return usual
}

// RotatesRefreshTokens reports whether a refresh gives the client another refresh token. With keys of its own and bound tokens
// that protects nothing, and a lost answer loses the token (FAPI 2.0 Security Profile section 5.3.2.1).
func (c Client) RotatesRefreshTokens() bool { return !c.KeepsFAPI2() }

// profileFaults are what a client has registered that its profile does not allow.
func profileFaults(c Client) []error {
	if c.Profile != ProfileNone && c.Profile != ProfileFAPI2 {
		return []error{errors.New("the profile can be fapi2")}
	}
	if !c.KeepsFAPI2() {
		return nil
	}
	allowed := strings.Join(ProfileAlgorithms, ", ")
	strange := func(algorithm string) bool { return !slices.Contains(ProfileAlgorithms, algorithm) }
	var faults faults
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.Public || c.ResourceServer, "is for apps that can keep a key, and for no APIs"},
		{!c.RequirePushedRequests, "needs pushed requests: require_pushed_authorization_requests"},
		{!c.Public && !slices.Contains(profileAuthMethods, c.TokenEndpointAuthMethod), "needs token_endpoint_auth_method " + strings.Join(profileAuthMethods, ", ")},
		{c.AssertionAudience != AudienceIssuer, "needs client_assertion_audience issuer"},
		{!c.BoundTokens && !c.CertificateBound, "needs bound tokens: dpop_bound_access_tokens, or tls_client_certificate_bound_access_tokens"},
		{strange(c.IDTokenAlg), "signs ID tokens with one of " + allowed + ": id_token_signed_response_alg"},
		{c.UserInfoAlg != "" && strange(c.UserInfoAlg), "allows answers of userinfo that are signed with " + allowed + ": userinfo_signed_response_alg"},
		{c.IntrospectionAlg != "" && strange(c.IntrospectionAlg), "allows answers about tokens that are signed with " + allowed + ": introspection_signed_response_alg"},
		{strange(c.AnswerAlg), "signs answers with one of " + allowed + ": authorization_signed_response_alg"},
		{c.TokenEndpointAuthAlg != "" && strange(c.TokenEndpointAuthAlg), "allows assertions that are signed with " + allowed},
		{c.RequestObjectAlg != "" && strange(c.RequestObjectAlg), "allows request objects that are signed with " + allowed},
		{c.AnswersWith(ResponseIDToken), "allows no ID token as an answer: it comes with a code"},
		{c.Grants(GrantDevice), "has no devices: leave out the grant type " + GrantDevice},
		{slices.ContainsFunc(c.RedirectURIs, isNoHTTPS), "allows redirect URIs that are https only"},
	} {
		faults.when(rule.broken, "the profile fapi2 "+rule.text)
	}
	return faults.found
}

func isNoHTTPS(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.Scheme != "https"
}
