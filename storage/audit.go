package storage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"vestibule/provider"
)

// Record inserts the event. Inside Atomic it is part of that commit. It is linked into the chain later, so that
// sign-ins never wait for each other here.
func (s *Store) Record(ctx context.Context, e provider.Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.ID == "" {
		e.ID = eventID(e.Time)
	}
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	detail, err := json.Marshal(e.Detail) // its keys are sorted
	if err != nil {
		return err
	}
	return s.exec(ctx, nil, `INSERT INTO audit
		(id, created_at, kind, outcome, subject, client, session, address, actor, method, request, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.ID, micros(e.Time), e.Kind, e.Outcome, e.Subject, e.Client, e.Session, e.Address, e.Actor, e.Method,
		e.Request, string(detail))
}

// eventID begins with the time, so that new rows go to the right edge of the index.
func eventID(at time.Time) string {
	return fmt.Sprintf("%014x-%s", at.UnixMicro(), rand.Text()[:16])
}
