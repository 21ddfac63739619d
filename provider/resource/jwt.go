package resource

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/spelling"
)

// algorithms of signatures that are believed: none, and those with a shared secret, are not among them.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// leeway is how far ahead of this clock the server's may be.
const leeway = 30 * time.Second

// claims are those of a JWT access token (RFC 9068 section 2.2).
type claims struct {
	Issuer   string           `json:"iss"`
	Audience jwt.Audience     `json:"aud"`
	Expires  *jwt.NumericDate `json:"exp"`
	IssuedAt *jwt.NumericDate `json:"iat"`
	Begins   *jwt.NumericDate `json:"nbf"`
	Subject  string           `json:"sub"`
	ClientID string           `json:"client_id"`
	TokenID  string           `json:"jti"`
	Scope    string           `json:"scope"`
	ACR      string           `json:"acr"`
	AMR      []string         `json:"amr"`
	AuthTime int64            `json:"auth_time"`
	Bound    map[string]any   `json:"cnf"` // to a key or a certificate (RFC 7800)
}

// isJWT tells a JWT from a token that only the server can read.
func isJWT(access string) bool { return strings.Count(access, ".") == 2 }

// verify reads a JWT access token (RFC 9068 section 4): ErrToken if it is none of the server's for this API,
// ErrUnavailable if the server's keys are not to be had. Nothing of the token says where they are.
func (g *Guard) verify(ctx context.Context, access string) (Token, error) {
	if !spelling.IsJWT(access) {
		return Token{}, ErrToken
	}
	parsed, err := jwt.ParseSigned(access, algorithms)
	if err != nil || len(parsed.Headers) != 1 || !isAccessToken(parsed.Headers[0]) {
		return Token{}, ErrToken
	}
	header := parsed.Headers[0]
	key, err := g.keys.find(ctx, header.KeyID, header.Algorithm)
	if err != nil {
		return Token{}, err
	}
	var c claims
	if parsed.Claims(key, &c) != nil || !c.good(g.issuer, g.resource, g.now()) {
		return Token{}, ErrToken
	}
	bound, cert, usable := boundTo(c.Bound)
	if !usable {
		return Token{}, ErrToken
	}
	return Token{
		Subject: user(c.Subject, c.ClientID), ClientID: c.ClientID, Audience: c.Audience, Scopes: strings.Fields(c.Scope), ACR: c.ACR, AMR: c.AMR,
		AuthTime: instant(c.AuthTime), Key: bound, Certificate: cert, Expires: c.Expires.Time(),
	}, nil
}

// isAccessToken tells an access token from an ID token, which the server signs with the same keys.
func isAccessToken(header jose.Header) bool {
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(kind), "application/") == "at+jwt"
}

// good reports whether the token is one of the issuer for the API, now.
func (c claims) good(issuer, api string, now time.Time) bool {
	switch {
	case c.Issuer != issuer, !slices.Contains(c.Audience, api), c.Subject == "", c.ClientID == "", c.TokenID == "":
		return false
	case c.Expires == nil, c.IssuedAt == nil, !now.Before(c.Expires.Time()):
		return false
	case c.IssuedAt.Time().After(now.Add(leeway)), c.Begins != nil && c.Begins.Time().After(now.Add(leeway)):
		return false
	}
	return true
}

// user is whom a token is about: nobody, if an app got it for itself, for then the server says the app in both places.
func user(subject, app string) string {
	if subject == app {
		return ""
	}
	return subject
}
