package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"sync"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

// Interaction is a sign-in under way: one validated authorization request and what has been
// proved for it so far. Until a password is right it lives, sealed, in the address of the pages
// (Version 0), so that strangers cannot fill the database; from then on it is a row.
type Interaction struct {
	ID         string    `json:"id"`
	Client     string    `json:"client"`
	Registered string    `json:"registered"` // the client's Registration
	ClientName string    `json:"client_name"`
	Decided    time.Time `json:"decided"`             // the client's Updated, as the pages know it
	TwoSteps   bool      `json:"two_steps,omitempty"` // the client's TwoSteps
	Scopes     []string  `json:"scopes,omitempty"`    // requested, and still registered for the client
	Redirect   string    `json:"redirect"`            // redirect_uri, to show its host
	Demand     Demand    `json:"demand"`
	Login      *Login    `json:"login,omitempty"` // nil until the password is right
	Consented  bool      `json:"consented,omitempty"`
	Browser    []byte    `json:"browser"` // SHA-256 of the cookie of the browser that began it
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	Version    int64     `json:"-"` // 0 until it is a row

	// JSON as it is: bytes would be base64 in base64, and would fill a third of an address with nothing.
	Request json.RawMessage `json:"request,omitempty"` // the frozen fosite request
	UI      json.RawMessage `json:"ui,omitempty"`      // what the pages remember; opaque here

	// Keep seals where the interaction ends, for the same form sent again; nil: nothing is kept, and the row goes.
	Keep   func(to string) ([]byte, error) `json:"-"`
	Answer []byte                          `json:"answer,omitempty"` // what Keep has made; the interaction has ended
}

// BeginOwn begins a sign-in for our own pages: no client asked for it, and it ends in End instead of Finish.
func (p *Provider) BeginOwn(d Demand) *Interaction {
	d.RequestedAt = p.now()
	return p.begin(d)
}

func (p *Provider) begin(d Demand) *Interaction {
	return &Interaction{ID: randomID(), Demand: d, Created: d.RequestedAt, Expires: d.RequestedAt.Add(p.lifetimes.Interaction)}
}

// Follow takes over what has changed of the client since: what it obliges its users to, and what it may ask for. A client
// that was registered anew under the same id is another one, and Finish refuses it.
func (ix *Interaction) Follow(c client.Client) {
	if ix.Registered != c.Registration || ix.Decided.Equal(c.Updated) {
		return
	}
	ix.Decided, ix.TwoSteps, ix.Scopes = c.Updated, c.TwoSteps, c.Permitted(ix.Scopes)
}

// Restart returns a new interaction of the same request, as if it had arrived now.
func (p *Provider) Restart(ix *Interaction) (*Interaction, error) {
	d := ix.Demand
	d.RequestedAt, d.Waived = p.now(), false
	fresh := p.begin(d)
	fresh.Client, fresh.ClientName, fresh.Scopes = ix.Client, ix.ClientName, ix.Scopes
	fresh.Registered, fresh.Decided = ix.Registered, ix.Decided
	fresh.TwoSteps, fresh.Redirect, fresh.Browser = ix.TwoSteps, ix.Redirect, ix.Browser
	if ix.Client == "" { // of our own pages: there is no request
		return fresh, nil
	}
	var err error
	fresh.Request, err = refreeze(ix.Request, d.RequestedAt)
	return fresh, err
}

// Save stores ix: from then on it is a row. ErrConflict reports that another request changed or ended it
// meanwhile, or made it a row already.
func (p *Provider) Save(ctx context.Context, ix *Interaction) error {
	p.rows.drop(ix.ID)
	return p.store.SaveInteraction(ctx, ix)
}

// Saved tells that the commit of a Save has succeeded, so that the page that comes next need not read the row. It is
// never wrong not to call it.
func (p *Provider) Saved(ix *Interaction) { p.rows.put(ix) }

// EndAt is End for an interaction that ends at an address of our own.
func (p *Provider) EndAt(ctx context.Context, ix *Interaction, to string, with ...func(ctx context.Context) error) error {
	if err := ix.keep(to); err != nil {
		return err
	}
	return p.End(ctx, ix, with...)
}

// End ends an interaction and runs with in the same commit. ErrConflict reports that it had ended.
func (p *Provider) End(ctx context.Context, ix *Interaction, with ...func(ctx context.Context) error) error {
	p.rows.drop(ix.ID)
	err := p.store.Atomic(ctx, func(ctx context.Context) error {
		if err := p.close(ctx, ix); err != nil {
			return err
		}
		for _, f := range with {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		ix.Answer = nil // it has not ended
	}
	return err
}

// close leaves the answer of an interaction in its place, or nothing.
func (p *Provider) close(ctx context.Context, ix *Interaction) error {
	switch {
	case len(ix.Answer) > 0:
		return p.store.SaveInteraction(ctx, ix.closed(p.now()))
	case ix.Version > 0:
		return p.store.DeleteInteraction(ctx, ix.ID, ix.Version)
	}
	return nil
}

// keep notes where the interaction ends.
func (ix *Interaction) keep(to string) (err error) {
	if ix.Keep != nil {
		ix.Answer, err = ix.Keep(to)
	}
	return err
}

// keepTime is how long the answer to a form is kept for the same form, sent again.
const keepTime = 10 * time.Second

// closed is what is kept of an interaction that has ended.
func (ix *Interaction) closed(now time.Time) *Interaction {
	return &Interaction{ID: ix.ID, Version: ix.Version, Client: ix.Client, ClientName: ix.ClientName, Answer: ix.Answer, Created: now, Expires: now.Add(keepTime)}
}

// Keep keeps an answer under a name for a moment. ErrConflict reports that there is one.
func (p *Provider) Keep(ctx context.Context, name, answer []byte) error {
	ix := &Interaction{ID: keptID(name), Answer: answer}
	return p.store.SaveInteraction(ctx, ix.closed(p.now()))
}

// Kept returns the answer that was kept under the name a moment ago, or ErrNotFound.
func (p *Provider) Kept(ctx context.Context, name []byte) ([]byte, error) {
	ix, err := p.store.Interaction(ctx, keptID(name))
	switch {
	case err != nil:
		return nil, err
	case len(ix.Answer) == 0 || !p.now().Before(ix.Expires):
		return nil, store.ErrNotFound
	}
	return ix.Answer, nil
}

// keptID is no id of a sign-in, which is random.
func keptID(name []byte) string { return base64.RawURLEncoding.EncodeToString(name[:16]) }

// readRows remembers interactions as they are in the store, because a page and the form on it come in turn. What was
// written is here only from its commit on: until then it may be taken back. That a row has moved on meanwhile, here
// or in another process, shows when it is saved.
type readRows struct {
	mu    sync.Mutex
	known map[string]Interaction
}

// readRowsSize bounds the memory; a row is about a kilobyte.
const readRowsSize = 4096

// get returns a copy of the row if it is remembered at that version or a later one.
func (r *readRows) get(id string, version int64) *Interaction {
	r.mu.Lock()
	defer r.mu.Unlock()
	ix, ok := r.known[id]
	if !ok || ix.Version < version {
		return nil
	}
	ix.Login = ix.Login.Clone()
	return &ix
}

func (r *readRows) put(ix *Interaction) {
	row := *ix
	row.Login = ix.Login.Clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= readRowsSize {
		r.known = map[string]Interaction{}
	}
	r.known[ix.ID] = row
}

func (r *readRows) drop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}
