package provider

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/spelling"
)

// idTokens is a fosite handler that adds the ID token to the answer of the token endpoint. fosite's own would
// invent an auth_time where there is none, publish the time of the request, and sign after the commit.
type idTokens struct{ p *Provider }

// idToken is the claims of an ID token (OIDC Core section 2).
type idToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	Session  string   `json:"sid"`
	TokenID  string   `json:"jti"`
	AtHash   string   `json:"at_hash"`

	User map[string]any `json:"-"` // what else it says of the user, under names that none of the above has
}

// MarshalJSON puts all claims into one object.
func (t idToken) MarshalJSON() ([]byte, error) {
	type own idToken
	data, err := json.Marshal(own(t))
	if err != nil || len(t.User) == 0 {
		return data, err
	}
	user, err := json.Marshal(t.User)
	if err != nil {
		return nil, err
	}
	return slices.Concat(data[:len(data)-1], []byte(","), user[1:]), nil
}

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokens) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne("authorization_code") || r.GetGrantTypes().ExactOne("refresh_token")
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *idTokens) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokens) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler. What was proved comes from the stored login
// and from nothing else. A refreshed ID token has no nonce (OIDC Core section 12.2).
func (h *idTokens) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !slices.Contains(r.GetGrantedScopes(), client.ScopeOpenID) {
		return nil
	}
	g, rp, now := r.GetSession().(*grant), r.GetClient().(relyingParty), h.p.now()
	authTime := g.Login.AuthTime()
	if authTime.IsZero() || g.Login.Subject == "" {
		return errors.New("a login without a proof cannot have an ID token")
	}
	algorithm := rp.IDTokenAlg
	if algorithm == "" {
		algorithm = h.p.algorithm
	}
	token, err := h.p.keys.Sign(ctx, algorithm, idToken{
		Issuer: h.p.issuer, Subject: g.Login.Subject, Audience: []string{rp.ID},
		Expires: now.Add(h.p.lifetimes.IDToken).Unix(), IssuedAt: now.Unix(), AuthTime: authTime.Unix(), Nonce: g.Nonce,
		ACR: g.ACR, AMR: g.Login.AMR(), Session: g.Login.Session, TokenID: spelling.RandomID(),
		AtHash: accessTokenHash(algorithm, answer.GetAccessToken()),
		User:   g.userClaims(rp.Client, r.GetGrantedScopes(), unitOf(ctx).user),
	})
	if err != nil {
		return err
	}
	answer.SetExtra("id_token", token)
	return nil
}

// accessTokenHash is at_hash, by the hash of the algorithm of the signature (OIDC Core 3.1.3.6): that of Ed25519 is SHA-512.
func accessTokenHash(algorithm, token string) string {
	sum := sha256.New()
	if algorithm == client.EdDSA {
		sum = sha512.New()
	}
	sum.Write([]byte(token))
	half := sum.Size() / 2
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:half])
}
