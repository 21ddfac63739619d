package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/jwks"
	"vestibule/provider/store"
)

// SigningKeys returns the keys that sign tokens, those of an algorithm by their numbers, with what each is for now.
func (o *Operator) SigningKeys(ctx context.Context) ([]jwks.Term, error) {
	rows, err := o.Signing.SigningKeys(ctx)
	return jwks.Terms(rows, o.now()), err
}

// ErrNoSigningKey reports that no key signs that another could take the place of: no server has started yet.
var ErrNoSigningKey = errors.New("there are no signing keys yet: the first server that starts makes them")

// RotateSigningKeys has other keys take the place of those that sign, some time from now: at least jwks.MinAnnounce. It
// makes them, or brings those forward that are there already and would sign later. No algorithms are all of them. It needs
// the Keys, and returns the keys that will sign. ErrNoSigningKey if there is none to take the place of;
// store.ErrConflict if somebody else has made one at the same moment.
func (o *Operator) RotateSigningKeys(ctx context.Context, algorithms []string, in time.Duration) ([]jwks.Term, error) {
	if err := checkRotation(algorithms, in); err != nil {
		return nil, err
	}
	terms, err := o.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	signing := slices.DeleteFunc(slices.Clone(terms), func(t jwks.Term) bool {
		return t.State != jwks.StateSigning || len(algorithms) > 0 && !slices.Contains(algorithms, t.Algorithm)
	})
	if len(signing) == 0 {
		return nil, ErrNoSigningKey
	}
	var next []jwks.Term
	err = o.Atomic(ctx, func(ctx context.Context) error {
		next = nil // the commit may be tried again
		for _, t := range signing {
			fresh, err := o.succeed(ctx, terms, t, o.now().Add(in))
			if err != nil {
				return err
			}
			next = append(next, jwks.Term{SealedKey: fresh, State: jwks.StateNext})
		}
		return nil
	})
	return next, err
}

func checkRotation(algorithms []string, in time.Duration) error {
	var faults []error
	for _, name := range algorithms {
		if !slices.Contains(jwks.Algorithms, name) {
			faults = append(faults, bad("alg", fmt.Errorf("%q is none of %s", name, strings.Join(jwks.Algorithms, ", "))))
		}
	}
	if in < jwks.MinAnnounce {
		faults = append(faults, bad("in", fmt.Errorf("servers need %v to publish a key before it signs", jwks.MinAnnounce)))
	}
	return invalid(faults...)
}

// succeed has the key after t sign from that time on at the latest. It makes that key if there is none.
func (o *Operator) succeed(ctx context.Context, terms []jwks.Term, t jwks.Term, signs time.Time) (jwks.SealedKey, error) {
	i := slices.IndexFunc(terms, func(other jwks.Term) bool {
		return other.Algorithm == t.Algorithm && other.Number > t.Number && other.State != jwks.StateRetired
	})
	if i < 0 {
		fresh, err := jwks.NewKey(t.Algorithm, jwks.NextNumber(terms, t.Algorithm), signs, o.Keys, o.now())
		if err != nil {
			return fresh, err
		}
		return fresh, o.recordWith(ctx, audit.EventSigningKeyMade, fresh, func() error { return o.Signing.AddSigningKey(ctx, fresh) })
	}
	next := terms[i].SealedKey
	if !next.Signs.After(signs) {
		return next, nil
	}
	next.Signs = signs
	return next, o.recordWith(ctx, audit.EventSigningKeyAdvanced, next, func() error { return o.Signing.AdvanceSigningKey(ctx, next.ID, signs) })
}

// RetireSigningKey takes a key away at once: it is not published any more, and whoever asks for the keys refuses what it
// has signed. That is for a key that somebody else may have; others go by themselves. If it signs, another does from now on,
// which is returned. It needs the Keys. store.ErrNotFound if there is no such key, store.ErrConflict if somebody else has
// changed it or its successor at the same moment.
func (o *Operator) RetireSigningKey(ctx context.Context, id string) (successor *jwks.SealedKey, err error) {
	terms, err := o.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(terms, func(t jwks.Term) bool { return t.ID == id && t.State != jwks.StateRetired })
	if i < 0 {
		return nil, store.ErrNotFound
	}
	err = o.Atomic(ctx, func(ctx context.Context) error {
		if terms[i].State == jwks.StateSigning {
			next, err := o.succeed(ctx, terms, terms[i], o.now())
			if err != nil {
				return err
			}
			successor = &next
		}
		return o.recordWith(ctx, audit.EventSigningKeyRemoved, terms[i].SealedKey, func() error { return o.Signing.RetireSigningKey(ctx, terms[i].SealedKey, o.now()) })
	})
	return successor, err
}

// recordWith does something to a key, and records it.
func (o *Operator) recordWith(ctx context.Context, kind string, key jwks.SealedKey, do func() error) error {
	return errors.Join(do(), o.record(ctx, audit.Event{Kind: kind, Detail: key.Detail()}))
}
