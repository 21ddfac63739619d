package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vestibule/provider/keyset"
)

// Methods by which a client authenticates (OIDC Core section 9, RFC 8705 section 2).
const (
	AuthSecretBasic   = "client_secret_basic"
	AuthSecretPost    = "client_secret_post"
	AuthPrivateKey    = "private_key_jwt"
	AuthTLS           = "tls_client_auth"
	AuthSelfSignedTLS = "self_signed_tls_client_auth"
	AuthNone          = "none"
)

// AuthMethods are those that a client can register.
var AuthMethods = []string{AuthSecretBasic, AuthSecretPost, AuthPrivateKey, AuthTLS, AuthSelfSignedTLS, AuthNone}

// AudienceIssuer is the AssertionAudience that FAPI 2.0 wants.
const AudienceIssuer = "issuer"

// NeedsSecret reports whether the client authenticates by a secret.
func (c Client) NeedsSecret() bool {
	return c.AuthenticatesBy(AuthSecretBasic) || c.AuthenticatesBy(AuthSecretPost)
}

// AuthMethod is how the client is registered to authenticate; a client with a secret may send that either way where it has
// not registered one.
func (c Client) AuthMethod() string {
	if c.Public {
		return AuthNone
	}
	return cmp.Or(c.TokenEndpointAuthMethod, AuthSecretBasic+" or "+AuthSecretPost)
}

// AuthenticatesBy reports whether the client may authenticate by that method.
func (c Client) AuthenticatesBy(method string) bool {
	switch {
	case c.Public:
		return method == AuthNone
	case c.TokenEndpointAuthMethod != "":
		return method == c.TokenEndpointAuthMethod
	}
	return method == AuthSecretBasic || method == AuthSecretPost
}

// KeySource is where its keys are.
func (c Client) KeySource() keyset.Source { return keyset.Source{Keys: c.JWKS, URI: c.JWKSURI} }

// AssertionAlgorithms are those that its assertions may be signed with.
func (c Client) AssertionAlgorithms() []string { return c.signs(c.TokenEndpointAuthAlg) }

// RequestObjectAlgorithms are those that its request objects may be signed with, or none.
func (c Client) RequestObjectAlgorithms() []string { return c.signs(c.RequestObjectAlg) }

// AllowsRequestURI reports whether the client has registered that address of a request object. What is behind # tells of what
// is there, and not where (OIDC Core section 6.2).
func (c Client) AllowsRequestURI(raw string) bool {
	asked, _, _ := strings.Cut(raw, "#")
	return slices.ContainsFunc(c.RequestURIs, func(uri string) bool {
		registered, _, _ := strings.Cut(uri, "#")
		return registered == asked
	})
}

// authFaults are the faults of how a client authenticates, and of its keys.
func authFaults(c Client) []error {
	hasKeys := len(c.JWKS) > 0 || c.JWKSURI != ""
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.TokenEndpointAuthMethod != "" && !slices.Contains(AuthMethods, c.TokenEndpointAuthMethod), "a client can authenticate by " + strings.Join(AuthMethods, ", ")},
		{c.TokenEndpointAuthMethod == AuthNone && !c.Public, "only a public client authenticates by none"},
		{c.Public && c.TokenEndpointAuthMethod != "" && c.TokenEndpointAuthMethod != AuthNone, "a public client authenticates by none"},
		{c.AuthenticatesBy(AuthPrivateKey) && !hasKeys, "a client that authenticates by private_key_jwt needs its public keys: jwks, or jwks_uri"},
		{len(c.JWKS) > 0 && c.JWKSURI != "", "jwks and jwks_uri exclude each other"},
		{c.TokenEndpointAuthAlg != "" && !slices.Contains(keyset.Algorithms, c.TokenEndpointAuthAlg), "assertions can be signed with " + strings.Join(keyset.Algorithms, ", ")},
		{c.RequestObjectAlg != "" && c.RequestObjectAlg != keyset.None && !slices.Contains(keyset.Algorithms, c.RequestObjectAlg), "request objects can be signed with " + strings.Join(keyset.Algorithms, ", ") + ", or be unsigned: none"},
		{c.RequireSignedRequestObject && (!hasKeys || c.RequestObjectAlg == keyset.None), "a client that sends signed request objects only needs its public keys, jwks or jwks_uri, and an algorithm other than none"},
		{c.AssertionAudience != "" && c.AssertionAudience != AudienceIssuer, "the audience of assertions can be issuer, or is left out"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	if len(c.JWKS) > 0 {
		if err := keyset.Check(c.JWKS); err != nil {
			faults = append(faults, fmt.Errorf("jwks %w", err))
		}
	}
	if err := checkDocumentURI(c.JWKSURI); c.JWKSURI != "" && err != nil {
		faults = append(faults, fmt.Errorf("jwks_uri %q: %w", c.JWKSURI, err))
	}
	for _, uri := range c.RequestURIs {
		if err := checkDocumentURI(uri); err != nil {
			faults = append(faults, fmt.Errorf("request_uri %q: %w", uri, err))
		}
	}
	return faults
}

// checkDocumentURI allows addresses that a document can be fetched from; whether its host may be asked is known when it is.
func checkDocumentURI(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > 512:
		return errors.New("not an address of at most 512 bytes")
	case u.User != nil:
		return errors.New("must not have a user name")
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must be https; http is for loopback addresses only")
}
