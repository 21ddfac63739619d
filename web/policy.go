package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// Policy is who must have a second factor, and what follows from that. The zero value obliges nobody; a client may
// still oblige its own users (client.Client.TwoSteps). The strictest rule wins.
type Policy struct {
	TwoSteps   bool      // everybody must
	From       time.Time // of TwoSteps: not before; zero: at once
	Groups     []string  // whose members must, at once
	ReportOnly bool      // record who would have been stopped, and stop nobody
	// NewCodes has whoever used a recovery code, or has none left, make a new set before going on.
	NewCodes bool
}

// Requirement is what a Policy asks of one user.
type Requirement struct {
	Must bool      // have a second factor, now
	From time.Time // from when on the user must; zero if Must, or if no date is set
	Why  string    // "everybody", "the group finance" or "the app shop"; empty if nothing is asked, now or later
}

// For returns what the policy asks of the account at the client, whatever the user has enrolled. A client without an
// id stands for our own pages. It does not look at ReportOnly: that is for whoever enforces.
func (p Policy) For(a account.Account, c client.Client, now time.Time) Requirement {
	i := slices.IndexFunc(p.Groups, func(group string) bool { return slices.Contains(a.Groups, group) })
	switch {
	case p.TwoSteps && !now.Before(p.From):
		return Requirement{Must: true, Why: "everybody"}
	case i >= 0:
		return Requirement{Must: true, Why: "the group " + p.Groups[i]}
	case c.TwoSteps:
		return Requirement{Must: true, Why: "the app " + c.ID}
	case p.TwoSteps:
		return Requirement{From: p.From, Why: "everybody"}
	}
	return Requirement{}
}

// Rules is the Policy as the provider asks for it, before it gives tokens.
type Rules struct {
	Policy
	Levels   provider.Levels
	Accounts account.Accounts
	MFA      *mfa.Service
	Now      func() time.Time
}

var _ provider.Policy = Rules{}

// Enough holds to what the pages do: an app that obliges its users wants to see a second factor in each sign-in, the
// other rules want its user to have one.
func (s Rules) Enough(ctx context.Context, c client.Client, login *provider.Login) (bool, error) {
	switch {
	case s.ReportOnly:
		return true, nil
	case c.TwoSteps:
		return s.Levels.Level(login) == client.LevelTwo, nil
	case login.SecondFactor() || !s.TwoSteps && len(s.Groups) == 0:
		return true, nil
	}
	want, err := s.requirement(ctx, s.Accounts, login.Subject, c, s.Now())
	if err != nil || !want.Must {
		return err == nil, err
	}
	return s.MFA.Enrolled(ctx, login.Subject)
}

// asksAccount reports whether For needs to know more of the account than that it is one.
func (p Policy) asksAccount(now time.Time) bool {
	return len(p.Groups) > 0 && !(p.TwoSteps && !now.Before(p.From))
}

// appObliges reports whether the client is one that lets nobody in without a second factor.
func (s *Server) appObliges(fl *flow) bool { return fl.ix.TwoSteps && !s.Policy.ReportOnly }

// oblige finds out what the policy asks of a user without an authenticator. What it demands goes into the interaction
// too, so that the provider holds to it at the end.
func (s *Server) oblige(ctx context.Context, fl *flow, f *facts) error {
	app := client.Client{ID: fl.ix.Client, TwoSteps: fl.ix.TwoSteps}
	want, err := s.Policy.requirement(ctx, s.Accounts, fl.subject(), app, s.Now())
	if err != nil {
		return err
	}
	if s.Policy.ReportOnly {
		want, fl.reported = Requirement{}, want.stops()
	}
	f.obliged = want.Must
	f.notice = !want.From.IsZero() && fl.state.PasswordGiven && !fl.state.NoticeSeen
	fl.ix.Demand.Policy = want.Must
	return nil
}

// stops is why somebody without a second factor is stopped; empty: is not.
func (q Requirement) stops() string {
	if q.Must {
		return q.Why
	}
	return ""
}

// requirement is For, which asks the directory only if the policy is about groups.
func (p Policy) requirement(ctx context.Context, accounts account.Accounts, subject string, c client.Client, now time.Time) (Requirement, error) {
	user := account.Account{Subject: subject}
	if p.asksAccount(now) {
		var err error
		if user, err = accounts.Account(ctx, subject); err != nil && !errors.Is(err, store.ErrNotFound) {
			return Requirement{}, err // Finish has an answer to an account that is gone
		}
	}
	return p.For(user, c, now), nil
}

// mustKeep reports whether the user may not be without an authenticator. What single clients ask is no reason: at
// those the user sets up a new one.
func (s *Server) mustKeep(a account.Account) bool {
	return !s.Policy.ReportOnly && s.Policy.For(a, client.Client{}, s.Now()).Must
}

// codesOwed reports whether the policy wants new recovery codes before the user goes on: one was used since they were
// made, or none is left. Only a sign-in with the password asks the store for the latter.
func (s *Server) codesOwed(ctx context.Context, fl *flow) (bool, error) {
	at, recovered := fl.ix.Login.AuthenticatedAt(provider.MethodRecovery)
	if !s.Policy.NewCodes || fl.state.CodesRenewed || fl.state.SetupRequested != "" || !recovered && !fl.state.PasswordGiven {
		return false, nil
	}
	status, err := s.MFA.Status(ctx, fl.subject())
	if err != nil {
		return false, err
	}
	owed := len(status.Authenticators) > 0 && (status.CodesLeft == 0 || recovered && status.CodesMade.Before(at))
	fl.codesLeft, fl.state.CodesRenewed = status.CodesLeft, !owed
	if recovered && status.CodesMade.After(at) { // in another tab: the user knows all that there is to be told
		fl.state.CodesLeft = nil
	}
	return owed, nil
}

// report records, in the commit that ends the sign-in, that the policy would have stopped it.
func (s *Server) report(r *http.Request, fl *flow) func(context.Context) error {
	return func(ctx context.Context) error {
		if fl.reported == "" {
			return nil
		}
		s.Log.InfoContext(ctx, "the policy would have asked for a second factor", "event", audit.EventPolicyReported,
			"user_id", fl.subject(), "client", fl.ix.Client, "why", fl.reported)
		e := fl.event(r, audit.EventPolicyReported, "")
		e.Detail["why"] = fl.reported
		return s.Audit.Record(ctx, e)
	}
}
