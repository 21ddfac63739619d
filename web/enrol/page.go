// Package enrol sets up authenticators and recovery codes, inside a sign-in or from the account: the same pages and forms,
// told by their Host whom to go on to.
package enrol

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/web/ui"
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
}

// frame is what its pages have in common.
func (e Enrolment) frame(page, title string) ui.Frame {
	return ui.Frame{Page: page, Title: ui.Say(title), Flow: e.Flow, Account: e.Account, Who: e.Label}
}

// Server shows the pages of set-ups, and answers their forms.
type Server struct {
	*ui.Pages
	MFA     *mfa.Service
	Links   Links // nil: nobody ever gets one
	Journal audit.Journal
}

type setupPage struct {
	ui.Frame
	Why       *ui.Rendered
	Action    string
	Cancel    ui.Message
	URI       template.URL
	Groups    []string // of the key
	Secret    string
	Issuer    string
	Label     string
	Name      string
	First     bool // recovery codes come next
	Expired   bool
	Full      bool // there is no room for another authenticator
	Digits    int
	Period    int // in seconds
	Algorithm string
	Choices   []choice // other settings that the user may choose
}

// QR draws the URI.
func (p *setupPage) QR(label template.HTML) (template.HTML, error) {
	return qrSVG(string(p.URI), label)
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
		return s.MFA.BeginCodes(ctx, e.Subject, e.Owner)
	}
	return s.MFA.Begin(ctx, e.Subject, e.Owner, totp.Name)
}

// Show shows the page of the set-up that is due, with what the last form has left to say.
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
	return s.showKey(w, r, e, pending, said)
}

func (s *Server) maximum() string {
	if n := s.MFA.Limits.Authenticators; n > 0 {
		return strconv.Itoa(n)
	}
	return "10"
}

// showStopped is for a set-up that cannot go on as it is.
func (s *Server) showStopped(w http.ResponseWriter, r *http.Request, e Enrolment, p *setupPage, msg ui.Message) error {
	p.Frame = e.frame("setup", "setup.title")
	p.Action, p.Cancel = e.Action, e.Cancel
	p.SetErrors(msg)
	return s.Render(w, r, http.StatusOK, "setup", p)
}

func (s *Server) showKey(w http.ResponseWriter, r *http.Request, e Enrolment, pending mfa.PendingView, said ui.Feedback) error {
	offer, ok := pending.Offer.(totp.Offer)
	if !ok {
		return fmt.Errorf("there is no page for a set-up of %q", pending.Kind)
	}
	p := &setupPage{
		Frame: e.frame("setup", "setup.title"),
		Why:   e.Why, Action: e.Action, Cancel: e.Cancel, URI: template.URL(offer.URI(e.Label)), Groups: groupsOfFour(offer.Secret), Secret: offer.Secret,
		Issuer: offer.Issuer, Label: e.Label, Name: pending.Name, First: pending.First,
		Digits: offer.Params.Digits, Period: offer.Params.Period, Algorithm: totp.AlgorithmName(offer.Params.Algorithm), Choices: choices(offer.Options, offer.Params),
	}
	if typed := said.Values["name"]; typed != "" {
		p.Name = typed
	}
	p.Say(said)
	return s.Render(w, r, http.StatusOK, "setup", p)
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

// groupsOfFour makes a key easier to type.
func groupsOfFour(key string) []string {
	var groups []string
	for len(key) > 4 {
		groups, key = append(groups, key[:4]), key[4:]
	}
	return append(groups, key)
}
