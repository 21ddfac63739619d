package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/store"
)

// readScope returns the values of a scope parameter, each once, in their order (RFC 6749 section 3.3).
func readScope(text string) ([]string, error) {
	var scopes []string
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
	client, err := p.clients.Client(ctx, form.Get("client_id"))
	if errors.Is(err, store.ErrNotFound) { // fosite says so
		return nil, nil
	}
	if err != nil {
		return nil, storeFault{err}
	}
	asked, malformed := readScope(form.Get("scope"))
	form.Set("scope", strings.Join(client.Permitted(asked), " "))
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

// claimRequest is how a client asks for one claim (OIDC Core 5.5.1).
type claimRequest struct {
	essential bool
	values    []string // in order of preference; value is the first
	listed    bool     // there was a value or values, even if that has none
}

var errClaims = fosite.ErrInvalidRequest.WithHint("claims must be a JSON object as OpenID Connect Core section 5.5 shows it.")

// readClaims returns what the claims parameter says about the acr and the sub of the ID token. All other claims are
// in the answer or not, whatever it says, auth_time among those that always are; but it must be well-formed.
func readClaims(raw string) (acr, sub claimRequest, err error) {
	if raw == "" {
		return acr, sub, nil
	}
	if !utf8.ValidString(raw) { // encoding/json would read something else instead
		return acr, sub, errClaims
	}
	top, err := members([]byte(raw))
	if err != nil {
		return acr, sub, err
	}
	for _, place := range []string{"userinfo", "id_token"} {
		wanted, err := members(top[place])
		if err != nil {
			return acr, sub, err
		}
		for name, text := range wanted {
			request, err := readClaim(text, place == "id_token" && (name == "acr" || name == "sub"))
			switch {
			case err != nil:
				return acr, sub, err
			case place == "id_token" && name == "acr":
				acr = request
			case place == "id_token" && name == "sub":
				sub = request
			}
		}
	}
	return acr, sub, nil
}

// members returns the members of an object; null and nothing are one without any. encoding/json alone would take
// "ID_TOKEN" for id_token.
func members(text []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(text) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errClaims
	}
	return m, nil
}

// readClaim reads the request for one claim. Only if exact need its values be strings: those of a claim that nobody
// looks at may be of any type.
func readClaim(text []byte, exact bool) (claimRequest, error) {
	var c claimRequest
	var one *string
	m, err := members(text)
	switch {
	case err != nil:
		return c, err
	case !decodes(m["essential"], &c.essential):
		return c, errClaims
	case exact && !(decodes(m["value"], &one) && decodes(m["values"], &c.values)):
		return c, errClaims
	}
	c.listed = one != nil || c.values != nil
	if one != nil {
		c.values = slices.Insert(c.values, 0, *one)
	}
	return c, nil
}

// decodes reports whether text, which may be nothing, can be decoded into v.
func decodes(text []byte, v any) bool { return len(text) == 0 || json.Unmarshal(text, v) == nil }
