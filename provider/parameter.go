package provider

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

// readScope returns the values of a scope parameter, each once, in their order (RFC 6749 section 3.3).
func readScope(text string) ([]string, error) {
	var scopes []string
	if len(text) > maxParameter {
		return nil, fosite.ErrInvalidScope.WithHintf("scope is longer than %d bytes.", maxParameter)
	}
	for scope := range strings.SplitSeq(text, " ") {
		switch {
		case strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }):
			return nil, fosite.ErrInvalidScope.WithHint("A value of scope has characters that RFC 6749 section 3.3 does not allow.")
		case scope != "" && !slices.Contains(scopes, scope):
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// dropScopes leaves in the request what its client may ask for: values that are not understood should be ignored (OIDC
// Core 3.1.2.1), and the answer of the token endpoint says what was granted. malformed is for the client to hear, once
// it is known to be one.
func (p *Provider) dropScopes(ctx context.Context, form url.Values) (malformed, err error) {
	rp, err := p.clients.Client(ctx, form.Get("client_id"))
	if errors.Is(err, store.ErrNotFound) { // fosite says so
		return nil, nil
	}
	if err != nil {
		return nil, storeFault{err}
	}
	asked, malformed := readScope(form.Get("scope"))
	permitted := rp.Permitted(asked)
	if form.Get("response_type") == client.ResponseIDToken { // with which no refresh token comes (OIDC Core section 11)
		permitted = slices.DeleteFunc(permitted, func(scope string) bool { return scope == client.ScopeOffline })
	}
	form.Set("scope", strings.Join(permitted, " "))
	return malformed, nil
}

// narrow has a refresh grant what the client asks for.
func (u *unit) narrow(request fosite.AccessRequester, form url.Values) error {
	if u.refresh == nil {
		return nil
	}
	scopes, err := narrowScope(form, u.grant.Scopes)
	if err == nil {
		request.(*fosite.AccessRequest).GrantedScope = scopes
	}
	return err
}

// narrowScope returns what the access token of a refresh is for: all that was granted, or those of it that the client
// asks for (RFC 6749 section 6). The refresh token stays good for all.
func narrowScope(form url.Values, granted []string) ([]string, error) {
	asked, err := readScope(form.Get("scope"))
	switch {
	case err != nil:
		return nil, err
	case len(asked) == 0:
		return granted, nil
	case slices.ContainsFunc(asked, func(scope string) bool { return !slices.Contains(granted, scope) }):
		return nil, fosite.ErrInvalidScope.WithHint("A refresh can ask for scopes that were granted, and for no others.")
	}
	return asked, nil
}
