package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// authenticateClient finds out which client sends a request (RFC 6749 section 2.3): HTTP Basic or form
// parameters with a secret, or the id alone of a public client. Using two methods at once is an error.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	id, secret, err := clientCredentials(r, form)
	if err != nil {
		return nil, err
	}
	client, err := p.clients.Client(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, fosite.ErrInvalidClient.WithHint("The client is not known.")
	case err != nil:
		return nil, storeFault{err}
	case client.Public && secret == "":
		return relyingParty{client}, nil
	case client.Public:
		return nil, fosite.ErrInvalidClient.WithHint("A public client must not send a secret.")
	}
	ok, err := p.secrets.Check(ctx, client, p.now(), secret, spelling.NetworkOf(r.RemoteAddr))
	switch {
	case err != nil:
		return nil, storeFault{err}
	case !ok:
		return nil, fosite.ErrInvalidClient.WithHint("The client secret is missing or wrong.")
	}
	return relyingParty{client}, nil
}

func clientCredentials(r *http.Request, form url.Values) (id, secret string, err error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return "", "", fosite.ErrInvalidRequest.WithHint("The Authorization header was sent twice.")
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		if r.Header.Get("Authorization") != "" {
			return "", "", fosite.ErrInvalidClient.WithHint("The Authorization header is not HTTP Basic.")
		}
		id = form.Get("client_id")
		if id == "" {
			return "", "", fosite.ErrInvalidClient.WithHint("The request says neither by HTTP Basic nor by client_id which client sends it.")
		}
		return id, form.Get("client_secret"), nil
	}
	if form.Has("client_secret") {
		return "", "", fosite.ErrInvalidRequest.WithHint("The client authenticates in two ways at once.")
	}
	// Both parts are form-encoded inside the header (RFC 6749 section 2.3.1).
	if id, err = url.QueryUnescape(id); err == nil {
		secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return "", "", fosite.ErrInvalidRequest.WithHint("The client id and secret in the Authorization header must be form-encoded.")
	}
	if named := form.Get("client_id"); named != "" && named != id {
		return "", "", fosite.ErrInvalidRequest.WithHint("client_id is not the client of the Authorization header.")
	}
	return id, secret, nil
}

// relyingParty shows a Client to fosite.
type relyingParty struct{ client.Client }

func (c relyingParty) GetID() string                      { return c.ID }
func (c relyingParty) GetHashedSecret() []byte            { return nil } // authenticateClient does not ask fosite
func (c relyingParty) GetRedirectURIs() []string          { return c.RedirectURIs }
func (c relyingParty) GetGrantTypes() fosite.Arguments    { return c.grantTypes() }
func (c relyingParty) GetResponseTypes() fosite.Arguments { return c.unlessAPI(client.ResponseTypes) } // parse knows better
func (c relyingParty) GetScopes() fosite.Arguments        { return fosite.Arguments(c.Scopes) }
func (c relyingParty) IsPublic() bool                     { return c.Public }
func (c relyingParty) GetAudience() fosite.Arguments      { return nil }
func (c relyingParty) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// grantTypes are those that the client registers, or those of one that registers none.
func (c relyingParty) grantTypes() fosite.Arguments {
	return slices.DeleteFunc(slices.Clone(client.GrantTypes), func(kind string) bool { return !c.Grants(kind) })
}

// unlessAPI is nothing for a resource server, which signs nobody in.
func (c relyingParty) unlessAPI(types fosite.Arguments) fosite.Arguments {
	if c.ResourceServer {
		return nil
	}
	return types
}
