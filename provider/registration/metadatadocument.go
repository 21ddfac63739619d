package registration

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/fetch"
	"vestibule/provider/operator"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

const (
	maxMetadataDocument = 16 << 10 // bytes
	asksPerMinute       = 30       // of one network, for documents of clients that are not known yet
	askers              = 1 << 16  // networks that are counted
)

// Documents keeps up to date the clients whose id is the address of what they register (Client ID Metadata Documents,
// draft-ietf-oauth-client-id-metadata-document). Use NewDocuments.
type Documents struct {
	endpoint *Endpoint
	hosts    []string
	cache    *fetch.Cache[document]
	now      func() time.Time

	mu    sync.Mutex
	began time.Time
	asked map[string]int // by network
}

// DocumentsConfig is what Documents are made of.
type DocumentsConfig struct {
	Config
	Hosts   []string         // whose documents count: names, or *.example.com for all below one; nil: any host's
	Fetcher *fetch.Fetcher   // which follows no redirect, and asks no private network
	Now     func() time.Time // the time
	Log     *slog.Logger
}

// NewDocuments returns Documents.
func NewDocuments(c DocumentsConfig) *Documents {
	d := &Documents{endpoint: New(c.Config), hosts: c.Hosts, now: c.Now}
	methods := &d.endpoint.Policy.AuthMethods
	*methods = slices.DeleteFunc(slices.Clone(*methods), func(method string) bool { return method != client.AuthNone && method != client.AuthPrivateKey })
	d.cache = &fetch.Cache[document]{Fetcher: c.Fetcher, Accept: "application/json", Now: c.Now, Parse: parseMetadata, Failed: func(address string, err error) {
		c.Log.Warn("the metadata document of a client cannot be fetched", "client_id", address, "error", err)
	}}
	return d
}

// parseMetadata reads what was fetched.
func parseMetadata(d fetch.Document) (document, error) {
	kind, _, err := mime.ParseMediaType(d.Type)
	switch {
	case err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return document{}, errors.New("it is no application/json")
	case len(d.Body) > maxMetadataDocument:
		return document{}, errors.New("it has more than 16 KiB")
	}
	return readDocument(d.Body)
}

// Refresh has the client be registered as its document says, if its id is the address of one: it is fetched unless a copy is
// fresh, once for all who ask, outside of any transaction. changed: whoever has read the client before reads it anew. Errors:
// *client.DocumentFault, fetch.ErrBusy, or a fault of ours.
func (d *Documents) Refresh(r *http.Request, id string) (changed bool, err error) {
	if !client.IsAddress(id) {
		return false, nil
	}
	if err := d.allowed(id); err != nil {
		return false, err
	}
	before, err := d.endpoint.Operator.Clients.Client(r.Context(), id)
	known := err == nil
	switch network := spelling.NetworkOf(r.RemoteAddr); {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return false, err
	case !known && !d.mayAsk(network):
		return false, &client.DocumentFault{Text: "Too many new apps were named from this network. Try again in a minute."}
	case !known:
		before = client.Client{ID: id, RegisteredBy: client.ByDocument, Audiences: d.endpoint.Policy.Audiences}
	}
	c, err := d.published(r.Context(), id, before)
	if err != nil {
		return false, err
	}
	return d.keep(r, before, c, known)
}

// allowed refuses what is no address of a document, or of one that does not count.
func (d *Documents) allowed(id string) error {
	if err := client.CheckAddress(id); err != nil {
		return &client.DocumentFault{Text: "The client_id: " + err.Error() + "."}
	}
	u, err := url.Parse(id)
	if err != nil || d.hosts != nil && !slices.ContainsFunc(d.hosts, func(name string) bool { return IsHost(name, u.Hostname()) }) {
		return &client.DocumentFault{Text: "Apps of the host of the client_id are not known here. Whoever runs the server can allow it, or register the app."}
	}
	return nil
}

// mayAsk counts a document that nobody may have asked for before. It counts for one process.
func (d *Documents) mayAsk(network string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); d.asked == nil || now.Sub(d.began) >= time.Minute || len(d.asked) >= askers {
		d.began, d.asked = now, map[string]int{}
	}
	d.asked[network]++
	return d.asked[network] <= asksPerMinute
}

// published is the client that its document makes of it.
func (d *Documents) published(ctx context.Context, id string, before client.Client) (client.Client, error) {
	said, err := d.cache.Get(ctx, id)
	switch {
	case errors.Is(err, fetch.ErrBusy), errors.Is(err, context.Canceled):
		return before, err
	case err != nil: // the log has it: who asks is told nothing of what is where
		return before, &client.DocumentFault{Text: "The metadata document at the client_id cannot be fetched, or is no JSON object of at most 16 KiB."}
	case said.id != id:
		return before, &client.DocumentFault{Text: "The metadata document at the client_id must have that client_id, character for character."}
	case said.secret != "" || len(said.server) > 0:
		return before, &client.DocumentFault{Text: "The metadata document at the client_id must not have a secret, nor what only a server says: " + strings.Join(append(said.server, "client_secret"), ", ") + "."}
	}
	c, err := d.endpoint.wanted(said.orPublic(), before)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return c, &client.DocumentFault{Text: "The metadata document at the client_id is not accepted: " + refused.description}
	}
	return c, err
}

// orPublic is the document of a client that authenticates by none unless it says otherwise: it cannot have a secret.
func (d document) orPublic() document {
	if d.said["token_endpoint_auth_method"] != nil {
		return d
	}
	more := document{said: map[string]json.RawMessage{"token_endpoint_auth_method": json.RawMessage(`"none"`)}}
	for name, value := range d.said {
		more.said[name] = value
	}
	return more
}

// keep commits what the document has changed. Whoever does so at the same moment has read the same.
func (d *Documents) keep(r *http.Request, before, c client.Client, known bool) (changed bool, err error) {
	o, address := d.endpoint.Operator, spelling.HostOf(r.RemoteAddr)
	if known {
		var differ []string
		if differ, err = client.Differences(before, c); err == nil && len(differ) > 0 {
			_, err = o.ChangeItself(r.Context(), before, c, address)
		}
		changed = len(differ) > 0
	} else {
		err = o.RegisterDocument(r.Context(), operator.SelfRegistration{
			Client: c, Network: spelling.NetworkOf(r.RemoteAddr), Address: address, Limits: d.endpoint.Policy.limits(),
		})
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return true, nil
	case errors.Is(err, client.ErrSector):
		return false, &client.DocumentFault{Text: "The metadata document at the client_id is not accepted: " + err.Error() + "."}
	case errors.Is(err, operator.ErrManyRegistrations), errors.Is(err, operator.ErrFull):
		return false, &client.DocumentFault{Text: "As many new apps have come as may. Try again in an hour, or ask whoever runs the server."}
	}
	return changed, err
}
