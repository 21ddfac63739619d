package enrol

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// Links keeps the links with which an operator lets users set up an authenticator, above all those who have
// lost everything. mfa.Store.Activate refuses, as ErrChanged, a subject who is blocked.
type Links interface {
	// EnrolmentBlocked reports whether an operator has taken the subject's factors away, so that only a link lets the
	// subject set up new ones.
	EnrolmentBlocked(ctx context.Context, subject string) (bool, error)
	// EnrolLink returns the link, used or over or not, or store.ErrNotFound.
	EnrolLink(ctx context.Context, id []byte) (mfa.EnrolLink, error)
	// UseEnrolLink uses the link up and ends the block; mfa.ErrLink if it is used, over or not the subject's.
	UseEnrolLink(ctx context.Context, id []byte, subject string, now time.Time) error
}

// noLinks is Links where no operator ever gives one.
type noLinks struct{}

func (noLinks) EnrolmentBlocked(context.Context, string) (bool, error) { return false, nil }

func (noLinks) EnrolLink(context.Context, []byte) (mfa.EnrolLink, error) {
	return mfa.EnrolLink{}, store.ErrNotFound
}

func (noLinks) UseEnrolLink(context.Context, []byte, string, time.Time) error { return mfa.ErrLink }

// NewLink returns the address of a new link to the pages there, an issuer with their prefix, which no one but its user may see; id is what is stored.
func NewLink(pages string) (address string, id []byte) {
	token := ui.NewToken()
	return pages + "/enrol?token=" + token, ui.Digest(token)
}

// States of a link, of which all but the first are those of a page.
const (
	LinkGood    = ""
	LinkUnknown = "unknown"
	LinkUsed    = "used"
	linkExpired = "expired"
	linkOther   = "other"
)

// LinkState says whether the link lets the subject enrol; an empty subject is anybody.
func (s *Server) LinkState(ctx context.Context, id []byte, subject string) (string, error) {
	link, err := s.links().EnrolLink(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return LinkUnknown, nil
	case err != nil:
		return "", err
	case subject != "" && link.Subject != subject: // first: what became of it is not for others to know
		return linkOther, nil
	case !link.Used.IsZero():
		return LinkUsed, nil
	case !s.Now().Before(link.Expires):
		return linkExpired, nil
	}
	return LinkGood, nil
}

type linkPage struct {
	ui.Frame
	Action string // where Cancel goes; empty: there is nothing to cancel
	Cancel ui.Message
}

// linkPages are the statuses and headings of the page for a link that does not work, by its state.
var linkPages = map[string]struct {
	status int
	title  string
}{
	LinkUnknown: {http.StatusNotFound, "part.unknown_link"},
	LinkUsed:    {http.StatusGone, "link.used"},
	linkExpired: {http.StatusGone, "link.expired"},
	linkOther:   {http.StatusForbidden, "link.another"},
}

// ShowLink says why a link does not work, by its state. Without a set-up that it belongs to there is nothing to cancel.
func (s *Server) ShowLink(w http.ResponseWriter, r *http.Request, state string, e Enrolment) error {
	p := &linkPage{Frame: e.frame("enrol-link", linkPages[state].title), Action: e.Action, Cancel: e.Cancel}
	p.State = state
	return s.Render(w, r, linkPages[state].status, "enrol-link", p)
}

// Allowed looks at the link if there is one, and else whether the subject needs one.
func (s *Server) Allowed(ctx context.Context, link []byte, subject string) (state string, blocked bool, err error) {
	if link != nil {
		state, err = s.LinkState(ctx, link, subject)
		return state, false, err
	}
	blocked, err = s.links().EnrolmentBlocked(ctx, subject)
	return LinkGood, blocked, err
}

// ShowBlocked says whom to ask for a link.
func (s *Server) ShowBlocked(w http.ResponseWriter, r *http.Request, e Enrolment) error {
	p := &linkPage{Frame: e.frame("held", "held.title"), Action: e.Action, Cancel: e.Cancel}
	return s.Render(w, r, http.StatusForbidden, "held", p)
}

// Activate makes what was set up count. A link is used up in the same commit; nil: there is none.
func (s *Server) Activate(ctx context.Context, e Enrolment, link []byte, then func(context.Context, mfa.Proof) error) error {
	if link == nil {
		return s.MFA.Activate(ctx, e.Subject, e.Owner, then)
	}
	return s.Journal.Atomic(ctx, func(ctx context.Context) error {
		if err := s.links().UseEnrolLink(ctx, link, e.Subject, s.Now()); err != nil {
			return err
		}
		return s.MFA.Activate(ctx, e.Subject, e.Owner, then)
	})
}

func (s *Server) links() Links {
	if s.Links == nil {
		return noLinks{}
	}
	return s.Links
}
