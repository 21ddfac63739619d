package provider

import (
	"context"
	"encoding/base64"
	"time"

	"vestibule/provider/store"
)

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
