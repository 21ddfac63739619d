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

// readClient reads the form of a request, and finds out which client sends it.
func (p *Provider) readClient(w http.ResponseWriter, r *http.Request) (client.Client, error) {
	if err := parseForm(w, r); err != nil {
		return client.Client{}, err
	}
	c, err := p.authenticateClient(r.Context(), r, r.PostForm)
	if err != nil {
		return client.Client{}, err
	}
	return c.(relyingParty).Client, nil
}

// authenticateClient finds out which client sends a request (RFC 6749 section 2.3): by what it has signed, by HTTP Basic or
// form parameters with a secret, by its certificate, or by the id alone of a public client. Using two methods at once is an
// error, but for a certificate that tokens are to be bound to.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	chain, err := p.shown(r)
	if err != nil {
		return nil, err
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return p.authenticateByAssertion(ctx, r, form)
	}
	sent, err := clientCredentials(r, form)
	if err != nil {
		return nil, err
	}
	c, err := p.knownClient(r, sent.id)
	switch {
	case err != nil:
		return nil, err
	case c.Public && sent.method == client.AuthNone:
		return relyingParty{c}, nil
	case c.Public:
		return nil, fosite.ErrInvalidClient.WithHint("A public client must not send a secret.")
	case c.ShowsCertificate() && sent.method == client.AuthNone:
		if err := p.authenticateByCertificate(ctx, r, c, chain); err != nil {
			return nil, err
		}
		return relyingParty{c}, nil
	case sent.method == client.AuthNone && c.AuthenticatesBy(client.AuthSecretPost):
		return nil, fosite.ErrInvalidClient.WithHint("The client secret is missing or wrong.")
	case !c.AuthenticatesBy(sent.method):
		return nil, notItsMethod(c, sent.method)
	}
	if err := p.checkSecret(ctx, c, sent.secrets, spelling.NetworkOf(r.RemoteAddr)); err != nil {
		return nil, err
	}
	return relyingParty{c}, nil
}

// knownClient returns the client that a request says it is of.
func (p *Provider) knownClient(r *http.Request, id string) (client.Client, error) {
	if err := p.refreshKnown(r, id); err != nil {
		return client.Client{}, err
	}
	c, err := p.clients.Client(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c, fosite.ErrInvalidClient.WithHint("The client is not known.")
	case err != nil:
		return c, storeFault{err}
	}
	return c, nil
}

func notItsMethod(c client.Client, method string) error {
	return fosite.ErrInvalidClient.WithHintf("The client is registered to authenticate by %s, and did so by %s.", c.AuthMethod(), method)
}

// checkSecret wants one of the secrets to be the client's.
func (p *Provider) checkSecret(ctx context.Context, c client.Client, secrets []string, network string) error {
	for _, secret := range secrets {
		switch ok, err := p.secrets.Check(ctx, c, p.now(), secret, network); {
		case err != nil:
			return storeFault{err}
		case ok:
			return nil
		}
	}
	return fosite.ErrInvalidClient.WithHint("The client secret is missing or wrong.")
}

// credentials are what a request says of its client without signing anything.
type credentials struct {
	id      string
	method  string   // one of client.AuthMethods
	secrets []string // the readings of the one that was sent
}

func clientCredentials(r *http.Request, form url.Values) (credentials, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return credentials{}, fosite.ErrInvalidRequest.WithHint("The Authorization header was sent twice.")
	}
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && form.Has("client_secret"):
		return credentials{}, fosite.ErrInvalidRequest.WithHint("The client authenticates in two ways at once.")
	case basic:
		return basicCredentials(id, secret, form.Get("client_id"))
	case r.Header.Get("Authorization") != "":
		return credentials{}, fosite.ErrInvalidClient.WithHint("The Authorization header is not HTTP Basic.")
	case form.Get("client_id") == "":
		return credentials{}, fosite.ErrInvalidClient.WithHint("The request says neither by HTTP Basic nor by client_id which client sends it.")
	case form.Get("client_secret") == "":
		return credentials{id: form.Get("client_id"), method: client.AuthNone}, nil
	}
	return credentials{form.Get("client_id"), client.AuthSecretPost, []string{form.Get("client_secret")}}, nil
}

// basicCredentials reads an id and a secret that are form-encoded inside the header (RFC 6749 section 2.3.1). Many clients send
// the secret as it is: then one with + or % in it has two readings.
func basicCredentials(id, secret, named string) (credentials, error) {
	if decoded, err := url.QueryUnescape(id); err == nil {
		id = decoded // no id is changed by this that is none already: it has neither + nor %
	}
	sent := credentials{id, client.AuthSecretBasic, []string{secret}}
	if decoded, err := url.QueryUnescape(secret); err == nil && decoded != secret {
		sent.secrets = []string{decoded, secret}
	}
	if named != "" && named != id {
		return sent, fosite.ErrInvalidRequest.WithHint("client_id is not the client of the Authorization header.")
	}
	if secret == "" {
		sent.method, sent.secrets = client.AuthNone, nil
	}
	return sent, nil
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
