package enrol

import (
	"errors"
	"net/http"
	"slices"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// Host is where a set-up takes place, for one request: a sign-in, or the account pages. It answers the forms.
type Host interface {
	// Event begins the record of what the user does.
	Event() audit.Event
	// AnsweredBefore returns the error that answers a form again which was answered before; nil: it was not.
	AnsweredBefore() error
	// Say shows the set-up, and what the form has left to say.
	Say(said ui.Feedback) error
	// ShowCodes shows the recovery codes that the set-up has made.
	ShowCodes() error
	// Cancelled goes back to where the user came from.
	Cancelled() error
	// Activate makes the set-up count, in one commit with all that follows from it, and goes on.
	Activate(pending mfa.PendingView) error
	// Stopped answers a set-up that cannot be finished, and err says why.
	Stopped(err error) error
}

// Post is all forms of the pages of a set-up.
func (s *Server) Post(r *http.Request, e Enrolment, host Host) error {
	ctx := r.Context()
	switch ui.Field(r, "action") {
	case "cancel":
		if err := s.MFA.Cancel(ctx, e.Owner); err != nil {
			return err
		}
		return host.Cancelled()
	case "again":
		if err := s.MFA.Cancel(ctx, e.Owner); err != nil {
			return err
		}
		return host.Say(ui.Feedback{})
	case "choose":
		notes, err := s.choose(r, e)
		if err != nil {
			return err
		}
		return host.Say(ui.Feedback{Notes: notes, Values: typedName(r)})
	case "save":
		return s.postSaved(r, e, host)
	}
	return s.postCode(r, e, host)
}

// IsCode reports whether the form brings the first code of the new authenticator.
func IsCode(r *http.Request) bool {
	return !slices.Contains([]string{"cancel", "again", "choose", "save"}, ui.Field(r, "action"))
}

// choose begins a new authenticator, with the settings that the form names, and returns what the page says then. Settings
// that are not allowed, or not any more, change nothing: the page shows what is.
func (s *Server) choose(r *http.Request, e Enrolment) ([]ui.Message, error) {
	if e.Codes {
		return nil, nil
	}
	chosen := verify.Read(r, verify.Form{Kind: e.Kind}).Form
	_, err := s.MFA.Choose(r.Context(), e.Subject, e.Owner, e.Kind.Name, chosen)
	switch {
	case errors.Is(err, mfa.ErrChoice), errors.Is(err, mfa.ErrTooMany), errors.Is(err, mfa.ErrEnrolled):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []ui.Message{s.Codes.SetupAnew(e.Kind)}, nil
}

// postCode is the first answer of the new authenticator.
func (s *Server) postCode(r *http.Request, e Enrolment, host Host) error {
	names, ok := s.MFA.NamesOf(e.Kind.Name)
	if !ok { // recovery codes have none
		return host.Say(ui.Feedback{})
	}
	form, tried := verify.FormOf(names), host.Event()
	tried.Method = form.Method
	msg, err := s.confirm(r.Context(), e, form, tried, verify.Read(r, form), ui.Cut(ui.Field(r, "name"), 256))
	switch {
	case err != nil:
		return err
	case msg != nil:
		if err := host.AnsweredBefore(); err != nil {
			return err
		}
		said := ui.Fault("setup", *msg)
		said.Values = typedName(r)
		return host.Say(said)
	}
	return s.confirmed(r, e, host)
}

// confirmed shows the recovery codes; if there are none to show, the authenticator is on at once.
func (s *Server) confirmed(r *http.Request, e Enrolment, host Host) error {
	pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	switch {
	case err != nil:
		return host.Stopped(err)
	case len(pending.Codes) == 0:
		return host.Activate(pending)
	}
	return host.ShowCodes()
}

// postSaved takes the user's word that the recovery codes are saved.
func (s *Server) postSaved(r *http.Request, e Enrolment, host Host) error {
	if ui.Field(r, "saved") == "" {
		return host.Say(ui.Fault("codes", ui.Message{ID: "codes.ack", Field: "saved"}))
	}
	pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	if err != nil {
		return host.Stopped(err)
	}
	return host.Activate(pending)
}

// typedName keeps the name that was typed for the next page.
func typedName(r *http.Request) map[string]string {
	return map[string]string{"name": ui.Cut(ui.Field(r, "name"), 256)}
}
