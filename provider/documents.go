package provider

import (
	"vestibule/provider/client"
	"vestibule/provider/fetch"
	"vestibule/provider/keyset"
)

// documents are what clients keep at addresses that they name.
type documents struct {
	fetcher        *fetch.Fetcher
	keys           *keyset.Keys
	requestObjects *fetch.Cache[[]byte]
}

func (p *Provider) newDocuments(c fetch.Config) documents {
	d := documents{fetcher: fetch.New(c)}
	d.keys = keyset.New(d.fetcher, p.now, func(uri string, err error) {
		p.log.Warn("the keys of a client cannot be fetched", "jwks_uri", uri, "error", err)
	})
	d.requestObjects = &fetch.Cache[[]byte]{Fetcher: d.fetcher, Accept: requestObjectTypes, Now: p.now,
		Parse: func(d fetch.Document) ([]byte, error) { return d.Body, nil }}
	return d
}

// documentsOf are those of a client. What strangers name is fetched beside what others do: nobody waits behind them, and no
// private network is asked for them.
func (p *Provider) documentsOf(c client.Client) documents {
	if c.IsStrange() {
		return p.strange
	}
	return p.documents
}
