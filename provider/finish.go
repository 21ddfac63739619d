package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/device"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/tokens"
)

// Finish answers the client with an authorization code or an ID token. It checks once more that the login satisfies the
// demand, whatever the pages think: as of at, when they decided, for a proof may become too old a moment later. The code, the
// end of the interaction and whatever with writes are one commit, which rests on the account and the client being as
// they were then.
//
// Outcomes: ErrConflict if the interaction had ended or changed; ErrPassword if what the user has proved no longer
// counts, as the account is disabled, gone or in another epoch; client.ErrChanged if the pages must decide anew. Nothing
// was committed or answered then.
func (p *Provider) Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(ctx context.Context) error) error {
	if at.IsZero() || !ix.Login.Satisfies(ix.Required(), at) {
		return errors.New("finish: the login does not satisfy the request")
	}
	ar, f, err := p.thaw(r.Context(), ix)
	if err != nil {
		return err
	}
	rp := ar.Client.(relyingParty).Client
	if !rp.Updated.Equal(ix.Decided) {
		p.clients.Forget(rp.ID)
		return client.ErrChanged
	}
	for _, scope := range ix.Scopes {
		ar.GrantScope(scope)
	}
	login := ix.Login.Told(ix.Required(), at)
	g := &grant{
		Login: *login, ACR: p.levels.ACR(rp.ACRNames, ix.Required(), login), Nonce: f.Nonce,
		Scopes: ix.Scopes, Claims: ix.Claims, Resource: f.Resource, Redirect: f.Sent, Challenge: f.Challenge, Bound: confirmation{Key: f.Key}, Requested: ix.Demand.RequestedAt, Began: p.now(),
		allowed: ix.ToRemember(),
	}
	answer, save, err := p.give(r.Context(), ar, f, g)
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	to, err := p.end(r.Context(), ar, answer)
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	err = p.EndAt(r.Context(), ix, to, slices.Concat(with, []func(context.Context) error{
		func(ctx context.Context) error { return p.accounts.RequireAccount(ctx, login.Subject, login.Epoch) },
		save,
		func(ctx context.Context) error {
			return p.audit.Record(ctx, granted(r, ix, login, g.ACR))
		},
	})...)
	switch {
	case errors.Is(err, device.ErrOver):
		return p.lateDevice(w, r, ix, append(slices.Clone(with), func(ctx context.Context) error {
			return p.accounts.RequireAccount(ctx, login.Subject, login.Epoch)
		}))
	case errors.Is(err, client.ErrChanged):
		p.clients.Forget(rp.ID)
	}
	if err != nil {
		return err
	}
	return p.leave(w, r, to)
}

// granted is the record of the answer, which says if the user was not asked to allow it.
func granted(r *http.Request, ix *interaction.Interaction, login *assurance.Login, acr string) audit.Event {
	e := ix.Granted(r, login.AMR(), acr, login.AuthTime())
	if ix.FirstParty {
		e.Detail["consent"] = string(client.ConsentNever)
	}
	return e
}

// give makes what the client is answered with: a code or, if it asked for that, an ID token; a device is not answered in the
// browser. save is part of the commit that gives it, and fails with client.ErrChanged if the client is not registered any more as
// it was, and with device.ErrOver if the device waits no more.
func (p *Provider) give(ctx context.Context, ar *fosite.AuthorizeRequest, f frozen, g *grant) (answer url.Values, save func(context.Context) error, err error) {
	rp := ar.Client.(relyingParty)
	if wantsIDToken(ar) {
		token, err := p.idTokenAlone(ctx, rp, g)
		return url.Values{"id_token": {token}}, func(ctx context.Context) error { return p.store.SaveCode(ctx, withoutCode(rp, g), rp.Client) }, err
	}
	ctx, u := withUnit(ctx, "")
	if f.Device != nil {
		ar.SetSession(g)
		err := (&fositeStore{p}).CreateAuthorizeCodeSession(ctx, f.Device.Signature, ar)
		return nil, func(ctx context.Context) error { return p.allow(ctx, *u.newCode, rp.Client, *f.Device) }, err
	}
	response, err := p.fosite.NewAuthorizeResponse(ctx, ar, g)
	if err != nil {
		return nil, nil, err
	}
	return url.Values{"code": {response.GetCode()}}, func(ctx context.Context) error { return p.store.SaveCode(ctx, *u.newCode, rp.Client) }, nil
}

// withoutCode is what is kept of an answer that no code was given with, so that the client is known to be in the session: a
// code that nobody has and that was used.
func withoutCode(rp relyingParty, g *grant) tokens.Code {
	return tokens.Code{
		Signature: spelling.RandomID(), Family: spelling.RandomID(), Client: rp.ID, Subject: g.Login.Subject, Session: g.Login.Session, Allowed: g.allowed,
		Created: g.Began, Expires: g.Began, Used: true,
	}
}

// Refuse answers the client with an error, one of OIDC Core 3.1.2.6 or RFC 6749 section 4.1.2.1, and ends the
// interaction. Whatever with writes is part of that commit.
func (p *Provider) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(ctx context.Context) error) error {
	ar, f, err := p.thaw(r.Context(), ix)
	if err != nil {
		return err
	}
	record := func(ctx context.Context) error { return p.audit.Record(ctx, ix.Refused(r, code)) }
	if ix.Login != nil { // a stranger's silent request leaves nothing behind
		with = append(slices.Clone(with), record)
	}
	if f.Device != nil {
		return p.deny(w, r, ix, *f.Device, with)
	}
	to, err := p.end(r.Context(), ar, url.Values{"error": {code}, "error_description": {interaction.Description(code)}})
	if err != nil {
		return fmt.Errorf("refuse: %w", err)
	}
	if err := p.EndAt(r.Context(), ix, to, with...); err != nil {
		return err
	}
	return p.leave(w, r, to)
}
