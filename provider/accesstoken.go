package provider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// target is what an access token is for (RFC 8707): an API, or the client itself, which is to say userinfo.
type target struct {
	resource string         // the identifier of the API; empty: there is none
	server   *client.Client // the API; nil: there is none
}

// errTarget is the error of RFC 8707 section 2. It does not tell an API that nobody has registered from one that the client
// may not use.
var errTarget = &fosite.RFC6749Error{ErrorField: "invalid_target", CodeField: http.StatusBadRequest,
	DescriptionField: "The client may not have tokens for this resource, or there is none of that name."}

// target returns what the client means by a resource that it has named: nothing, the server's own userinfo, or an API.
func (p *Provider) target(ctx context.Context, c client.Client, resource string) (target, error) {
	if resource == "" || resource == p.issuer {
		return target{}, nil
	}
	if !slices.Contains(c.Audiences, resource) {
		return target{}, errTarget
	}
	server, err := p.clients.Resource(ctx, resource)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return target{}, errTarget
	case err != nil:
		return target{}, storeFault{err}
	}
	return target{resource, &server}, nil
}

// aim decides what the access token of the request is for: what was granted or, if the client says so, what of that, and
// the server's own userinfo at any time. An API that the client may not use any more is refused before anything is spent.
func (p *Provider) aim(ctx context.Context, request fosite.AccessRequester, u *unit, form url.Values) (err error) {
	asked := cmp.Or(form.Get("resource"), u.grant.Resource)
	if asked != u.grant.Resource && asked != p.issuer {
		return errTarget.WithHint("The resource is none of those that were asked for at the authorization endpoint.")
	}
	u.target, err = p.target(ctx, request.GetClient().(relyingParty).Client, asked)
	return err
}

// scopes are those of the granted ones that the token has: an API that has said which it serves is told of no others.
func (t target) scopes(granted []string) []string {
	if t.server == nil || len(t.server.ResourceScopes) == 0 {
		return granted
	}
	return slices.DeleteFunc(slices.Clone(granted), func(scope string) bool { return !slices.Contains(t.server.ResourceScopes, scope) })
}

// wish is what an access token is for, as a text of one line.
func (t target) wish(granted []string) string {
	return t.resource + " " + strings.Join(slices.Sorted(slices.Values(t.scopes(granted))), " ")
}

// api is the id of the API and its Registration; empty: there is none.
func (t target) api() (id, registration string) {
	if t.server == nil {
		return "", ""
	}
	return t.server.ID, t.server.Registration
}

// isJWT reports whether the client's token is to be a JWT: the client or the API wants that.
func (t target) isJWT(c client.Client) bool {
	return c.AccessTokenFormat == client.FormatJWT || t.server != nil && t.server.AccessTokenFormat == client.FormatJWT
}

// accessTokens makes access tokens, opaque ones and JWTs (fosite's oauth2.AccessTokenStrategy).
type accessTokens struct {
	*tokenStrategy
	p *Provider
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (s *accessTokens) GenerateAccessToken(ctx context.Context, r fosite.Requester) (token, signature string, err error) {
	t, c := unitOf(ctx).target, r.GetClient().(relyingParty).Client
	if !t.isJWT(c) {
		return s.tokenStrategy.GenerateAccessToken(ctx, r)
	}
	if token, err = s.p.signAccessToken(ctx, c, t, r); err != nil {
		return "", "", err
	}
	return token, jwtSignature(token), nil
}

// typeAccessToken is the typ of a JWT access token (RFC 9068 section 2.1).
const typeAccessToken = "at+jwt"

// accessToken is the claims of a JWT access token (RFC 9068 section 2.2). The API learns no more of the sign-in by it than it
// would by introspection, and nothing of the user but the subject. That is the one by which the app knows the user, for the app
// can read the token too.
type accessToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Client   string   `json:"client_id"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	TokenID  string   `json:"jti"`
	Scope    string   `json:"scope,omitempty"`
	ACR      string   `json:"acr,omitempty"` // like the next two, of a user
	AMR      []string `json:"amr,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`

	Bound *confirmation `json:"cnf,omitempty"` // a pointer, for the library that signs knows no omitzero
}

// signAccessToken returns a JWT. Its end is that of the row that is written for it: whoever asks us hears of a revocation.
func (p *Provider) signAccessToken(ctx context.Context, c client.Client, t target, r fosite.Requester) (string, error) {
	g, now := r.GetSession().(*grant), p.now()
	claims := accessToken{
		Issuer: p.issuer, Subject: cmp.Or(p.names.Subject(c, g.Login.Subject), c.ID), Audience: []string{cmp.Or(t.resource, c.ID)}, Client: c.ID,
		Expires: now.Add(p.lifetimes.AccessToken).Unix(), IssuedAt: now.Unix(), TokenID: spelling.RandomID(),
		Scope: strings.Join(t.scopes(r.GetGrantedScopes()), " "),
	}
	if bound := unitOf(ctx).bound; bound != (confirmation{}) {
		claims.Bound = &bound
	}
	if !g.ofClient() {
		claims.ACR, claims.AMR, claims.AuthTime = g.ACR, g.Login.AMR(), g.Login.AuthTime().Unix()
	}
	return p.keys.SignAs(ctx, typeAccessToken, c.SignedBy("", p.algorithm), claims)
}

// jwtSignature is the key under which the store has a JWT: of the whole, for one that is altered is none of ours, though
// some signatures can be altered and still be right.
func jwtSignature(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// keyOf returns the key under which the store has an access or refresh token, or errToken. A JWT whose key was taken away is
// none.
func (p *Provider) keyOf(ctx context.Context, token string) (key tokens.Key, err error) {
	switch {
	case p.tokens.validate(token, accessPrefix) == nil:
		return tokens.Key{Kind: tokens.AccessToken, Signature: p.tokens.signature(token, accessPrefix)}, nil
	case p.tokens.validate(token, refreshPrefix) == nil:
		return p.tokens.refreshKey(token), nil
	}
	switch err := p.keys.VerifyAs(ctx, typeAccessToken, token, new(struct{})); {
	case errors.Is(err, store.ErrUnavailable):
		return key, storeFault{err}
	case err != nil:
		return key, errToken
	}
	return tokens.Key{Kind: tokens.AccessToken, Signature: jwtSignature(token)}, nil
}
