package interaction

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// Flows keeps the sign-ins under way: it begins them, gives each a value to travel with, and ends them. It knows nothing
// of the protocol that asked for them, so that pages can serve a program that is no Provider.
type Flows struct {
	store    Store
	sealer   Sealer
	lifetime time.Duration
	now      func() time.Time
	rows     readRows
}

// DefaultLifetime is how long a sign-in may take.
const DefaultLifetime = time.Hour

// NewFlows returns Flows of sign-ins that have so long from the request to the answer; 0: DefaultLifetime. now is nil for time.Now.
func NewFlows(s Store, sealer Sealer, lifetime time.Duration, now func() time.Time) *Flows {
	if lifetime == 0 {
		lifetime = DefaultLifetime
	}
	if now == nil {
		now = time.Now
	}
	return &Flows{store: s, sealer: sealer, lifetime: lifetime, now: now}
}

// Begin begins a sign-in. A demand without a time is of now.
func (f *Flows) Begin(d assurance.Demand) *Interaction {
	if d.RequestedAt.IsZero() {
		d.RequestedAt = f.now()
	}
	return &Interaction{ID: spelling.RandomID(), Demand: d, Created: d.RequestedAt, Expires: d.RequestedAt.Add(f.lifetime)}
}

// Flow returns the value of the parameter flow in the addresses of the pages: the id and version of the row, or the
// whole interaction, sealed, while it is none.
func (f *Flows) Flow(ix *Interaction) (string, error) {
	if ix.Version > 0 {
		return ix.ID + "." + strconv.FormatInt(ix.Version, 10), nil
	}
	data, err := pack(ix.inAddress())
	if err != nil {
		return "", fmt.Errorf("flow: %w", err)
	}
	keyID, sealed, err := f.sealer.Seal(data, "interaction")
	if err != nil {
		return "", fmt.Errorf("flow: %w", err)
	}
	return sealedPrefix + keyID + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Resume returns the interaction of a flow, or of the bare id of a row. The version in a flow is the least that will
// do: a row that was read before may serve again, and a form that is sent for an older version than the row has by then
// fails with ErrConflict. A bare id always asks the store. ErrNotFound reports one that never was, was altered or has
// ended; it comes together with an interaction that has ended a moment ago and has an Answer. ErrExpired comes together
// with the interaction, so that it can be begun anew.
func (f *Flows) Resume(ctx context.Context, flow string) (*Interaction, error) {
	ix, err := f.resume(ctx, flow)
	if err != nil {
		return nil, err
	}
	if len(ix.Answer) > 0 {
		if !f.now().Before(ix.Expires) {
			ix = nil
		}
		return ix, store.ErrNotFound
	}
	if !f.now().Before(ix.Expires) {
		return ix, ErrExpired
	}
	return ix, nil
}

func (f *Flows) resume(ctx context.Context, flow string) (*Interaction, error) {
	rest, sealed := strings.CutPrefix(flow, sealedPrefix)
	if !sealed {
		return f.row(ctx, flow)
	}
	keyID, text, _ := strings.Cut(rest, ".")
	data, err := spelling.DecodeOpaque(text)
	if err != nil {
		return nil, store.ErrNotFound
	}
	data, err = f.sealer.Open(keyID, data, "interaction")
	if err != nil { // altered, or sealed with a key that is gone
		return nil, store.ErrNotFound
	}
	ix := new(Interaction)
	if err := unpack(data, ix); err != nil {
		return nil, fmt.Errorf("flow: %w", err)
	}
	if ix.Login != nil || ix.Version != 0 || ix.Answer != nil { // none of ours is sealed so
		return nil, store.ErrNotFound
	}
	return ix, nil
}

func (f *Flows) row(ctx context.Context, flow string) (*Interaction, error) {
	id, version, ok := parseRow(flow)
	if !ok {
		return nil, store.ErrNotFound
	}
	if version > 0 {
		if ix := f.rows.get(id, version); ix != nil {
			return ix, nil
		}
	}
	ix, err := f.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(ix.Answer) == 0 {
		f.rows.put(ix)
	}
	return ix, nil
}

// Restart returns a new interaction of the same request, as if it had arrived now.
func (f *Flows) Restart(ix *Interaction) *Interaction {
	d := ix.Demand
	d.RequestedAt = f.now()
	fresh := f.Begin(d)
	fresh.Client, fresh.ClientName, fresh.Scopes, fresh.Claims, fresh.Request, fresh.Brief = ix.Client, ix.ClientName, ix.Scopes, ix.Claims, ix.Request, ix.Brief
	fresh.Long = ix.Long
	fresh.Registered, fresh.Decided, fresh.Strange, fresh.Device, fresh.API, fresh.APIRegistered = ix.Registered, ix.Decided, ix.Strange, ix.Device, ix.API, ix.APIRegistered
	fresh.TwoSteps, fresh.FirstParty, fresh.Redirect, fresh.Browser = ix.TwoSteps, ix.FirstParty, ix.Redirect, ix.Browser
	return fresh
}

// Another returns an interaction of the same request and with the same login, under an id of its own, that is no row.
func (f *Flows) Another(ix *Interaction) *Interaction {
	another := *ix
	another.ID, another.Version, another.Answer, another.Keep = spelling.RandomID(), 0, nil, nil
	return &another
}

// Save stores ix: from then on it is a row. ErrConflict reports that another request changed or ended it
// meanwhile, or made it a row already.
func (f *Flows) Save(ctx context.Context, ix *Interaction) error {
	f.rows.drop(ix.ID)
	return f.store.SaveInteraction(ctx, ix)
}

// Saved tells that the commit of a Save has succeeded, so that the page that comes next need not read the row. It is
// never wrong not to call it.
func (f *Flows) Saved(ix *Interaction) { f.rows.put(ix) }

// EndAt is End for an interaction that ends at an address of our own.
func (f *Flows) EndAt(ctx context.Context, ix *Interaction, to string, with ...func(ctx context.Context) error) error {
	if err := ix.keep(to); err != nil {
		return err
	}
	return f.End(ctx, ix, with...)
}

// End ends an interaction and runs with in the same commit. ErrConflict reports that it had ended.
func (f *Flows) End(ctx context.Context, ix *Interaction, with ...func(ctx context.Context) error) error {
	f.rows.drop(ix.ID)
	err := f.store.Atomic(ctx, func(ctx context.Context) error {
		if err := f.close(ctx, ix); err != nil {
			return err
		}
		for _, do := range with {
			if err := do(ctx); err != nil {
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
func (f *Flows) close(ctx context.Context, ix *Interaction) error {
	switch {
	case len(ix.Answer) > 0:
		return f.store.SaveInteraction(ctx, ix.closed(f.now()))
	case ix.Version > 0:
		return f.store.DeleteInteraction(ctx, ix.ID, ix.Version)
	}
	return nil
}

// keepTime is how long the answer to a form is kept for the same form, sent again.
const keepTime = 10 * time.Second

// closed is what is kept of an interaction that has ended.
func (ix *Interaction) closed(now time.Time) *Interaction {
	return &Interaction{ID: ix.ID, Version: ix.Version, Client: ix.Client, ClientName: ix.ClientName, Answer: ix.Answer, Created: now, Expires: now.Add(keepTime)}
}

// Keep keeps an answer under a name for a moment. ErrConflict reports that there is one.
func (f *Flows) Keep(ctx context.Context, name, answer []byte) error {
	ix := &Interaction{ID: keptID(name), Answer: answer}
	return f.store.SaveInteraction(ctx, ix.closed(f.now()))
}

// Kept returns the answer that was kept under the name a moment ago, or ErrNotFound.
func (f *Flows) Kept(ctx context.Context, name []byte) ([]byte, error) {
	ix, err := f.store.Interaction(ctx, keptID(name))
	switch {
	case err != nil:
		return nil, err
	case len(ix.Answer) == 0 || !f.now().Before(ix.Expires):
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
	row.Login, row.Reloadable = ix.Login.Clone(), false
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
