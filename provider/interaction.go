package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/spelling"
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

// sealedPrefix begins the flow of an interaction that is not a row.
const sealedPrefix = "r."

// IsSealed reports whether a flow looks like one that holds a whole interaction.
func IsSealed(flow string) bool { return strings.HasPrefix(flow, sealedPrefix) }

// IsRow reports whether a flow looks like one that names a row.
func IsRow(flow string) bool {
	_, _, ok := parseRow(flow)
	return ok
}

// parseRow returns the id of a row and the version that is asked for, 0 for any.
func parseRow(flow string) (id string, version int64, ok bool) {
	id, text, versioned := strings.Cut(flow, ".")
	if versioned {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || strconv.FormatInt(n, 10) != text { // +1 and 01 are not what Flow writes
			return "", 0, false
		}
		version = n
	}
	return id, version, spelling.IsOpaque(id, idSize)
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

// Flow returns the value of the parameter flow in the addresses of the pages: the id and version of the row, or the
// whole interaction, sealed, while it is none.
func (p *Provider) Flow(ix *Interaction) (string, error) {
	if ix.Version > 0 {
		return ix.ID + "." + strconv.FormatInt(ix.Version, 10), nil
	}
	data, err := deflate(ix)
	if err != nil {
		return "", fmt.Errorf("flow: %w", err)
	}
	keyID, sealed, err := p.sealer.Seal(data, "interaction")
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
func (p *Provider) Resume(ctx context.Context, flow string) (*Interaction, error) {
	ix, err := p.resume(ctx, flow)
	if err != nil {
		return nil, err
	}
	if len(ix.Answer) > 0 {
		if !p.now().Before(ix.Expires) {
			ix = nil
		}
		return ix, store.ErrNotFound
	}
	if !p.now().Before(ix.Expires) {
		return ix, ErrExpired
	}
	return ix, nil
}

func (p *Provider) resume(ctx context.Context, flow string) (*Interaction, error) {
	rest, sealed := strings.CutPrefix(flow, sealedPrefix)
	if !sealed {
		return p.row(ctx, flow)
	}
	keyID, text, _ := strings.Cut(rest, ".")
	data, err := spelling.DecodeOpaque(text)
	if err != nil {
		return nil, store.ErrNotFound
	}
	data, err = p.sealer.Open(keyID, data, "interaction")
	if err != nil { // altered, or sealed with a key that is gone
		return nil, store.ErrNotFound
	}
	ix := new(Interaction)
	if err := inflate(data, ix); err != nil {
		return nil, fmt.Errorf("flow: %w", err)
	}
	if ix.Login != nil || ix.Version != 0 || ix.Answer != nil { // none of ours is sealed so
		return nil, store.ErrNotFound
	}
	return ix, nil
}

func (p *Provider) row(ctx context.Context, flow string) (*Interaction, error) {
	id, version, ok := parseRow(flow)
	if !ok {
		return nil, store.ErrNotFound
	}
	if version > 0 {
		if ix := p.rows.get(id, version); ix != nil {
			return ix, nil
		}
	}
	ix, err := p.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(ix.Answer) == 0 {
		p.rows.put(ix)
	}
	return ix, nil
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
