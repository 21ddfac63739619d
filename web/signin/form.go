package signin

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// commitForm stores what a form has changed that proves nothing, and goes on.
func (s *Server) commitForm(w http.ResponseWriter, r *http.Request, fl *flow) error {
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, fl)
	}
	return s.saveAndShow(w, r, fl, steps[owed].path)
}

// saveAndShow saves what a form has changed, be it only what is wrong with it, together with the record of it, and shows
// the page at path.
func (s *Server) saveAndShow(w http.ResponseWriter, r *http.Request, fl *flow, path string, events ...audit.Event) error {
	save := func(ctx context.Context) error { return nil }
	if fl.ix.Version > 0 {
		save = func(ctx context.Context) error { return s.save(ctx, fl) }
	}
	switch err := s.Journal.RecordWith(r.Context(), events, save); {
	case errors.Is(err, store.ErrConflict): // what happened, happened: only the page is another's
		if err := s.Journal.RecordWith(r.Context(), events, nil); err != nil {
			return err
		}
		return s.redirectAfterConflict(w, r, fl)
	case err != nil:
		return err
	}
	return s.redirectTo(w, r, fl, path)
}
