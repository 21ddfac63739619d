package provider

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/claims"
	"vestibule/provider/client"

	"github.com/ory/fosite"
)

// grant is what a code or a token stands for: the session that fosite hands around, and all of the request that
// later requests need. It is the Data of a Code and of a Token.
type grant struct {
	Login     assurance.Login `json:"login"`
	ACR       string          `json:"acr"` // in the client's words; it stays as it was when the client got its code
	Nonce     string          `json:"nonce,omitempty"`
	Scopes    []string        `json:"scopes,omitempty"`   // granted: the user allows all that was requested or nothing; a refresh may narrow those of an access token
	Claims    claims.Request  `json:"claims,omitzero"`    // asked for one by one, and allowed by the user
	Resource  string          `json:"resource,omitempty"` // the API that the tokens are for (RFC 8707); empty: the client itself
	Redirect  string          `json:"redirect,omitempty"`
	Challenge string          `json:"challenge,omitempty"` // PKCE, S256
	Requested time.Time       `json:"requested"`
	Bound     confirmation    `json:"cnf,omitzero"`     // to this key: who has another one, or none, cannot use it
	Began     time.Time       `json:"began"`            // when the family began, for the absolute end of refresh tokens
	Decided   time.Time       `json:"decided,omitzero"` // of a client that acts for itself, without a Login: when it was last changed before

	allowed []string                       // by the user, for the row of the code
	expires map[fosite.TokenType]time.Time // fosite's own notes; the rows have the ends that count
}

// SetExpiresAt implements fosite.Session.
func (g *grant) SetExpiresAt(kind fosite.TokenType, at time.Time) {
	if g.expires == nil {
		g.expires = map[fosite.TokenType]time.Time{}
	}
	g.expires[kind] = at
}

// GetExpiresAt implements fosite.Session.
func (g *grant) GetExpiresAt(kind fosite.TokenType) time.Time { return g.expires[kind] }

// GetUsername implements fosite.Session.
func (g *grant) GetUsername() string { return "" }

// ofClient reports whether a client has got the token for itself: there is no user.
func (g *grant) ofClient() bool { return !g.Decided.IsZero() }

// GetSubject implements fosite.Session.
func (g *grant) GetSubject() string { return g.Login.Subject }

// Clone implements fosite.Session. fosite clones on refresh; the copy that openid.DefaultSession would make
// loses all fields of ours.
func (g *grant) Clone() fosite.Session {
	c := *g
	c.Login = *g.Login.Clone()
	c.expires = nil
	return &c
}

// read fills g, which fosite handed in, from a row: handlers check the very value that they passed.
func (g *grant) read(data []byte) error {
	if err := json.Unmarshal(data, g); err != nil {
		return fmt.Errorf("stored grant: %w", err)
	}
	return nil
}

// userClaims returns what the client's ID token says of the user: what it has registered for that, of the scopes, and what it
// asked for by the claims parameter.
func (g *grant) userClaims(c client.Client, scopes []string, user *account.Account) map[string]any {
	if !g.tellsOfUser(c) {
		return nil // nobody has to know the user then
	}
	told := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !slices.Contains(c.IDTokenClaims, scope) })
	return user.Claims().For(told, g.Claims.IDToken)
}

// tellsOfUser reports whether the client's ID tokens say something of the user.
func (g *grant) tellsOfUser(c client.Client) bool {
	return len(c.IDTokenClaims)+len(g.Claims.IDToken) > 0
}

// request returns the request that g stands for, as fosite wants it.
func (g *grant) request(family string, client fosite.Client) *fosite.Request {
	form := url.Values{}
	if g.Redirect != "" {
		form.Set("redirect_uri", g.Redirect)
	}
	if g.Challenge != "" {
		form.Set("code_challenge", g.Challenge)
		form.Set("code_challenge_method", "S256")
	}
	return &fosite.Request{
		ID: family, Client: client, RequestedAt: g.Requested, Session: g, Form: form,
		RequestedScope: g.Scopes, GrantedScope: g.Scopes,
	}
}
