package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/dpop"
)

// clientGrants is a fosite handler of client credentials (RFC 6749 section 4.4): an access token, and nothing else, for a
// client that acts for itself. fosite's own grants no scopes, and calls a client that may not do this the bearer of a wrong
// grant.
type clientGrants struct{ *oauth2.HandleHelper }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *clientGrants) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(client.GrantClient)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *clientGrants) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler. grantToClient decides.
func (h *clientGrants) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h *clientGrants) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	_, err := h.IssueAccessToken(ctx, h.Config.GetAccessTokenLifespan(ctx), r, answer)
	return err
}

// grantToClient returns the answer to a client that asks for itself. One that was changed a moment ago is asked about once
// more: the token rests on the client as it is registered when that is committed.
func (p *Provider) grantToClient(ctx context.Context, request *fosite.AccessRequest, u *unit) ([]byte, error) {
	body, err := p.giveToClient(ctx, request, u)
	if !errors.Is(err, client.ErrChanged) {
		return body, err
	}
	now := context.WithValue(ctx, fosite.AccessRequestContextKey, request)
	if err := p.follow(now, time.Time{}); err != nil {
		return nil, fosite.ErrInvalidClient.WithHint("The client was changed or removed a moment ago.").WithWrap(err)
	}
	body, err = p.giveToClient(ctx, request, u)
	if errors.Is(err, client.ErrChanged) {
		return nil, fosite.ErrInvalidClient.WithHint("The client was changed or removed a moment ago.")
	}
	return body, err
}

// giveToClient decides what the client gets and writes it: client.ErrChanged if it is not registered as it was by then.
func (p *Provider) giveToClient(ctx context.Context, request *fosite.AccessRequest, u *unit) ([]byte, error) {
	c := request.GetClient().(relyingParty).Client
	if !c.Grants(client.GrantClient) {
		return nil, fosite.ErrUnauthorizedClient.WithHint("The client is not registered for the grant type client_credentials.")
	}
	if err := u.bind(c); err != nil {
		return nil, err
	}
	scopes, err := ownScopes(request.Form, c)
	if err != nil {
		return nil, err
	}
	if u.target, err = p.target(ctx, c, request.Form.Get("resource")); err != nil {
		return nil, err
	}
	granted := u.target.scopes(scopes)
	request.GrantedScope, u.tokens = granted, nil
	request.GetSession().(*grant).Decided = c.Updated
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(answerOf(response, u, granted))
	if err != nil {
		return nil, err
	}
	return body, p.saveClientToken(ctx, c, u, granted)
}

// saveClientToken writes the token and the record of it.
func (p *Provider) saveClientToken(ctx context.Context, c client.Client, u *unit, scopes []string) error {
	e := audit.Event{Kind: audit.EventClientToken, Outcome: audit.OutcomeOK, Client: c.ID, Address: u.address,
		Detail: map[string]string{"scopes": strings.Join(scopes, " ")}}
	if u.target.resource != "" {
		e.Detail["resource"] = u.target.resource
	}
	err := p.store.Atomic(ctx, func(ctx context.Context) error {
		return p.useProof(ctx, u, func(ctx context.Context) error {
			if err := p.store.SaveClientToken(ctx, u.tokens[0], c); err != nil {
				return err
			}
			return p.audit.Record(ctx, e)
		})
	})
	switch {
	case errors.Is(err, dpop.ErrReplayed):
		return proofFault(err)
	case err != nil:
		return fmt.Errorf("token of a client: %w", err)
	}
	return nil
}

// ownScopes are what a client asks for itself: all that it is registered for, if it says none. What tells of a user, or
// stands for one, is not among them.
func ownScopes(form url.Values, c client.Client) ([]string, error) {
	asked, err := readScope(form.Get("scope"))
	may := slices.DeleteFunc(slices.Clone([]string(c.Scopes)), client.OfUsers)
	switch {
	case err != nil:
		return nil, err
	case len(asked) == 0:
		return may, nil
	case slices.ContainsFunc(asked, client.OfUsers):
		return nil, fosite.ErrInvalidScope.WithHint("There is no user in a client_credentials grant: leave out openid, offline_access, and the scopes of claims.")
	case slices.ContainsFunc(asked, func(scope string) bool { return !slices.Contains(may, scope) }):
		return nil, fosite.ErrInvalidScope.WithHint("The client asks for a scope that it is not registered for.")
	}
	return asked, nil
}
