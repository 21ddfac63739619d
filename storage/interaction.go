package storage

import (
	"context"
	"encoding/json"
	"time"

	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

func scanInteraction(r row) (*interaction.Interaction, error) {
	var data string
	var version int64
	if err := r.Scan(&data, &version); err != nil {
		return nil, err
	}
	ix := &interaction.Interaction{}
	err := json.Unmarshal([]byte(data), ix)
	ix.Version = version
	return ix, err
}

// Interaction returns the interaction, expired or not, or store.ErrNotFound.
func (s *Store) Interaction(ctx context.Context, id string) (*interaction.Interaction, error) {
	return one(ctx, s, scanInteraction, `SELECT data, version FROM interaction WHERE id = $1`, id)
}

// SaveInteraction inserts ix if its Version is 0, else updates the row of this Version, and raises
// it. store.ErrConflict if somebody else was faster.
func (s *Store) SaveInteraction(ctx context.Context, ix *interaction.Interaction) error {
	data, err := asText(ix)
	if err != nil {
		return err
	}
	query, missed := `UPDATE interaction SET data = $2, version = version + 1, expires_at = $3
		WHERE id = $1 AND version = $4`, store.ErrConflict
	if ix.Version == 0 { // it inserts, or fails by itself
		query, missed = `INSERT INTO interaction (id, data, expires_at, version) VALUES ($1, $2, $3, $4 + 1)`, nil
	}
	err = s.execApart(ctx, missed, query, ix.ID, data, micros(purgeable(ix)), ix.Version)
	if err != nil {
		return err
	}
	ix.Version++
	s.undo(ctx, func() { ix.Version-- })
	return nil
}

// purgeable is the end that Purge goes by. What only keeps an answer need not stay for a late page to tell of it.
func purgeable(ix *interaction.Interaction) time.Time {
	if len(ix.Answer) > 0 {
		return ix.Expires.Add(-tellExpired)
	}
	return ix.Expires
}

// DeleteInteraction removes the row of this version, or fails with store.ErrConflict.
func (s *Store) DeleteInteraction(ctx context.Context, id string, version int64) error {
	return s.exec(ctx, store.ErrConflict, `DELETE FROM interaction WHERE id = $1 AND version = $2`, id, version)
}
