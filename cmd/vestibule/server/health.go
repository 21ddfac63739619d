package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"vestibule/provider/jwks"
	"vestibule/provider/store"
	"vestibule/storage"
)

// answerTime is how long readiness waits for the database.
const answerTime = 3 * time.Second

// health serves /healthz, which says that the process lives, /readyz, which says that it can do its work, and
// /metrics. None names an address or a fault of the database: those are in the log. Profiles are there if the settings say so.
func (s *Server) health() http.Handler {
	db, log := s.store, s.log
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.handler(s))
	if s.config.Profiling {
		profiles(mux)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		checks := []check{
			{"database", db.Ping(ctx)},
			{"schema", db.CheckSchema(ctx)},
			s.sourceCheck(ctx),
			{"secret_keys", CheckKeys(ctx, db, s.mfa.Keys)},
			{"writing", db.TouchSession(ctx, []byte("none"), s.now())}, // no session has such an id, but only who may write may ask
			{"clock", s.checkClock(ctx)},
		}
		for _, c := range checks {
			if c.err != nil {
				log.WarnContext(ctx, "not ready", "check", c.name, "error", c.err)
			}
		}
		answer(w, checks)
	})
	return mux
}

// check is a condition of readiness.
type check struct {
	name string
	err  error
}

func answer(w http.ResponseWriter, checks []check) {
	body := struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks,omitempty"`
	}{"ok", map[string]string{}}
	status := http.StatusOK
	for _, c := range checks {
		body.Checks[c.name] = "ok"
		if c.err != nil {
			body.Status, body.Checks[c.name], status = "unavailable", reason(c.err), http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the prober may have gone
}

// reason leaves out the text of a driver, which may name hosts and users.
func reason(err error) string {
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return "the database does not answer"
	}
	return err.Error()
}

// checkClock fails when this server and the database disagree about the time by more than clock_skew. Codes are then
// refused or good for too long on one replica, and what one replica wrote has expired on another. Nothing is widened to
// make up for it.
func (s *Server) checkClock(ctx context.Context) error {
	offset, within, err := clockOffset(ctx, s.store, s.now)
	switch {
	case err != nil:
		return err
	case offset.Abs()-within > s.config.ClockSkew:
		way := "behind"
		if offset < 0 {
			way = "ahead of"
		}
		return fmt.Errorf("the clock of this server is %s %s that of the database, more than clock_skew (%s); have both follow a time service such as chrony",
			offset.Abs().Round(time.Millisecond), way, s.config.ClockSkew)
	}
	return nil
}

// clockOffset returns how far the database's clock is ahead of now, give or take within: nobody knows when on its way
// the question was answered.
func clockOffset(ctx context.Context, db *storage.Store, now func() time.Time) (offset, within time.Duration, err error) {
	before := now()
	at, err := db.Now(ctx)
	after := now()
	within = after.Sub(before) / 2
	return at.Sub(before.Add(within)), within, err
}

// hasKey reports an error if ID tokens could not be signed after a restart.
func hasKey(ctx context.Context, keys jwks.Store) error {
	all, err := keys.SigningKeys(ctx)
	if err == nil && len(all) == 0 {
		return errors.New("there is no signing key")
	}
	return err
}
