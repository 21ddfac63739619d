package provider

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/client"
	"vestibule/provider/fetch"
	"vestibule/provider/keyset"
	"vestibule/provider/logo"
)

// documents are what clients keep at addresses that they name.
type documents struct {
	fetcher        *fetch.Fetcher
	keys           *keyset.Keys
	requestObjects *fetch.Cache[[]byte]
	logos          *fetch.Cache[logo.Image]
}

func (p *Provider) newDocuments(c fetch.Config) documents {
	d := documents{fetcher: fetch.New(c)}
	d.keys = keyset.New(d.fetcher, p.now, func(uri string, err error) {
		p.log.Warn("the keys of a client cannot be fetched", "jwks_uri", uri, "error", err)
	})
	d.requestObjects = &fetch.Cache[[]byte]{Fetcher: d.fetcher, Accept: requestObjectTypes, Now: p.now,
		Parse: func(d fetch.Document) ([]byte, error) { return d.Body, nil }}
	// By a fetcher of their own: any browser may ask for a logo, and must not keep keys waiting.
	d.logos = &fetch.Cache[logo.Image]{Fetcher: fetch.New(c), Accept: logo.Accept, Now: p.now,
		Parse: func(d fetch.Document) (logo.Image, error) { return logo.Parse(d.Body) },
		Failed: func(uri string, err error) {
			p.log.Warn("the logo of a client cannot be fetched", "logo_uri", uri, "error", err)
		}}
	return d
}

// Logo returns the picture at the client's logo_uri. An error says why there is none to be had.
func (p *Provider) Logo(ctx context.Context, c client.Client) (logo.Image, error) {
	return p.documentsOf(c).logos.Get(ctx, c.LogoURI)
}

// documentsOf are those of a client. What strangers name is fetched beside what others do: nobody waits behind them, and no
// private network is asked for them.
func (p *Provider) documentsOf(c client.Client) documents {
	if c.IsStrange() {
		return p.strange
	}
	return p.documents
}

// ClientDocuments keep up to date the clients whose ids are addresses of what they register: *registration.Documents do.
type ClientDocuments interface {
	// Refresh is called before a client is read that a request names. changed: what was read before is not true any more.
	// Errors: *client.DocumentFault, which is the client's, or ours.
	Refresh(r *http.Request, id string) (changed bool, err error)
}

// refresh has the client that a request names be what its document says, if it has one. Errors are those of ClientDocuments.
func (p *Provider) refresh(r *http.Request, id string) error {
	if p.published == nil {
		return nil
	}
	changed, err := p.published.Refresh(r, id)
	if changed {
		p.clients.Forget(id)
	}
	return err
}

// refreshKnown is refresh for a client that has been given something: that goes on while its document cannot be had.
func (p *Provider) refreshKnown(r *http.Request, id string) error {
	err := p.refresh(r, id)
	if wrong := (*client.DocumentFault)(nil); !errors.As(err, &wrong) {
		return err
	}
	if _, unknown := p.clients.Client(r.Context(), id); unknown != nil {
		return err
	}
	return nil
}
