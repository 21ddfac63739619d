package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider"
	"vestibule/provider/audit"
)

// event begins a record of what a visitor did in a sign-in.
func (fl *flow) event(r *http.Request, kind, method string) audit.Event {
	e := audit.Event{
		Kind: kind, Outcome: audit.OutcomeOK, Method: method, Subject: fl.subject(), Client: fl.ix.Client,
		Address: provider.HostOf(r.RemoteAddr), Detail: map[string]string{},
	}
	if fl.ix.Login != nil {
		e.Session = fl.ix.Login.Session
	}
	return e
}

// event begins a record of what a user did on the account pages.
func (m *signedIn) event(r *http.Request, kind, method string) audit.Event {
	return audit.Event{
		Kind: kind, Outcome: audit.OutcomeOK, Method: method, Subject: m.account.Subject,
		Session: m.session.Login.Session, Address: provider.HostOf(r.RemoteAddr), Detail: map[string]string{},
	}
}

// refused makes e the record of a code that was compared and refused. Not ok: nothing was compared, so that there is
// nothing to record; strangers must not be able to fill the log with tries that cost them nothing.
func refused(e audit.Event, err error) (_ audit.Event, ok bool) {
	var failed *mfa.Failed
	if !errors.As(err, &failed) {
		return e, false
	}
	e.Kind, e.Outcome = audit.ProofFailed(failed.Factor), audit.OutcomeFailed
	if failed.Locks {
		e.Kind = audit.ProofLocked(failed.Factor)
	}
	e.Detail["in_a_row"] = strconv.Itoa(failed.InARow)
	e.Detail["reason"] = reason(failed.Why)
	return e, true
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// reason is one word for why a code was refused.
func reason(err error) string {
	var off *totp.ClockOff
	switch {
	case errors.Is(err, mfa.ErrUsed):
		return "used"
	case errors.Is(err, mfa.ErrExpired):
		return "expired"
	case errors.As(err, &off):
		return "clock"
	}
	return "wrong"
}

// signedInEvent is the record of a session that was opened, or whose login has grown.
func (fl *flow) signedInEvent(r *http.Request) audit.Event {
	e := fl.event(r, audit.EventSignedIn, "")
	e.Detail["amr"] = strings.Join(fl.ix.Login.AMR(), " ")
	e.Detail["browser"] = agent(r.UserAgent())
	return e
}

// recordProof writes that a code of the method was right. It belongs into the commit that spends the code.
func (s *Server) recordProof(ctx context.Context, e audit.Event, p mfa.Proof, detail map[string]string) error {
	e.Kind, e.Method = audit.Proved(p.Kind()), p.Method()
	maps.Copy(e.Detail, p.Detail())
	maps.Copy(e.Detail, detail)
	return s.Audit.Record(ctx, e)
}

// recordActivation writes what a set-up has made. It belongs into the commit that activates it.
func (s *Server) recordActivation(ctx context.Context, e audit.Event, p mfa.Proof, made mfa.PendingView) error {
	var events []audit.Event
	if p.Method() != "" {
		added := e
		added.Kind, added.Method, added.Detail = audit.EventFactorAdded, p.Method(), maps.Clone(e.Detail)
		added.Detail["name"] = made.Name
		events = append(events, added)
	}
	if len(made.Codes) > 0 {
		codes := e
		codes.Kind, codes.Detail = audit.EventCodesMade, map[string]string{"codes": strconv.Itoa(len(made.Codes))}
		if p.Method() != "" {
			codes.Detail["authenticator"] = made.Name
		}
		events = append(events, codes)
	}
	return s.recordWith(ctx, events, nil)
}

// recordRefused records the code or the password that err says was compared and refused, if it does.
func (s *Server) recordRefused(r *http.Request, e audit.Event, err error) error {
	e, ok := refused(e, err)
	if !ok {
		return nil
	}
	return s.recordWith(r.Context(), []audit.Event{e}, nil)
}

// whole returns the request as one that is dealt with whether or not the browser waits for the answer.
func whole(r *http.Request) *http.Request { return r.WithContext(context.WithoutCancel(r.Context())) }

// recordWith writes the events in one commit with do; nil: alone. What happened is recorded even if the browser has gone
// away since. The store bounds how long that takes.
func (s *Server) recordWith(ctx context.Context, events []audit.Event, do func(context.Context) error) error {
	switch {
	case len(events) == 0 && do == nil:
		return nil
	case len(events) == 0:
		return do(ctx)
	}
	return s.Atomic(context.WithoutCancel(ctx), func(ctx context.Context) error {
		for _, e := range events {
			if err := s.Audit.Record(ctx, e); err != nil {
				return err
			}
		}
		if do == nil {
			return nil
		}
		return do(ctx)
	})
}
