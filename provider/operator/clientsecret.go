package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// MaxOverlap is how long two secrets of a relying party may be good at once.
const MaxOverlap = 90 * 24 * time.Hour

// RotatedSecret is what came of RotateSecret.
type RotatedSecret struct {
	client.Client
	Secret string // the only time that anybody sees one that was made
	Had    bool   // it is the secret that the client had already, and stays so
}

// RotateSecret gives a relying party another secret; empty: one is made. The one before is as good for overlap more, beside
// those of earlier that are good still, client.MaxPreviousSecrets in all; 0: they all end at once. A secret that the client has
// already changes nothing but that, so that whoever has lost the answer may ask again. store.ErrNotFound if there is no such
// client; store.ErrConflict if somebody else changes or removes it at the same moment.
func (o *Operator) RotateSecret(ctx context.Context, id, secret string, overlap time.Duration) (RotatedSecret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return RotatedSecret{}, invalid(bad("overlap", fmt.Errorf("it should be from 0 to %s", MaxOverlap)))
	}
	before, err := o.Clients.Client(ctx, id)
	switch {
	case err != nil:
		return RotatedSecret{}, err
	case before.SecretHash == "":
		return RotatedSecret{}, invalid(errors.New("the client has no secret: it is public, or proves who it is by a key"))
	}
	done := RotatedSecret{Client: before, Secret: secret}
	if done.Had, err = o.has(ctx, before, secret); err != nil {
		return done, err
	}
	if !done.Had {
		if done.Secret, done.SecretHash, err = o.secret(ctx, secret); err != nil {
			return done, err
		}
	}
	if done.PreviousSecrets, err = o.previousSecrets(before, done.SecretHash, overlap); err != nil {
		return done, err
	}
	if done.Had && len(done.PreviousSecrets) == len(before.GoodPreviousSecrets(o.now())) {
		done.Client = before
		return done, nil
	}
	e := audit.Event{Kind: audit.EventAdminSecretRotated, Client: id, Detail: map[string]string{"overlap": overlap.String()}}
	done.Client, err = o.replaceClient(ctx, before, done.Client, e)
	return done, err
}

// has reports whether the client has that secret now; an empty one is none.
func (o *Operator) has(ctx context.Context, c client.Client, secret string) (bool, error) {
	if secret == "" || c.SecretHash == "" {
		return false, nil
	}
	return client.Matches(ctx, o.hasher(), c.SecretHash, secret)
}

// previousSecrets are those that are good beside the one with that hash, the newest first.
func (o *Operator) previousSecrets(before client.Client, hash string, overlap time.Duration) ([]client.PreviousSecret, error) {
	if overlap == 0 {
		return nil, nil
	}
	good := before.GoodPreviousSecrets(o.now())
	if hash == before.SecretHash {
		return good, nil
	}
	good = append([]client.PreviousSecret{{Hash: before.SecretHash, Ends: o.now().Add(overlap).UTC()}}, good...)
	good = slices.DeleteFunc(good, func(p client.PreviousSecret) bool { return p.Hash == hash })
	if len(good) <= client.MaxPreviousSecrets {
		return good, nil
	}
	first := slices.MinFunc(good[1:], func(a, b client.PreviousSecret) int { return a.Ends.Compare(b.Ends) }).Ends
	return nil, invalid(bad("overlap", fmt.Errorf("%d earlier secrets are good still, one of them until %s: wait until then, or end them all, and the present one, with 0",
		client.MaxPreviousSecrets, first.UTC().Format(time.DateTime+" UTC"))))
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
