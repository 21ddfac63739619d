package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"vestibule/consent"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// onConflict answers a form whose commit did not happen, because what it rested on has changed meanwhile.
func (s *Server) onConflict(w http.ResponseWriter, r *http.Request, fl *flow, err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.redirectAfterConflict(w, r, fl)
	case browser.LoginIsOver(err):
		return s.restartAtPassword(w, r, fl)
	}
	return err
}

// restartAtPassword is for a login that is over.
func (s *Server) restartAtPassword(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.forget()
	if fl.ix.Demand.PromptNone {
		return s.refuse(w, r, fl, steps[stepLogin].refusal)
	}
	fl.state.clearMessages()
	fl.state.Notes = []ui.Message{{ID: "login.again"}}
	return s.saveAndShow(w, r, fl, "/login")
}

// undecided reports that what the pages had decided on has changed before it was committed: the client, or what the user
// has allowed it.
func undecided(err error) bool {
	return errors.Is(err, client.ErrChanged) || errors.Is(err, consent.ErrNotFound)
}

// maxDecisions is how often a request decides anew before it gives up.
const maxDecisions = 5

// decideAnew has the sign-in be decided anew, for the client as it is registered now.
func (s *commits) decideAnew(ctx context.Context, fl *flow) error {
	if fl.decisions++; fl.decisions > maxDecisions {
		return fmt.Errorf("%w: client %s changes all the time", store.ErrUnavailable, fl.ix.Client)
	}
	client, err := s.Clients.Client(ctx, fl.ix.Client)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // Finish has an answer to a client that is gone
		return err
	}
	fl.ix.Follow(client)
	fl.granted = nil
	fl.ix.Consented, fl.state.ConsentOwed = fl.consentGiven, false
	return nil
}

// redirectAfterConflict is for a form of a sign-in that another request has changed meanwhile.
func (s *Server) redirectAfterConflict(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, err := s.reload(r, fl)
	if err != nil {
		return err
	}
	s.Cookies.AddBinding(w, r, fl.binding)
	return s.redirectAfterReload(w, r, row)
}

// redirectAfterReload decides anew where a reloaded sign-in stands, and goes there.
func (s *Server) redirectAfterReload(w http.ResponseWriter, r *http.Request, row *flow) error {
	given, err := s.Answers.CookiesAgain(w, r, row.ix.ID, row.state.SealedCookies)
	if err != nil {
		return err
	}
	if given {
		s.issueDeviceCookie(w, r, row)
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	return s.redirectToStep(w, r, row, owed)
}

func (s *flows) reload(r *http.Request, fl *flow) (*flow, error) {
	ix, err := s.Flows.Resume(r.Context(), fl.ix.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, interaction.ErrExpired):
		if err := s.endedBefore(r, ix); err != nil {
			return nil, err
		}
		return nil, s.ended(fl)
	case err != nil:
		return nil, err
	case !s.Cookies.Bindings(r).AreOf(ix.Browser) && !fl.isBoundBy(ix.Browser):
		return nil, ui.ErrUnknown
	}
	row, err := newFlow(ix)
	if err != nil {
		return nil, err
	}
	row.rememberToken = s.Remembered.Token(r)
	return row, nil
}
