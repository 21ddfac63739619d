package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// introspection is what an API learns of a live token (RFC 7662 section 2.2, RFC 9470 section 6.2).
type introspection struct {
	Active   bool     `json:"active"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id"`
	Audience []string `json:"aud"`
	Subject  string   `json:"sub"`
	Issuer   string   `json:"iss"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	Type     string   `json:"token_type,omitempty"` // of an access token
	ACR      string   `json:"acr,omitempty"`        // like the next two, of a user
	AMR      []string `json:"amr,omitempty"`
	AuthTime int64    `json:"auth_time,omitempty"`

	Bound confirmation `json:"cnf,omitzero"`
}

// introspect is the introspection endpoint (RFC 7662). A script in a page cannot keep the secret that it takes, so
// no other origin may read it.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	client, err := p.readClient(w, r)
	var answer any
	if err == nil {
		answer, err = p.inspect(r, client)
	}
	if errors.Is(err, errToken) { // not alive, or not for this client to know: nobody can tell which
		answer, err = map[string]bool{"active": false}, nil
	}
	if err == nil {
		err = p.answerIntrospection(r.Context(), w, r, client, answer)
	}
	if err != nil {
		p.answerError(r.Context(), w, r, err)
	}
}

// inspect returns what the client may know about the token, or errToken.
func (p *Provider) inspect(r *http.Request, client client.Client) (*introspection, error) {
	token := r.PostForm.Get("token")
	switch {
	case client.Public:
		return nil, fosite.ErrInvalidClient.WithHint("Only a client that authenticates may introspect tokens.")
	case token == "":
		return nil, fosite.ErrInvalidRequest.WithHint("token is missing.")
	}
	row, err := p.liveToken(r.Context(), token, client)
	if err != nil {
		return nil, err
	}
	g := new(grant)
	if err := g.read(row.Data); err != nil {
		return nil, storeFault{err}
	}
	if row.Client != client.ID && !isFor(row, g, client) {
		return nil, errToken
	}
	if err := p.checkGrant(r.Context(), row, g); err != nil {
		return nil, err
	}
	app, err := p.app(r.Context(), row, client)
	if err != nil {
		return nil, err
	}
	return p.describeToken(row, g, app), nil
}

// isFor reports whether the token is one that apps show to that API.
func isFor(row *tokens.Token, g *grant, api client.Client) bool {
	return api.ResourceServer && row.Kind == tokens.AccessToken && slices.Contains(api.ResourceURIs, g.Resource)
}

// checkGrant returns errToken for a token that rests on what is no more. What a client has got for itself ends with any change
// of its registration: it may ask again, as what it is now.
func (p *Provider) checkGrant(ctx context.Context, row *tokens.Token, g *grant) error {
	switch {
	case !g.ofClient():
		return p.checkLogin(ctx, &g.Login)
	case !g.Decided.Equal(row.Changed):
		return errToken
	}
	return nil
}

// checkLogin returns errToken for a token whose login no longer counts. Where the accounts are our own it is revoked
// already.
func (p *Provider) checkLogin(ctx context.Context, login *assurance.Login) error {
	if p.ownAccounts {
		return nil
	}
	switch _, ok, err := p.counts(ctx, login, nil); {
	case err != nil:
		return storeFault{fmt.Errorf("account: %w", err)}
	case !ok:
		return errToken
	}
	return nil
}

// liveToken returns the access or refresh token, or errToken. The tokens of a disabled account are revoked already.
func (p *Provider) liveToken(ctx context.Context, token string, asker client.Client) (*tokens.Token, error) {
	row, err := p.storedToken(ctx, token, asker)
	if err == nil && (!p.now().Before(row.Expires) || row.Used) {
		return nil, errToken
	}
	return row, err
}

// storedToken returns the access or refresh token, used or expired or not, or errToken: one that was revoked is none. The
// client may have been remembered from before it was removed: then it learns nothing.
func (p *Provider) storedToken(ctx context.Context, token string, asker client.Client) (*tokens.Token, error) {
	key, err := p.keyOf(ctx, token)
	if err != nil {
		return nil, err
	}
	row, err := p.store.TokenFor(ctx, key, asker)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errToken
	case err != nil:
		return nil, storeFault{fmt.Errorf("token: %w", err)}
	}
	return &row, nil
}

// app is the client that the token was given to, or errToken.
func (p *Provider) app(ctx context.Context, row *tokens.Token, asker client.Client) (client.Client, error) {
	if row.Client == asker.ID {
		return asker, nil
	}
	app, err := p.clients.Client(ctx, row.Client)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return app, errToken
	case err != nil:
		return app, storeFault{err}
	}
	return app, nil
}

// describeToken says what the token stands for. An API knows the user by the subject that the app does: with another one the two
// could not speak of the same user, and with the public one the app would learn that from its API.
func (p *Provider) describeToken(row *tokens.Token, g *grant, app client.Client) *introspection {
	answer := &introspection{
		Active: true, Scope: strings.Join(g.Scopes, " "), Client: row.Client, Audience: []string{cmp.Or(g.Resource, row.Client)}, Subject: cmp.Or(p.names.Subject(app, row.Subject), row.Client), Issuer: p.issuer,
		Expires: row.Expires.Unix(), IssuedAt: row.Created.Unix(),
		Bound: g.Bound,
	}
	if !g.ofClient() {
		answer.ACR, answer.AMR, answer.AuthTime = g.ACR, g.Login.AMR(), g.Login.AuthTime().Unix()
	}
	if row.Kind == tokens.AccessToken {
		answer.Type = g.Bound.tokenType()
	}
	return answer
}
