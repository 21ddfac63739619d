package provider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
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
	AtHash   string   `json:"at_hash,omitempty"`

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

// signInGrants are the grant types behind which a user stands who has signed in.
var signInGrants = []string{client.GrantCode, client.GrantRefresh, client.GrantDevice}

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokens) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return slices.ContainsFunc(signInGrants, r.GetGrantTypes().ExactOne)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *idTokens) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *idTokens) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler. A refreshed ID token has no nonce (OIDC Core section 12.2).
func (h *idTokens) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !slices.Contains(r.GetGrantedScopes(), client.ScopeOpenID) {
		return nil
	}
	g, rp := r.GetSession().(*grant), r.GetClient().(relyingParty)
	token, err := h.p.signIDToken(ctx, rp, g, answer.GetAccessToken(), g.userClaims(rp.Client, r.GetGrantedScopes(), unitOf(ctx).user))
	if err != nil {
		return err
	}
	answer.SetExtra("id_token", token)
	return nil
}

// signIDToken returns an ID token. What was proved comes from the login and from nothing else. accessToken comes with it, or
// is empty; user is what else it says of the user, under names that no claim of idToken has.
func (p *Provider) signIDToken(ctx context.Context, rp relyingParty, g *grant, accessToken string, user map[string]any) (string, error) {
	authTime, now := g.Login.AuthTime(), p.now()
	if authTime.IsZero() || g.Login.Subject == "" {
		return "", errors.New("a login without a proof cannot have an ID token")
	}
	algorithm := rp.SignedBy(rp.IDTokenAlg, p.algorithm)
	return p.keys.Sign(ctx, algorithm, idToken{
		Issuer: p.issuer, Subject: p.names.Subject(rp.Client, g.Login.Subject), Audience: []string{rp.ID},
		Expires: now.Add(cmp.Or(time.Duration(rp.IDTokenLifetime)*time.Second, p.lifetimes.IDToken)).Unix(), IssuedAt: now.Unix(), AuthTime: authTime.Unix(), Nonce: g.Nonce,
		ACR: g.ACR, AMR: g.Login.AMR(), Session: p.names.Session(rp.Client, g.Login.Session), TokenID: spelling.RandomID(),
		AtHash: accessTokenHash(algorithm, accessToken),
		User:   user,
	})
}

// wantsIDToken reports whether the client is to be answered with an ID token alone (OIDC Core section 3.2).
func wantsIDToken(ar *fosite.AuthorizeRequest) bool {
	return ar.ResponseTypes.ExactOne(client.ResponseIDToken)
}

// checkIDToken refuses a request for an ID token alone that lacks what it must have. The token comes in a form: what
// stands in an address is kept by browsers and written to logs.
func checkIDToken(ar *fosite.AuthorizeRequest) error {
	switch {
	case !wantsIDToken(ar):
		return nil
	case !bringsForm(ar.ResponseMode):
		return fosite.ErrUnsupportedResponseMode.WithHint("With response_type=id_token response_mode must be form_post or form_post.jwt.")
	case ar.Form.Get("nonce") == "":
		return fosite.ErrInvalidRequest.WithHint("With response_type=id_token there must be a nonce.")
	case !slices.Contains(ar.GetRequestedScopes(), client.ScopeOpenID):
		return fosite.ErrInvalidRequest.WithHint("With response_type=id_token scope must have openid.")
	}
	return nil
}

// idTokenAlone is the ID token of a client that gets no access token: it says of the user all that the scopes allow, for
// there is no userinfo (OIDC Core section 5.4). client.ErrChanged if the policy requires more of the sign-in: no token
// endpoint will ask it later.
func (p *Provider) idTokenAlone(ctx context.Context, rp relyingParty, g *grant) (string, error) {
	switch enough, err := p.policy.Enough(ctx, rp.Client, &g.Login); {
	case err != nil:
		return "", fmt.Errorf("policy: %w", err)
	case !enough:
		return "", client.ErrChanged
	}
	user, err := p.accounts.Account(ctx, g.Login.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", account.ErrPassword
	case err != nil:
		return "", err
	}
	return p.signIDToken(ctx, rp, g, "", user.Claims().For(g.Scopes, g.Claims.IDToken))
}

// accessTokenHash is at_hash, by the hash of the algorithm of the signature (OIDC Core 3.1.3.6): that of Ed25519 is
// SHA-512. Empty: there is no token.
func accessTokenHash(algorithm, token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.New()
	if algorithm == client.EdDSA {
		sum = sha512.New()
	}
	sum.Write([]byte(token))
	half := sum.Size() / 2
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:half])
}
