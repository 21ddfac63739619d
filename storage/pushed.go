package storage

import (
	"context"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/pushed"
	"vestibule/provider/store"
)

// PushRequest inserts a request that a client has pushed; store.ErrConflict if there is one of that signature.
func (s *Store) PushRequest(ctx context.Context, r pushed.Request) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO pushed_request (signature, client, registration, data, expires_at)
		VALUES ($1, $2, $3, $4, $5)`, r.Signature, r.Client, r.Registration, r.Data, micros(r.Expires))
}

// TakeRequest removes a pushed request and returns its data, whatever becomes of the caller. store.ErrNotFound if it was taken
// before, is over, or was not pushed by that registration of the client: then it stays as it is.
func (s *Store) TakeRequest(ctx context.Context, signature string, of client.Client, now time.Time) ([]byte, error) {
	scan := func(r row) (data []byte, err error) {
		err = r.Scan(&data)
		return data, err
	}
	return one(ctx, s, scan, `DELETE FROM pushed_request
		WHERE signature = $1 AND client = $2 AND registration = $3 AND expires_at > $4 RETURNING data`,
		signature, of.ID, of.Registration, micros(now))
}
