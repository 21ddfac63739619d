// Package enrol sets up authenticators and recovery codes, inside a sign-in or from the account: the same pages and forms,
// told by their Host whom to go on to.
package enrol

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// LowCodes is from how few recovery codes on a user is told to make new ones.
const LowCodes = 3

// Enrolment is an authenticator, or a set of recovery codes, being set up: inside a sign-in, or on the account pages.
// What is pending lives in mfa, under its owner. Nothing secret is in a form.
type Enrolment struct {
	Subject string
	Owner   string
	Label   string // what authenticator apps call the account
	Action  string // where the forms go
	Flow    string // their parameter flow; empty on the account pages
	Account bool
	Cancel  ui.Message   // label of the button
	Why     *ui.Rendered // who wants it, if that is not the user
	Codes   bool         // recovery codes only
	Proofs  [][]byte     // of the second factors that were given, as mfa.Proof.Sealed; who has no authenticator needs none
	Kind    ui.Kind      // of the authenticator; empty with Codes, and while there is a choice
	Ways    string       // address of the page to choose another kind on; empty: there is none
}

// frame is what its pages have in common.
func (e Enrolment) frame(page, title string) ui.Frame {
	return ui.Frame{Page: page, Title: ui.Say(title), Flow: e.Flow, Account: e.Account, Who: e.Label}
}

// Server shows the pages of set-ups, and answers their forms.
type Server struct {
	*ui.Pages
	MFA     *mfa.Service
	Codes   *verify.Codes
	Links   Links // nil: nobody ever gets one
	Journal audit.Journal
}

type setupPage struct {
	ui.Frame
	Kind    ui.Kind
	View    any // what the kind offers
	Why     *ui.Rendered
	Action  string
	Cancel  ui.Message
	Ways    string
	Name    string
	First   bool // recovery codes come next
	Expired bool
	Full    bool // there is no room for another authenticator
}

type kindsPage struct {
	ui.Frame
	Why    *ui.Rendered
	Action string
	Below  string // addresses of the kinds: a slash and the name follow
	Cancel ui.Message
	Kinds  []ui.Kind
}

type codesPage struct {
	ui.Frame
	Action  string
	Cancel  ui.Message
	Codes   []string
	Label   string
	Created time.Time
	First   bool
	New     bool // a new set in place of an old one
}

// beginSetup returns what is pending for the owner, or starts it.
func (s *Server) beginSetup(ctx context.Context, e Enrolment) (mfa.PendingView, error) {
	pending, err := s.MFA.Pending(ctx, e.Owner, e.Subject)
	switch {
	case err == nil && pending.Confirmed && pending.CodesOnly == e.Codes:
		return pending, nil // not to be begun anew because the factors changed: Activate says so
	case errors.Is(err, mfa.ErrSetupExpired):
		return pending, err
	case err != nil && !errors.Is(err, mfa.ErrNoSetup):
		return pending, err
	case e.Codes:
		return s.BeginCodes(ctx, e)
	}
	pending, err = s.MFA.Begin(ctx, e.Subject, e.Owner, e.Kind.Name)
	if errors.Is(err, mfa.ErrEnrolled) {
		return s.overProof(e, func(p mfa.Proof) (mfa.PendingView, error) {
			return s.MFA.BeginAnother(ctx, e.Subject, e.Owner, e.Kind.Name, p)
		})
	}
	return pending, err
}

// BeginCodes makes a set of recovery codes that counts for nothing yet. mfa.ErrProof if none of the proofs allows it,
// mfa.ErrNotEnrolled if there is no authenticator.
func (s *Server) BeginCodes(ctx context.Context, e Enrolment) (mfa.PendingView, error) {
	return s.overProof(e, func(p mfa.Proof) (mfa.PendingView, error) { return s.MFA.BeginCodes(ctx, e.Subject, e.Owner, p) })
}

// overProof begins over the first of the proofs that were given which allows it, the newest first: an older one may be of a
// better factor. mfa.ErrProof if there is none.
func (s *Server) overProof(e Enrolment, begin func(mfa.Proof) (mfa.PendingView, error)) (mfa.PendingView, error) {
	var given []mfa.Proof
	for _, sealed := range e.Proofs {
		if p, err := s.MFA.OpenProof(e.Subject, sealed); err == nil {
			given = append(given, p)
		}
	}
	slices.SortFunc(given, func(a, b mfa.Proof) int { return b.Time().Compare(a.Time()) })
	for _, p := range given {
		if view, err := begin(p); !errors.Is(err, mfa.ErrProof) {
			return view, err
		}
	}
	return begin(mfa.Proof{}) // which allows nothing: there may be another reason
}

// Show shows the page of the set-up that is due, with what the last form has left to say. mfa.ErrProof if it is still to be
// begun and none of the proofs allows that, or not any more.
func (s *Server) Show(w http.ResponseWriter, r *http.Request, e Enrolment, said ui.Feedback) error {
	pending, err := s.beginSetup(r.Context(), e)
	switch {
	case errors.Is(err, mfa.ErrSetupExpired):
		return s.showStopped(w, r, e, &setupPage{Expired: true}, ui.Message{ID: "enrol.expired"})
	case errors.Is(err, mfa.ErrTooMany):
		return s.showStopped(w, r, e, &setupPage{Full: true}, ui.Message{ID: "enrol.maximum", Args: ui.Values{"n": s.maximum()}})
	case err != nil:
		return err
	case pending.Confirmed && len(pending.Codes) > 0:
		return s.showCodes(w, r, e, pending, said)
	}
	return s.showOffer(w, r, e, pending, said)
}

func (s *Server) maximum() string {
	if n := s.MFA.Limits.Authenticators; n > 0 {
		return strconv.Itoa(n)
	}
	return "10"
}

// showStopped is for a set-up that cannot go on as it is.
func (s *Server) showStopped(w http.ResponseWriter, r *http.Request, e Enrolment, p *setupPage, msg ui.Message) error {
	p.Frame, p.Kind = ui.Frame{Page: "setup", Flow: e.Flow, Account: e.Account, Who: e.Label}, e.Kind
	p.Action, p.Cancel = e.Action, e.Cancel
	p.SetErrors(msg)
	return s.Render(w, r, http.StatusOK, "setup-"+e.Kind.Name, p)
}

// showOffer shows what the kind offers. What is confirmed already may be of another kind than the address names.
func (s *Server) showOffer(w http.ResponseWriter, r *http.Request, e Enrolment, pending mfa.PendingView, said ui.Feedback) error {
	p := &setupPage{
		Frame: ui.Frame{Page: "setup", Flow: e.Flow, Account: e.Account, Who: e.Label},
		Kind:  e.Kind, View: pending.Offer, Why: e.Why, Action: e.Action, Cancel: e.Cancel, Ways: e.Ways, Name: pending.Name, First: pending.First,
	}
	if typed := said.Values["name"]; typed != "" {
		p.Name = typed
	}
	p.Say(said)
	return s.Render(w, r, http.StatusOK, "setup-"+pending.Kind, p)
}

// Start has the user choose which of the kinds to set up, if there is a choice. It returns the kind whose page comes next:
// the only one, or that of a set-up under way whose first answer was right. Empty: the page to choose on was shown.
func (s *Server) Start(w http.ResponseWriter, r *http.Request, e Enrolment, kinds []ui.Kind, said ui.Feedback) (next string, err error) {
	if len(kinds) == 1 {
		return kinds[0].Name, nil
	}
	if next, err = s.underWay(r.Context(), e); err != nil || next != "" {
		return next, err
	}
	return "", s.showKinds(w, r, e, kinds, said)
}

func (s *Server) showKinds(w http.ResponseWriter, r *http.Request, e Enrolment, kinds []ui.Kind, said ui.Feedback) error {
	p := &kindsPage{Frame: e.frame("setup", "part.setup"), Why: e.Why, Action: e.Action, Below: "/login/setup", Cancel: e.Cancel, Kinds: kinds}
	if e.Account {
		p.Title, p.Below = ui.Say("setup.another"), "/account/setup"
	}
	p.Say(said)
	return s.Render(w, r, http.StatusOK, "kinds", p)
}

// underWay is the kind of the set-up under way, if its first answer was right: there is nothing to choose any more. Empty:
// there is none.
func (s *Server) underWay(ctx context.Context, e Enrolment) (kind string, err error) {
	pending, err := s.MFA.Pending(ctx, e.Owner, e.Subject)
	switch {
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired):
		return "", nil
	case err != nil || !pending.Confirmed:
		return "", err
	}
	return pending.Kind, nil
}

func (s *Server) showCodes(w http.ResponseWriter, r *http.Request, e Enrolment, pending mfa.PendingView, said ui.Feedback) error {
	p := &codesPage{
		Frame:  e.frame("codes", "codes.title"),
		Action: e.Action, Cancel: e.Cancel, Codes: pending.Codes, Label: e.Label, Created: pending.Created,
		First: pending.First, New: pending.CodesOnly,
	}
	p.Say(said)
	return s.Render(w, r, http.StatusOK, "codes", p)
}
