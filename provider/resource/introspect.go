package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
)

// Token is what the server says about an access token.
type Token struct {
	Subject     string    // the user; empty if an app acts for itself
	ClientID    string    // the app that the token was given to
	Audience    []string  // the APIs that it is for; none: the server does not say
	Scopes      []string  // what the app may do
	ACR         string    // how well the user signed in; empty if nobody did
	AMR         []string  // what the user proved
	AuthTime    time.Time // when the user gave the oldest of the proofs that AMR tells of; zero if nobody did
	Key         string    // the thumbprint of the key that the token is bound to; empty: it is bound to none
	Certificate string    // the thumbprint of the certificate that it is bound to; empty: to none
	Expires     time.Time // zero: the server does not say
}

// clone shares nothing with t, so that whoever changes its own token changes no other request's.
func (t Token) clone() Token {
	t.Audience, t.Scopes, t.AMR = slices.Clone(t.Audience), slices.Clone(t.Scopes), slices.Clone(t.AMR)
	return t
}

// answer is the body of an introspection (RFC 7662 section 2.2, RFC 9470 section 6.2).
type answer struct {
	Active   bool     `json:"active"`
	Type     string   `json:"token_type"`
	Scope    string   `json:"scope"`
	ClientID string   `json:"client_id"`
	Subject  string   `json:"sub"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	AuthTime int64    `json:"auth_time"`
	Expires  int64    `json:"exp"`

	Issuer   string       `json:"iss"`
	Audience jwt.Audience `json:"aud"`

	Bound map[string]any `json:"cnf"` // RFC 7800
}

// tokenForm is the b64token of RFC 6750 section 2.1.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// wellFormed spares the server what cannot be a token.
func wellFormed(access string) bool {
	return len(access) <= maxToken && tokenForm.MatchString(access)
}

// introspect asks the server: ErrToken if it does not know the token, ErrUnavailable if it does not answer.
func (g *Guard) introspect(ctx context.Context, access string) (Token, error) {
	a, err := g.post(ctx, url.Values{"token": {access}, "token_type_hint": {"access_token"}})
	key, cert, usable := boundTo(a.Bound)
	switch {
	case err != nil:
		return Token{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !a.Active, !usable || !strings.EqualFold(a.Type, kindOf(key)): // a refresh token opens nothing
		return Token{}, ErrToken
	case g.resource != "" && !slices.Contains(a.Audience, g.resource), g.issuer != "" && a.Issuer != "" && a.Issuer != g.issuer:
		return Token{}, ErrToken
	}
	return Token{
		Subject: user(a.Subject, a.ClientID), ClientID: a.ClientID, Audience: a.Audience, Scopes: strings.Fields(a.Scope), ACR: a.ACR, AMR: a.AMR,
		AuthTime: instant(a.AuthTime), Key: key, Certificate: cert, Expires: instant(a.Expires),
	}, nil
}

// boundTo returns the thumbprint of the key or of the certificate that a token is bound to (RFC 9449 section 6, RFC 8705 section
// 3.1), empty if it is bound to nothing. Not ok: it is bound to something else, or to two things, of which nobody here would
// look at one.
func boundTo(bound map[string]any) (key, cert string, ok bool) {
	key, _ = bound["jkt"].(string)
	cert, _ = bound["x5t#S256"].(string)
	return key, cert, len(bound) == 0 || len(bound) == 1 && key+cert != ""
}

// kindOf is the token_type that goes with the key.
func kindOf(key string) string {
	if key == "" {
		return "Bearer"
	}
	return "DPoP"
}

// post never puts the token or the secret into an error.
func (g *Guard) post(ctx context.Context, form url.Values) (answer, error) {
	var a answer
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.SetBasicAuth(url.QueryEscape(g.id), url.QueryEscape(g.secret)) // RFC 6749 section 2.3.1
	resp, err := g.client.Do(r)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return a, fmt.Errorf("the server does not take the credentials of client %s; check its id and secret", g.id)
	case resp.StatusCode != http.StatusOK:
		return a, fmt.Errorf("the server answers %s", resp.Status)
	case kind != "application/json":
		return a, fmt.Errorf("the server answers with %q, not with JSON; is this its introspection endpoint?", kind)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return a, nil
}

func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
