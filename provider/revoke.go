package provider

import (
	"context"
	"errors"
	"net/http"

	"github.com/ory/fosite"

	"vestibule/provider/audit"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// revoke is the revocation endpoint (RFC 7009). A refresh token ends its whole family, used before or not: a client that
// was answered with a newer one meanwhile has nothing left either. An access token ends alone: the refresh token that
// came with it may give another.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	if err := p.revokePresented(w, r); err != nil {
		p.answerError(r.Context(), w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(http.StatusOK)
}

// revokePresented ends the token of the request. One that is unknown, or of another client, is no error (RFC 7009 section
// 2.2), and nothing tells the two apart. The parameter token_type_hint has no meaning here: a token says what it is.
func (p *Provider) revokePresented(w http.ResponseWriter, r *http.Request) error {
	client, err := p.readClient(w, r)
	if err != nil {
		return err
	}
	token := r.PostForm.Get("token")
	if token == "" {
		return fosite.ErrInvalidRequest.WithHint("token is missing.")
	}
	if err := p.checkRevocable(r.Context(), token); err != nil {
		return err
	}
	row, err := p.storedToken(r.Context(), token, client)
	switch {
	case errors.Is(err, errToken), err == nil && row.Client != client.ID:
		return nil
	case err != nil:
		return err
	}
	return p.endToken(r.Context(), row, spelling.HostOf(r.RemoteAddr))
}

// errTokenType is the error of RFC 7009 section 2.2.1.
var errTokenType = &fosite.RFC6749Error{ErrorField: "unsupported_token_type", CodeField: http.StatusBadRequest,
	DescriptionField: "Access tokens and refresh tokens can be revoked. The code of a sign-in or a device ends by itself, and an ID token tells of what has been."}

// checkRevocable refuses what we have given out and cannot take back: to say that it is revoked would be wrong.
func (p *Provider) checkRevocable(ctx context.Context, token string) error {
	if p.tokens.validate(token, codePrefix) == nil || p.tokens.validate(token, devicePrefix) == nil {
		return errTokenType
	}
	err := p.keys.Verify(ctx, token, new(struct{}))
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return storeFault{err}
	case err == nil:
		return errTokenType
	}
	return nil
}

// endToken ends the token of a row, and records it in the same commit.
func (p *Provider) endToken(ctx context.Context, t *tokens.Token, address string) error {
	e := audit.Event{Kind: audit.EventTokenRevoked, Outcome: audit.OutcomeOK, Client: t.Client, Subject: t.Subject,
		Session: t.Session, Address: address, Detail: map[string]string{"token": t.Kind}}
	if err := p.commit(ctx, e, func(ctx context.Context) error { return p.endRow(ctx, t) }); err != nil {
		return storeFault{err}
	}
	return nil
}

func (p *Provider) endRow(ctx context.Context, t *tokens.Token) error {
	if t.Kind == tokens.RefreshToken {
		return p.store.RevokeFamily(ctx, t.Family)
	}
	return p.store.RevokeAccessToken(ctx, t.Signature)
}
