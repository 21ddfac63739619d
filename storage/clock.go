package storage

import (
	"context"
	"time"
)

// Now asks the database what time it is. The answer is as old as the way back from it.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	return one(ctx, s, func(r row) (time.Time, error) {
		var at int64
		err := r.Scan(&at)
		return instant(at), err
	}, s.conn.clock())
}
