package server

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"vestibule/mfa"
	"vestibule/storage"
)

// OpenDatabase opens a database at the schema of this program, with storage.Open or storage.OpenPatient. It migrates a
// SQLite file by itself: that has one owner. A shared database is migrated by hand, because other processes may still run
// the old program on it.
func OpenDatabase(ctx context.Context, open func(ctx context.Context, address string) (*storage.Store, error), address string) (*storage.Store, error) {
	db, err := open(ctx, address)
	if err != nil {
		return nil, err
	}
	err = db.CheckSchema(ctx)
	if errors.Is(err, storage.ErrSchemaOld) && strings.HasPrefix(address, "sqlite:") {
		err = db.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// CheckKeys refuses a database that holds what a key has sealed that is not in the ring, and names the key. Its error is
// then mfa.ErrUnknownKey.
func CheckKeys(ctx context.Context, db *storage.Store, keys *mfa.Keyring) error {
	ids, err := db.KeyIDs(ctx)
	if err != nil {
		return err
	}
	var missing []string
	for _, table := range slices.Sorted(maps.Keys(ids)) {
		if unknown := keys.Missing(ids[table]); len(unknown) > 0 {
			missing = append(missing, strings.Join(unknown, ", ")+" (table "+table+")")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &missingKeys{strings.Join(missing, "; ")}
}

// missingKeys says what to do about keys that the settings lack.
type missingKeys struct{ list string }

func (e *missingKeys) Error() string {
	return "the database holds secrets sealed with keys that are not in secret_keys: " + e.list +
		". Put them back into secret_keys, behind the newest one; `vestibule secret-key list` names the keys of the settings"
}

func (e *missingKeys) Unwrap() error { return mfa.ErrUnknownKey }
