package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// Resets keeps the resets that operators have announced.
type Resets interface {
	// PlannedReset returns the reset with that ID, or store.ErrNotFound.
	PlannedReset(ctx context.Context, id string) (mfa.PlannedReset, error)
	// ResetOf returns the reset that is planned for the subject, or store.ErrNotFound.
	ResetOf(ctx context.Context, subject string) (mfa.PlannedReset, error)
	// EndReset takes the reset out of the plan; store.ErrNotFound if it took place or was cancelled before.
	EndReset(ctx context.Context, id string) error
}

// noResets is Resets where no operator ever plans one.
type noResets struct{}

func (noResets) PlannedReset(context.Context, string) (mfa.PlannedReset, error) {
	return mfa.PlannedReset{}, store.ErrNotFound
}

func (noResets) ResetOf(context.Context, string) (mfa.PlannedReset, error) {
	return mfa.PlannedReset{}, store.ErrNotFound
}

func (noResets) EndReset(context.Context, string) error { return store.ErrNotFound }

const (
	cancelPath    = "/reset/cancel"
	cancelledPath = "/reset/cancelled"
)

// CancelLink is the address at which the user who got it by mail, signed in or not, cancels the planned reset with
// that ID. It is made of the ID and a key, so that the database does not hold it.
func (s *Server) CancelLink(id string) string {
	return s.Address(cancelPath) + "?token=" + url.QueryEscape(id+"."+base64.RawURLEncoding.EncodeToString(cancelMAC(s.LinkKeys[0], id)))
}

// cancelMAC vouches for the id of a planned reset.
func cancelMAC(key []byte, id string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("cancel reset " + id))
	return h.Sum(nil)
}

// planned returns the reset that the token is for. store.ErrNotFound reports one that took place or was cancelled,
// errForgedLink a token that we did not make.
func (s *Server) planned(r *http.Request) (mfa.PlannedReset, error) {
	id, text, _ := strings.Cut(ui.Field(r, "token"), ".")
	mac, err := spelling.DecodeOpaque(text)
	if err != nil {
		return mfa.PlannedReset{}, errForgedLink
	}
	for _, key := range s.LinkKeys {
		if hmac.Equal(mac, cancelMAC(key, id)) {
			return s.Resets.PlannedReset(r.Context(), id)
		}
	}
	return mfa.PlannedReset{}, errForgedLink
}

var errForgedLink = errors.New("link that we did not make")

type resetPage struct {
	ui.Frame
	Token string
	Due   time.Time
}

// cancelResetPage asks before it cancels: programs that look at the links in mail must not.
func (s *Server) cancelResetPage(w http.ResponseWriter, r *http.Request) error {
	plan, err := s.planned(r)
	switch {
	case errors.Is(err, errForgedLink):
		return s.showReset(w, r, http.StatusNotFound, "unknown", "part.unknown_link", plan)
	case errors.Is(err, store.ErrNotFound):
		return s.showReset(w, r, http.StatusGone, "gone", "reset.gone.title", plan)
	case err != nil:
		return err
	}
	s.Cookies.Bind(w, r) // a second click is known by it
	p := &resetPage{
		Frame: ui.Frame{Page: "reset-cancel", Title: ui.Say("reset.title")},
		Token: ui.Field(r, "token"), Due: plan.Due.UTC(),
	}
	return s.Render(w, r, http.StatusOK, "reset-cancel", p)
}

func (s *Server) showReset(w http.ResponseWriter, r *http.Request, status int, state, title string, plan mfa.PlannedReset) error {
	return s.Render(w, r, status, "reset-cancel", &resetPage{
		Frame: ui.Frame{Page: "reset-cancel", State: state, Title: ui.Say(title)}, Due: plan.Due.UTC(),
	})
}

// postCancelReset takes the link for the user's word. A second click is answered as the first.
func (s *Server) postCancelReset(w http.ResponseWriter, r *http.Request) error {
	plan, err := s.planned(r)
	if err == nil {
		err = s.endReset(w, r, plan, audit.Event{Address: spelling.HostOf(r.RemoteAddr)}, "link", cancelledPath)
	} else {
		err = s.Answers.BeforeOr(r, err)
	}
	if errors.Is(err, errForgedLink) || errors.Is(err, store.ErrNotFound) {
		return s.Redirect(w, r, cancelPath+"?token="+url.QueryEscape(ui.Field(r, "token")))
	}
	return err
}

// resetCancelledPage comes after the button. Whoever opens it some other way, or much later, hears only what is always
// true.
func (s *Server) resetCancelledPage(w http.ResponseWriter, r *http.Request) error {
	said, err := s.Answers.Said(r)
	switch {
	case err != nil:
		return err
	case len(said.Notes) != 1 || said.Notes[0].ID != "reset.cancelled":
		return s.showReset(w, r, http.StatusOK, "none", "reset.none.title", mfa.PlannedReset{})
	}
	return s.showReset(w, r, http.StatusOK, "cancelled", "reset.cancelled.title", mfa.PlannedReset{})
}

// postCancelOwnReset is the button on the security page.
func (s *Server) postCancelOwnReset(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	plan, err := s.Resets.ResetOf(r.Context(), m.account.Subject)
	if err == nil {
		err = s.endReset(w, r, plan, m.event(r, "", ""), "account", securityPath)
	} else {
		err = s.Answers.BeforeOr(r, err)
	}
	if errors.Is(err, store.ErrNotFound) {
		return s.Answers.Note(w, r, securityPath, "reset.gone", nil)
	}
	return err
}

// endReset takes the reset out of the plan, records who did so, and how, and says so on the page at path.
func (s *Server) endReset(w http.ResponseWriter, r *http.Request, plan mfa.PlannedReset, e audit.Event, how, path string) error {
	e.Kind, e.Outcome, e.Subject = audit.EventResetCancelled, audit.OutcomeOK, plan.Subject
	e.Detail = map[string]string{"reset": plan.ID, "how": how}
	done := browser.Response{To: path, Note: &ui.Message{ID: "reset.cancelled"}}
	return s.commitAnswer(w, r, done, e, func(ctx context.Context) error { return s.Resets.EndReset(ctx, plan.ID) })
}

// operatorView is what the security page says of an operator's doings.
type operatorView struct {
	Held   bool      // the factors were taken away, and only a link lets the user set up new ones
	Due    time.Time // of a planned reset; zero: there is none
	Reason string
}

// operator returns nil if there is nothing to say.
func (s *Server) operator(ctx context.Context, subject string, on bool) (*operatorView, error) {
	var view operatorView
	switch plan, err := s.Resets.ResetOf(ctx, subject); {
	case err == nil:
		view.Due, view.Reason = plan.Due.UTC(), plan.Reason
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	if !on {
		_, blocked, err := s.Enrol.Allowed(ctx, nil, subject)
		if err != nil {
			return nil, err
		}
		view.Held = blocked
	}
	if !view.Held && view.Due.IsZero() {
		return nil, nil
	}
	return &view, nil
}
