package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// MaxOverlap is how long two secrets of a relying party may be good at once.
const MaxOverlap = 90 * 24 * time.Hour

// RotateSecret gives a relying party another secret and returns it, the only time that anybody sees one that was made: secret
// empty. The one before is as good for overlap more; 0: it ends at once, and so does one before that in any case.
// store.ErrNotFound if there is no such client; store.ErrConflict if somebody else changes or removes it at the same moment.
func (o *Operator) RotateSecret(ctx context.Context, id, secret string, overlap time.Duration) (c client.Client, fresh string, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return c, "", invalid(bad("overlap", fmt.Errorf("it should be from 0 to %s", MaxOverlap)))
	}
	before, err := o.Clients.Client(ctx, id)
	switch {
	case err != nil:
		return before, "", err
	case before.SecretHash == "":
		return before, "", invalid(errors.New("the client has no secret: it is public, or proves who it is by a key"))
	}
	c = before
	if secret, c.SecretHash, err = o.secret(ctx, secret); err != nil {
		return before, "", err
	}
	c.PreviousSecretHash, c.PreviousSecretEnds = "", time.Time{}
	if overlap > 0 {
		c.PreviousSecretHash, c.PreviousSecretEnds = before.SecretHash, o.now().Add(overlap)
	}
	e := audit.Event{Kind: audit.EventAdminSecretRotated, Client: id, Detail: map[string]string{"overlap": overlap.String()}}
	c, err = o.replaceClient(ctx, before, c, e)
	return c, secret, err
}

// secret returns a secret and its hash; empty: it makes one.
func (o *Operator) secret(ctx context.Context, secret string) (_, hash string, err error) {
	if secret == "" {
		secret, hash = client.NewSecret()
		return secret, hash, nil
	}
	hash, err = client.HashSecret(ctx, o.hasher(), secret)
	return secret, hash, err
}
