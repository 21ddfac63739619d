package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// EnrolLinks keeps the links with which an operator lets users set up an authenticator, above all those who have
// lost everything. mfa.Store.Activate refuses, as ErrChanged, a subject who is blocked.
type EnrolLinks interface {
	// EnrolmentBlocked reports whether an operator has taken the subject's factors away, so that only a link lets the subject
	// set up new ones.
	EnrolmentBlocked(ctx context.Context, subject string) (bool, error)
	// EnrolLink returns the link, used or over or not, or store.ErrNotFound.
	EnrolLink(ctx context.Context, id []byte) (mfa.EnrolLink, error)
	// UseEnrolLink uses the link up and ends the block; mfa.ErrLink if it is used, over or not the subject's.
	UseEnrolLink(ctx context.Context, id []byte, subject string, now time.Time) error
}

// noLinks is EnrolLinks where no operator ever gives one.
type noLinks struct{}

func (noLinks) EnrolmentBlocked(context.Context, string) (bool, error) { return false, nil }

func (noLinks) EnrolLink(context.Context, []byte) (mfa.EnrolLink, error) {
	return mfa.EnrolLink{}, store.ErrNotFound
}

func (noLinks) UseEnrolLink(context.Context, []byte, string, time.Time) error { return mfa.ErrLink }

// EnrolAddress is the address of the link with that token, which no one but its user may see; id is what is stored.
func EnrolAddress(issuer string) (address string, id []byte) {
	token := randomToken()
	return issuer + "/enrol?token=" + token, digest(token)
}

// setEnrolmentLink remembers the link that the browser came with: its user wants an authenticator before all else.
func (m *flowState) setEnrolmentLink(link []byte) {
	if m.EnrolmentLink = link; link != nil {
		m.SetupRequested = setupAuthenticator
	}
}

// enrolStart begins a sign-in of our own with a link. The token leaves the address at once; what travels on is its
// hash, sealed. The link is not used up before the new authenticator is on, so that a program that looks at links in
// mail does no harm.
func (s *Server) enrolStart(w http.ResponseWriter, r *http.Request) error {
	token := field(r, "token")
	if !isToken(token) {
		return s.showLink(w, linkUnknown, &linkPage{})
	}
	id := digest(token)
	state, err := s.linkState(r.Context(), id, "")
	switch {
	case err != nil:
		return err
	case state != linkGood:
		return s.showLink(w, state, &linkPage{})
	}
	fl := &flow{ix: s.Provider.BeginOwn(provider.Demand{}), state: flowState{ReturnPath: securityPath}}
	fl.state.setEnrolmentLink(id)
	return s.begin(w, r, fl)
}

// States of a link, of which all but the first are those of a page.
const (
	linkGood    = ""
	linkUnknown = "unknown"
	linkUsed    = "used"
	linkExpired = "expired"
	linkOther   = "other"
)

// linkState says whether the link lets the subject enrol; an empty subject is anybody.
func (s *Server) linkState(ctx context.Context, id []byte, subject string) (string, error) {
	link, err := s.EnrolLinks.EnrolLink(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return linkUnknown, nil
	case err != nil:
		return "", err
	case subject != "" && link.Subject != subject: // first: what became of it is not for others to know
		return linkOther, nil
	case !link.Used.IsZero():
		return linkUsed, nil
	case !s.Now().Before(link.Expires):
		return linkExpired, nil
	}
	return linkGood, nil
}

type linkPage struct {
	frame
	Action string // where Cancel goes; empty: there is nothing to cancel
	Cancel string
}

// linkPages are the statuses and headings of the page for a link that does not work, by its state.
var linkPages = map[string]struct {
	status int
	title  string
}{
	linkUnknown: {http.StatusNotFound, "We don’t know this link"},
	linkUsed:    {http.StatusGone, "This link was already used"},
	linkExpired: {http.StatusGone, "This link is no longer valid"},
	linkOther:   {http.StatusForbidden, "This link is for another account"},
}

func (s *Server) showLink(w http.ResponseWriter, state string, p *linkPage) error {
	p.Page, p.State, p.Title = "enrol-link", state, linkPages[state].title
	return s.render(w, linkPages[state].status, "enrol-link", p)
}

// mayEnrol keeps those from the set-up inside a sign-in who have a link that does not work, or have none and are blocked.
// A form never shows a page: it leads to the one that says why. Whoever cancels needs no leave.
func (s *Server) mayEnrol(h func(http.ResponseWriter, *http.Request, *flow) error) func(http.ResponseWriter, *http.Request, *flow) error {
	return func(w http.ResponseWriter, r *http.Request, fl *flow) error {
		if r.Method == http.MethodPost && field(r, "action") == "cancel" {
			fl.state.EnrolmentLink = nil // it can still be opened again
			return h(w, r, fl)
		}
		state, blocked, err := s.leave(r.Context(), fl.state.EnrolmentLink, fl.subject())
		switch {
		case err != nil:
			return err
		case state == linkUsed:
			return s.linkIsUsed(w, r, fl)
		case state == linkGood && !blocked:
			return h(w, r, fl)
		case r.Method == http.MethodPost:
			return s.redirectTo(w, r, fl, "/login/setup")
		case blocked:
			return s.showEnrolmentBlocked(w, fl.enrolment(field(r, "flow")))
		}
		return s.showSignInLink(w, r, fl, state)
	}
}

// leave looks at the link if there is one, and else whether the subject needs one.
func (s *Server) leave(ctx context.Context, link []byte, subject string) (state string, blocked bool, err error) {
	if link != nil {
		state, err = s.linkState(ctx, link, subject)
		return state, false, err
	}
	blocked, err = s.EnrolLinks.EnrolmentBlocked(ctx, subject)
	return linkGood, blocked, err
}

// linkIsUsed is for the second of two clicks, which goes where the first one went, and for whoever comes too late.
func (s *Server) linkIsUsed(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, err := s.reload(r, fl)
	switch {
	case err != nil:
		return err
	case row.ix.Version != fl.ix.Version:
		return s.redirectAfterReload(w, r, row)
	case r.Method == http.MethodPost:
		return s.redirectTo(w, r, fl, "/login/setup")
	}
	return s.showSignInLink(w, r, fl, linkUsed)
}

func (s *Server) showSignInLink(w http.ResponseWriter, r *http.Request, fl *flow, state string) error {
	e := fl.enrolment(field(r, "flow"))
	return s.showLink(w, state, &linkPage{frame: frame{Flow: e.flow, Who: e.label}, Action: e.action, Cancel: e.cancel})
}

// requireEnrolmentAllowed is mayEnrol for the pages of the account, to which no link leads.
func (s *Server) requireEnrolmentAllowed(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		blocked, err := s.EnrolLinks.EnrolmentBlocked(r.Context(), m.account.Subject)
		switch {
		case err != nil:
			return err
		case !blocked || r.Method == http.MethodPost && field(r, "action") == "cancel":
			return h(w, r, m)
		case r.Method == http.MethodPost:
			return redirect(enrolPath)(w, r)
		}
		return s.showEnrolmentBlocked(w, m.enrolment())
	}
}

// showEnrolmentBlocked says whom to ask for a link.
func (s *Server) showEnrolmentBlocked(w http.ResponseWriter, e enrolment) error {
	return s.render(w, http.StatusForbidden, "held", &linkPage{
		frame:  frame{Page: "held", Title: "You need a link to set up an authenticator", Flow: e.flow, Account: e.account, Who: e.label},
		Action: e.action, Cancel: e.cancel,
	})
}

// linked notes in an event that a link allowed what it tells of.
func linked(e audit.Event, link []byte) audit.Event {
	if link != nil {
		e.Detail["link"] = "yes"
	}
	return e
}

// activate makes what was set up in a sign-in count. A link is used up in the same commit.
func (s *Server) activate(ctx context.Context, fl *flow, e enrolment, then func(context.Context, mfa.Proof) error) error {
	if fl.state.EnrolmentLink == nil {
		return s.MFA.Activate(ctx, e.subject, e.owner, then)
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.EnrolLinks.UseEnrolLink(ctx, fl.state.EnrolmentLink, e.subject, s.Now()); err != nil {
			return err
		}
		return s.MFA.Activate(ctx, e.subject, e.owner, then)
	})
}
