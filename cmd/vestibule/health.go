package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"vestibule/provider"
	"vestibule/storage"
)

// answerTime is how long readiness waits for the database.
const answerTime = 3 * time.Second

// health serves /healthz, which says that the process lives, and /readyz, which says that it can do its
// work. Neither names an address or a fault of the database: those are in the log.
func health(db *storage.Store, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, nil)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		checks := []check{
			{"database", db.Ping(ctx)},
			{"schema", db.CheckSchema(ctx)},
			{"signing_key", hasKey(ctx, db)},
			{"writing", db.DeleteSession(ctx, []byte("none"))}, // no session has such an id, but only who may write may ask
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
	if errors.Is(err, provider.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return "the database does not answer"
	}
	return err.Error()
}

// hasKey reports an error if ID tokens could not be signed after a restart.
func hasKey(ctx context.Context, keys provider.Keys) error {
	all, err := keys.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, key := range all {
		if key.Retired.IsZero() {
			return nil
		}
	}
	return errors.New("there is no signing key")
}
