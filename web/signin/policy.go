package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// Rules is the Policy as the provider asks for it, before it gives tokens.
type Rules struct {
	mfa.Policy
	Levels   assurance.Levels
	Accounts account.Accounts
	MFA      *mfa.Service
	Now      func() time.Time
}

// Enough holds to what the pages do: an app that obliges its users wants to see a second factor in each sign-in, as does
// a rule that wants a phishing-resistant one; the other rules want the user to have one.
func (s Rules) Enough(ctx context.Context, c client.Client, login *assurance.Login) (bool, error) {
	app := mfa.App{ID: c.ID, TwoSteps: mfa.Strength(c.TwoSteps)}
	level, most := s.Levels.Level(login), s.Strongest(app)
	switch {
	case s.ReportOnly, level == assurance.LevelPhishingResistant:
		return true, nil
	case assurance.Rank(level) < assurance.Rank(c.TwoSteps.Level()):
		return false, nil
	case most == mfa.Optional, most == mfa.Required && login.SecondFactor():
		return true, nil
	}
	want, err := requirement(ctx, s.Policy, s.Accounts, login.Subject, app, s.Now())
	switch {
	case err != nil || want.Must == mfa.PhishingResistant:
		return false, err
	case want.Must == mfa.Optional || login.SecondFactor():
		return true, nil
	}
	return s.MFA.Enrolled(ctx, login.Subject)
}

// requirement is what the policy asks of the user at the app. It asks the directory only if the policy is about groups.
func requirement(ctx context.Context, p mfa.Policy, accounts account.Accounts, subject string, app mfa.App, now time.Time) (mfa.Requirement, error) {
	var groups []string
	if p.AsksGroups(now) {
		user, err := accounts.Account(ctx, subject)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return mfa.Requirement{}, err // Finish has an answer to an account that is gone
		}
		groups = user.Groups
	}
	return p.For(groups, app, now), nil
}

// report records, in the commit that ends the sign-in, that the policy would have stopped it.
func (s *commits) report(r *http.Request, fl *flow) func(context.Context) error {
	return func(ctx context.Context) error {
		if fl.reported == "" {
			return nil
		}
		s.Log.InfoContext(ctx, "the policy would have asked for a second factor", "event", audit.EventPolicyReported,
			"user_id", fl.subject(), "client", fl.ix.Client, "why", fl.reported)
		e := fl.event(r, audit.EventPolicyReported, "")
		e.Detail["why"] = fl.reported
		return s.Journal.Record(ctx, e)
	}
}
