package operator

import (
	"context"
	"maps"
	"slices"

	"vestibule/mfa"
)

// SecretKey is what is known of a secret key. Its id tells nothing about the key.
type SecretKey struct {
	ID     string
	State  string   // KeySeals, KeyOpens or KeyMissing
	Sealed []string // tables
}

// States of a SecretKey.
const (
	KeySeals   = "seals"   // the newest of the ring
	KeyOpens   = "opens"   // another of the ring
	KeyMissing = "missing" // the store holds what it has sealed, and the ring does not hold it
)

// SecretKeys returns the keys of the ring, newest first, and then those that the store knows and the ring does not.
func (o *Operator) SecretKeys(ctx context.Context) ([]SecretKey, error) {
	used, err := o.Sealed.KeyIDs(ctx)
	if err != nil {
		return nil, err
	}
	return secretKeys(o.Keys, used), nil
}

func secretKeys(keys *mfa.Keyring, used map[string][]string) []SecretKey {
	ids := keys.IDs()
	tables := slices.Sorted(maps.Keys(used))
	for _, table := range tables {
		ids = append(ids, keys.Missing(used[table])...)
	}
	var list []SecretKey
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		k := SecretKey{ID: id, State: KeyOpens, Sealed: []string{}}
		switch {
		case i == 0:
			k.State = KeySeals
		case len(keys.Missing([]string{id})) > 0:
			k.State = KeyMissing
		}
		for _, table := range tables {
			if slices.Contains(used[table], id) {
				k.Sealed = append(k.Sealed, table)
			}
		}
		list = append(list, k)
	}
	return list
}
