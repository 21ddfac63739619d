package provider

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/clientauth"
	"vestibule/provider/dpop"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// fositeStore shows a Store to fosite's handlers. They make many small calls; here they fill one unit of work for
// each request, which is written in one go when the answer is ready. So a code, its PKCE challenge and its
// OpenID Connect session are one row, a failure after the tokens were made spends nothing, and a
// second redemption meets one conditional statement.
type fositeStore struct{ p *Provider }

// unit is the unit of work of one request.
type unit struct {
	presented string              // the code, refresh token or device code of the request
	address   string              // of whoever sent it
	proof     *dpop.Proof         // nil: it has none
	evidence  clientauth.Evidence // by which its client has authenticated

	certificate string       // the thumbprint of the one that the client has shown; empty: it has shown none
	bound       confirmation // of the tokens that the request gets

	refusal error // why the code or token is refused, if fosite is not to know

	newCode *tokens.Code
	code    *tokens.Code
	refresh *tokens.Token
	grant   *grant           // of code or refresh
	client  *client.Client   // that sends the request, once it is known
	user    *account.Account // whose it is, if that was looked up
	target  target           // of the access token
	wish    string           // what the access token of a refresh is for, as a text
	tokens  []tokens.Token
	revoked bool
}

// family is that of the code or the refresh token.
func (u *unit) family() string {
	if u.refresh != nil {
		return u.refresh.Family
	}
	return u.code.Family
}

// generation is that of the refresh token that comes of the request: how many its family had before.
func (u *unit) generation() int64 {
	if u.refresh == nil {
		return 0
	}
	return u.refresh.Generation + 1
}

type unitKey struct{}

func withUnit(ctx context.Context, presented string) (context.Context, *unit) {
	u := &unit{presented: presented}
	return context.WithValue(ctx, unitKey{}, u), u
}

func unitOf(ctx context.Context) *unit { return ctx.Value(unitKey{}).(*unit) }

// errReplay reports a refresh token that was used moments ago: its first answer is given again.
var errReplay = errors.New("refresh token was used a moment ago")

// GetClient implements fosite.ClientManager.
func (s *fositeStore) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	client, err := s.p.clients.Client(ctx, id)
	if err != nil {
		return nil, notFound(err)
	}
	if asked, _ := ctx.Value(redirectURIKey{}).(string); asked != "" && client.Allows(asked) {
		client.RedirectURIs = append(slices.Clone(client.RedirectURIs), asked)
	}
	return relyingParty{client}, nil
}

type redirectURIKey struct{}

// withRedirectURI has fosite find the redirect URI among those of the client, if that allows it: fosite knows no native app
// that takes any port of localhost.
func withRedirectURI(ctx context.Context, uri string) context.Context {
	return context.WithValue(ctx, redirectURIKey{}, uri)
}

// ClientAssertionJWTValid implements fosite.ClientManager. It is not asked: checkAssertion looks at what clients sign.
func (s *fositeStore) ClientAssertionJWTValid(context.Context, string) error {
	return fosite.ErrJTIKnown
}

// SetClientAssertionJWT implements fosite.ClientManager.
func (s *fositeStore) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return fosite.ErrJTIKnown
}

// notFound translates our sentinel to fosite's and marks any other cause.
func notFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fosite.ErrNotFound
	}
	return storeFault{err}
}

// CreateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage.
func (s *fositeStore) CreateAuthorizeCodeSession(ctx context.Context, signature string, r fosite.Requester) error {
	now, g := s.p.now(), r.GetSession().(*grant)
	data, err := json.Marshal(g)
	if err != nil {
		return err
	}
	unitOf(ctx).newCode = &tokens.Code{
		Signature: signature, Family: spelling.RandomID(), Client: r.GetClient().GetID(), Subject: g.Login.Subject,
		Session: g.Login.Session, Allowed: g.allowed, Data: data, Created: now, Expires: now.Add(r.GetClient().(relyingParty).CodeLife(s.p.lifetimes.Code)),
	}
	return nil
}

// GetAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. A code of another client is no code, and
// neither is one whose signature alone is right: they must not end the family of the real one. One that was used goes
// on as if it was not, until fosite has checked the redirect URI and the verifier: whoever cannot use it must not end
// the family either. Then grantTokens says what becomes of it.
func (s *fositeStore) GetAuthorizeCodeSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	u := unitOf(ctx)
	if u.code == nil {
		if err := s.loadCode(ctx, u, signature, session); err != nil {
			return nil, err
		}
	}
	return u.grant.request(u.code.Family, clientOf(ctx)), nil
}

// loadCode reads the code of the request. What its client may not ask for any more is not granted: the code is decided
// anew, as the sign-in would have been, and its family has the fewer scopes from the beginning.
func (s *fositeStore) loadCode(ctx context.Context, u *unit, signature string, session fosite.Session) error {
	if signature == "" || s.p.tokens.validate(u.presented, codePrefix) != nil {
		return fosite.ErrNotFound
	}
	err := s.readCode(ctx, u, signature, session.(*grant))
	if errors.Is(err, errOtherClient) {
		return fosite.ErrNotFound
	}
	if err != nil {
		return err
	}
	if !clientOf(ctx).(relyingParty).AnswersWith(client.ResponseCode) {
		u.code, u.grant = nil, nil
		return fosite.ErrNotFound
	}
	return nil
}

// errOtherClient reports a code that another client was given.
var errOtherClient = fosite.ErrInvalidGrant.WithHint("The code is another client's.")

// readCode reads the code with that signature, if it is one that the client can use or has used.
func (s *fositeStore) readCode(ctx context.Context, u *unit, signature string, g *grant) error {
	code, err := s.p.store.Code(ctx, signature)
	if err != nil {
		return notFound(err)
	}
	switch {
	case code.Client != clientOf(ctx).GetID():
		return errOtherClient
	case !code.Used && !s.p.now().Before(code.Expires):
		return fosite.ErrNotFound
	}
	if err := s.p.follow(ctx, code.Changed); err != nil {
		return err
	}
	if err := g.read(code.Data); err != nil {
		return storeFault{err}
	}
	rp := clientOf(ctx).(relyingParty)
	g.Scopes, g.Claims = rp.Permitted(g.Scopes), g.Claims.Within(rp.Scopes)
	u.code, u.grant = &code, g
	return u.checkKey(rp.Client)
}

// follow has the request go on with the client as it is registered now, if it authenticated as one that was remembered
// from before a change, and does so once more: what has changed may be the secret or the key that it came with.
func (p *Provider) follow(ctx context.Context, changed time.Time) error {
	request := ctx.Value(fosite.AccessRequestContextKey).(*fosite.AccessRequest)
	known := request.Client.(relyingParty)
	if known.Updated.Equal(changed) {
		return nil
	}
	p.clients.Forget(known.ID)
	client, err := p.clients.Client(ctx, known.ID)
	if err != nil {
		return notFound(err)
	}
	same := client.Registration == known.Registration
	if same {
		same, err = p.authenticatesAgain(ctx, client)
	}
	switch {
	case err != nil:
		return storeFault{err}
	case !same:
		return fosite.ErrNotFound // it has not authenticated as what it is now
	}
	request.Client = relyingParty{client}
	return nil
}

// clientOf returns the client that authenticated for the request under way.
func clientOf(ctx context.Context) fosite.Client {
	return ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester).GetClient()
}

// InvalidateAuthorizeCodeSession implements oauth2.AuthorizeCodeStorage. flushCode does it.
func (s *fositeStore) InvalidateAuthorizeCodeSession(context.Context, string) error { return nil }

// CreatePKCERequestSession implements pkce.PKCERequestStorage. The challenge is in the code's row.
func (s *fositeStore) CreatePKCERequestSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetPKCERequestSession implements pkce.PKCERequestStorage.
func (s *fositeStore) GetPKCERequestSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	r, err := s.GetAuthorizeCodeSession(ctx, signature, session)
	if err != nil {
		return nil, err
	}
	if unitOf(ctx).grant.Challenge == "" {
		return nil, fosite.ErrNotFound
	}
	return r, nil
}

// DeletePKCERequestSession implements pkce.PKCERequestStorage. fosite calls it before it checks the verifier;
// the challenge must outlive a wrong one, or the next request would need none.
func (s *fositeStore) DeletePKCERequestSession(context.Context, string) error { return nil }

// CreateAccessTokenSession implements oauth2.AccessTokenStorage.
func (s *fositeStore) CreateAccessTokenSession(ctx context.Context, signature string, r fosite.Requester) error {
	return s.create(ctx, tokens.AccessToken, signature, r, s.p.now().Add(s.p.lifetimes.AccessToken))
}

// CreateRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (s *fositeStore) CreateRefreshTokenSession(ctx context.Context, signature, _ string, r fosite.Requester) error {
	idle := s.p.now().Add(s.p.lifetimes.RefreshIdle)
	total := r.GetSession().(*grant).Began.Add(s.p.lifetimes.RefreshTotal)
	if total.Before(idle) {
		idle = total
	}
	return s.create(ctx, tokens.RefreshToken, signature, r, idle)
}

func (s *fositeStore) create(ctx context.Context, kind, signature string, r fosite.Requester, expires time.Time) error {
	g := *r.GetSession().(*grant)
	u := unitOf(ctx)
	g.Nonce, g.Challenge, g.Redirect, g.Bound = "", "", "", u.bound // what was there is of the code only
	if kind == tokens.RefreshToken && !r.GetClient().IsPublic() {
		g.Bound = confirmation{} // it is bound to the client, whose key may be another one by then (RFC 9449 section 5, RFC 8705 section 7.1)
	}
	if kind == tokens.AccessToken { // a refresh may ask for less than the family has
		g.Scopes, g.Resource = u.target.scopes(r.GetGrantedScopes()), u.target.resource
	}
	data, err := json.Marshal(&g)
	if err != nil {
		return err
	}
	u.tokens = append(u.tokens, tokens.Token{
		Kind: kind, Signature: signature, Family: r.GetID(), Client: r.GetClient().GetID(), Subject: g.Login.Subject,
		Session: g.Login.Session, Data: data, Created: s.p.now(), Expires: expires,
	})
	return nil
}

// GetAccessTokenSession implements oauth2.AccessTokenStorage. No handler that is composed asks for it:
// userinfo reads the row itself, because fosite would take a refresh token for an access token.
func (s *fositeStore) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, fosite.ErrNotFound
}

// DeleteAccessTokenSession implements oauth2.AccessTokenStorage.
func (s *fositeStore) DeleteAccessTokenSession(context.Context, string) error { return nil }

// GetRefreshTokenSession implements oauth2.RefreshTokenStorage.
func (s *fositeStore) GetRefreshTokenSession(ctx context.Context, signature string, session fosite.Session) (fosite.Requester, error) {
	u := unitOf(ctx)
	if signature == "" || s.p.tokens.validate(u.presented, refreshPrefix) != nil {
		return nil, fosite.ErrNotFound
	}
	token, user, err := s.p.userToken(ctx, s.p.tokens.refreshKey(u.presented))
	if err != nil {
		return nil, notFound(err)
	}
	if token.Client != clientOf(ctx).GetID() || !token.Used && !s.p.now().Before(token.Expires) {
		return nil, fosite.ErrNotFound
	}
	if err := s.p.follow(ctx, token.Changed); err != nil {
		return nil, err
	}
	g := session.(*grant)
	if err := g.read(token.Data); err != nil {
		return nil, storeFault{err}
	}
	rp := clientOf(ctx).(relyingParty)
	if !rp.AnswersWith(client.ResponseCode) && !rp.Grants(client.GrantDevice) {
		return nil, fosite.ErrNotFound
	}
	g.Claims = g.Claims.Within(rp.Scopes) // fosite looks at the scopes
	u.refresh, u.grant, u.user = &token, g, user
	if err := u.checkKey(rp.Client); err != nil {
		return nil, err
	}
	r := g.request(token.Family, clientOf(ctx))
	switch {
	case !token.Used:
		return r, nil
	case s.p.repeats(&token):
		return r, errReplay
	}
	return r, fosite.ErrInactiveToken
}

// DeleteRefreshTokenSession implements oauth2.RefreshTokenStorage. fosite calls it before it revokes the family.
func (s *fositeStore) DeleteRefreshTokenSession(context.Context, string) error { return nil }

// RotateRefreshToken implements oauth2.RefreshTokenStorage. flushRefresh does it.
func (s *fositeStore) RotateRefreshToken(context.Context, string, string) error { return nil }

// RevokeRefreshToken implements oauth2.TokenRevocationStorage: the whole family goes.
func (s *fositeStore) RevokeRefreshToken(ctx context.Context, _ string) error {
	return s.revoke(ctx)
}

// RevokeAccessToken implements oauth2.TokenRevocationStorage: the whole family goes.
func (s *fositeStore) RevokeAccessToken(ctx context.Context, _ string) error {
	return s.revoke(ctx)
}

// revoke ends the family once, though fosite asks twice: for a refresh token that was used before.
func (s *fositeStore) revoke(ctx context.Context) error {
	u := unitOf(ctx)
	if u.revoked {
		return nil
	}
	switch err := s.p.revokeReused(ctx, u); {
	case errors.Is(err, dpop.ErrReplayed):
		u.refusal = proofFault(err)
	case err != nil:
		return storeFault{err}
	}
	u.revoked = true
	return nil
}
