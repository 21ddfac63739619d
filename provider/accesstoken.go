package provider

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

// target is what an access token is for (RFC 8707): an API, or the client itself, which is to say userinfo.
type target struct {
	resource string        // the identifier of the API; empty: there is none
	server   client.Client // the API
}

// errTarget is the error of RFC 8707 section 2. It does not tell an API that nobody has registered from one that the client
// may not use.
var errTarget = &fosite.RFC6749Error{ErrorField: "invalid_target", CodeField: http.StatusBadRequest,
	DescriptionField: "The client may not have tokens for this resource, or there is none of that name."}

// target returns what the client means by a resource that it has named: nothing, the server's own userinfo, or an API.
func (p *Provider) target(ctx context.Context, c client.Client, resource string) (target, error) {
	if resource == "" || resource == p.issuer {
		return target{}, nil
	}
	if !slices.Contains(c.Audiences, resource) {
		return target{}, errTarget
	}
	server, err := p.clients.Resource(ctx, resource)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return target{}, errTarget
	case err != nil:
		return target{}, storeFault{err}
	}
	return target{resource, server}, nil
}

// aim decides what the access token of the request is for: what was granted or, if the client says so, what of that, and
// the server's own userinfo at any time. An API that the client may not use any more is refused before anything is spent.
func (p *Provider) aim(ctx context.Context, request fosite.AccessRequester, u *unit, form url.Values) (err error) {
	asked := cmp.Or(form.Get("resource"), u.grant.Resource)
	if asked != u.grant.Resource && asked != p.issuer {
		return errTarget.WithHint("The resource is none of those that were asked for at the authorization endpoint.")
	}
	u.target, err = p.target(ctx, request.GetClient().(relyingParty).Client, asked)
	return err
}

// scopes are those of the granted ones that the token has: an API that has said which it serves is told of no others.
func (t target) scopes(granted []string) []string {
	if len(t.server.ResourceScopes) == 0 {
		return granted
	}
	return slices.DeleteFunc(slices.Clone(granted), func(scope string) bool { return !slices.Contains(t.server.ResourceScopes, scope) })
}
