package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

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
	ok, err := p.secrets.Check(ctx, client, secret, NetworkOf(r.RemoteAddr))
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
