package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/clientauth"
	"vestibule/provider/keyset"
)

// newAuthenticator returns what finds out which client sends a request.
func (p *Provider) newAuthenticator(m MutualTLS) *clientauth.Authenticator {
	a := &clientauth.Authenticator{
		Clients: registrations{p}, Secrets: p.secrets, Assertions: p.store,
		Keys:   func(c client.Client) *keyset.Keys { return p.documentsOf(c).keys },
		Issuer: p.issuer,
		Endpoints: func(r *http.Request) []string {
			return append(p.addresses("/token"), p.addresses(strings.TrimPrefix(r.URL.Path, p.path))...)
		},
		Authority: m.Authority, Report: p.reportKey, Log: p.log, Now: p.now,
	}
	if m.On {
		a.Certificates = certificate.Of
	}
	return a
}

// readClient reads the form of a request, and finds out which client sends it.
func (p *Provider) readClient(w http.ResponseWriter, r *http.Request) (client.Client, error) {
	if err := parseForm(w, r); err != nil {
		return client.Client{}, err
	}
	c, _, err := p.authenticator.Client(r.Context(), r, r.PostForm)
	return c, clientFault(err)
}

// authenticateClient is what fosite asks for the client of a request to the token endpoint.
func (p *Provider) authenticateClient(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	c, evidence, err := p.authenticator.Client(ctx, r, form)
	if err != nil {
		return nil, clientFault(err)
	}
	unitOf(ctx).evidence = evidence
	return relyingParty{c}, nil
}

// authenticatesAgain reports whether whoever has sent the request is the client as it is registered now.
func (p *Provider) authenticatesAgain(ctx context.Context, c client.Client) (bool, error) {
	err := p.authenticator.Again(ctx, c, unitOf(ctx).evidence)
	if errors.As(err, new(*clientauth.Error)) {
		return false, nil
	}
	return err == nil, err
}

// shown returns the certificates that the client has shown, its own first; nil: it has shown none.
func (p *Provider) shown(r *http.Request) ([]*x509.Certificate, error) {
	chain, err := p.authenticator.Shown(r)
	return chain, clientFault(err)
}

// thumbprint is that of the client's own certificate; empty: it has shown none.
func thumbprint(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return ""
	}
	return certificate.Thumbprint(chain[0])
}

// clientFault tells what is wrong with a request, or with the document of its client, from what is ours.
func clientFault(err error) error {
	var wrong *clientauth.Error
	var document *client.DocumentFault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Code == clientauth.InvalidRequest:
		return fosite.ErrInvalidRequest.WithHint(wrong.Text)
	case errors.As(err, &wrong):
		return fosite.ErrInvalidClient.WithHint(wrong.Text)
	case errors.As(err, &document):
		return fosite.ErrInvalidClient.WithHint(document.Text)
	}
	return storeFault{err}
}

// registrations are the clients, each read anew where its document says so.
type registrations struct{ p *Provider }

// Known implements clientauth.Clients.
func (s registrations) Known(r *http.Request, id string) (client.Client, error) {
	if err := s.p.refreshKnown(r, id); err != nil {
		return client.Client{}, err
	}
	return s.p.clients.Client(r.Context(), id)
}

// keyFault tells what a client can mend, in the words of bad, from what is ours: too much to do, or somebody who has gone.
func keyFault(err error, bad func(error) error) error {
	if wrong := keyset.Explain(err); wrong != nil {
		return bad(wrong)
	}
	return storeFault{err}
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
