package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// flushRefresh lets one of many simultaneous requests win. The others, and retries within the grace time,
// are answered as giveAgain does, so that a token has one child at most and a lost answer costs no session. Without a grace time they
// have used the token a second time.
func (p *Provider) flushRefresh(ctx context.Context, u *unit, request fosite.AccessRequester, body []byte) ([]byte, error) {
	replay, err := p.keepAnswer(u, body)
	if err != nil {
		return nil, err
	}
	spent, err := p.spend(ctx, u, func(ctx context.Context) error {
		return p.store.Rotate(ctx, u.refresh.Key(), replay, u.tokens)
	})
	if !spent {
		return body, err
	}
	winner, err := p.refreshToken(ctx, u.refresh.Key())
	if err != nil {
		return nil, err
	}
	if p.repeats(&winner) {
		return p.giveAgain(ctx, u, request, &winner)
	}
	if err := p.revokeReused(ctx, u); err != nil {
		return nil, proofFault(err)
	}
	return nil, fosite.ErrInvalidGrant.WithHint("The refresh token has already been used.")
}

// keepAnswer is what is kept of the answer to a refresh token, to give it again; nil: it is not given again.
func (p *Provider) keepAnswer(u *unit, body []byte) ([]byte, error) {
	if p.lifetimes.RefreshGrace < 0 {
		return nil, nil
	}
	return sealReplay(u.presented, given{u.bound.text(), u.wish, body})
}

// repeats reports whether the refresh token was used so short a time ago that it is answered as it was then. Without a grace
// time none is, also if the clock of the server that has answered is ahead of ours.
func (p *Provider) repeats(used *tokens.Token) bool {
	return p.lifetimes.RefreshGrace >= 0 && p.now().Sub(used.UsedAt) <= p.lifetimes.RefreshGrace
}

// giveAgain answers a refresh token of a moment ago, for whoever has the key or the certificate that its answer was for. Who asks
// for the same gets that answer.
func (p *Provider) giveAgain(ctx context.Context, u *unit, request fosite.AccessRequester, used *tokens.Token) ([]byte, error) {
	g, err := openReplay(u.presented, u.bound.text(), used.Replay)
	if err != nil {
		return nil, err
	}
	if g.wish != u.wish {
		return p.giveBeside(ctx, u, request, g.body)
	}
	return g.body, proofFault(p.useProof(ctx, u, func(context.Context) error { return nil }))
}

// giveBeside gives who asks for another resource or for other scopes than the first an access token of its own, beside that of
// the first, and the same refresh token: an app that needs two access tokens may ask for both at once. It has no ID token, for
// that of the first names the access token of the first.
func (p *Provider) giveBeside(ctx context.Context, u *unit, request fosite.AccessRequester, first []byte) ([]byte, error) {
	var body map[string]any
	if err := json.Unmarshal(first, &body); err != nil {
		return nil, fmt.Errorf("answer to a refresh token: %w", err)
	}
	refresh, _ := body["refresh_token"].(string)
	key := p.tokens.refreshKey(refresh)
	next, err := p.refreshToken(ctx, key)
	if err != nil {
		return nil, err
	}
	token, err := p.makeAccess(ctx, u, request)
	if err != nil {
		return nil, err
	}
	used, err := p.spend(ctx, u, func(ctx context.Context) error { return p.store.Renew(ctx, key, next.Expires, u.tokens) })
	switch {
	case err != nil:
		return nil, err
	case used:
		return nil, fosite.ErrInvalidGrant.WithHint("It was used a moment ago, and so was the refresh token that came of it. Send the newest one.")
	}
	delete(body, "id_token")
	body["access_token"], body["scope"] = token, strings.Join(u.target.scopes(request.GetGrantedScopes()), " ")
	return json.Marshal(body)
}

// errRevoked refuses a refresh token that is gone.
var errRevoked = fosite.ErrInvalidGrant.WithHint("The refresh token was revoked.")

// refreshToken returns a refresh token, used or not, or errRevoked.
func (p *Provider) refreshToken(ctx context.Context, key tokens.Key) (tokens.Token, error) {
	token, err := p.store.Token(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return token, errRevoked
	case err != nil:
		return token, storeFault{err}
	}
	return token, nil
}

// makeAccess makes the access token of a refresh, and no other token.
func (p *Provider) makeAccess(ctx context.Context, u *unit, request fosite.AccessRequester) (string, error) {
	r := u.grant.request(u.family(), request.GetClient())
	r.GrantedScope = request.GetGrantedScopes()
	token, signature, err := (&accessTokens{p.tokens, p}).GenerateAccessToken(ctx, r)
	if err != nil {
		return "", err
	}
	u.tokens = nil
	return token, (&fositeStore{p}).CreateAccessTokenSession(ctx, signature, r)
}
