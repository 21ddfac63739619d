package signin

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/spelling"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// event begins a record of what a visitor did in a sign-in.
func (fl *flow) event(r *http.Request, kind, method string) audit.Event {
	e := audit.Event{
		Kind: kind, Outcome: audit.OutcomeOK, Method: method, Subject: fl.subject(), Client: fl.ix.Client,
		Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{},
	}
	if fl.ix.Login != nil {
		e.Session = fl.ix.Login.Session
	}
	return e
}

// passwordEvents records a wrong password, under the account that it was tried at.
func (fl *flow) passwordEvents(r *http.Request, err error) []audit.Event {
	e, ok := verify.RefusedPassword(fl.event(r, "", assurance.MethodPassword), err)
	if !ok {
		return nil
	}
	e.Session = ""
	return []audit.Event{e}
}

// signedInEvent is the record of a session that was opened, or whose login has grown.
func (s *commits) signedInEvent(r *http.Request, fl *flow) audit.Event {
	e := fl.event(r, audit.EventSignedIn, "")
	if kind := s.provedKind(fl.ix.Login); kind != "" {
		e.Detail["factor"] = kind
	}
	e.Detail["amr"] = strings.Join(fl.ix.Login.AMR(), " ")
	e.Detail["browser"] = ui.Agent(r.UserAgent())
	return e
}

// recordRefused records the code that err says was compared and refused, if it does.
func (s *commits) recordRefused(r *http.Request, e audit.Event, err error) error {
	e, ok := verify.Refused(e, err)
	if !ok {
		return nil
	}
	return s.Journal.RecordWith(r.Context(), []audit.Event{e}, nil)
}

// whole returns the request as one that is dealt with whether or not the browser waits for the answer.
func whole(r *http.Request) *http.Request { return r.WithContext(context.WithoutCancel(r.Context())) }

// provedKind is the kind of authenticator that was proved last; empty: none was.
func (s *commits) provedKind(login *assurance.Login) (kind string) {
	var last time.Time
	for _, a := range login.SecondFactors() {
		i := slices.IndexFunc(s.MFA.Names(), func(n mfa.Names) bool { return n.Method == a.Method })
		if !a.Time.Before(last) {
			last, kind = a.Time, ""
			if i >= 0 {
				kind = s.MFA.Names()[i].Kind
			}
		}
	}
	return kind
}
