package operator

import (
	"context"
	"slices"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
)

// PolicyPlan is what a policy means for the users that there are.
type PolicyPlan struct {
	Users   []PlannedUser // those without a second factor whom the policy wants to have one
	Active  int           // users that are not disabled
	Without int           // of those, without a second factor
	Now     int           // of those, must have one now
	Later   int           // or from a date that the policy names
	Never   int           // of those who must, now or later: never signed in
}

// PlannedUser is a user without a second factor whom the policy wants to have one.
type PlannedUser struct {
	account.Account
	Why     string
	From    time.Time // zero: from the next sign-in on
	Clients []string  // that the user uses
}

// PlanPolicy says whom a policy would make set up a second factor. It changes nothing.
func (o *Operator) PlanPolicy(ctx context.Context, policy mfa.Policy) (PolicyPlan, error) {
	accounts, err := o.Usage.AccountsWithoutFactor(ctx)
	if err != nil {
		return PolicyPlan{}, err
	}
	p := PolicyPlan{Users: []PlannedUser{}, Without: len(accounts)}
	if p.Active, err = o.Usage.ActiveAccounts(ctx); err != nil {
		return PolicyPlan{}, err
	}
	used, err := o.Usage.ClientsWithoutFactor(ctx)
	if err != nil {
		return PolicyPlan{}, err
	}
	clients, err := o.Clients.Clients(ctx)
	if err != nil {
		return PolicyPlan{}, err
	}
	obliging := map[string]bool{}
	for _, c := range clients {
		obliging[c.ID] = c.TwoSteps
	}
	now := o.now()
	for _, a := range accounts {
		p.add(a, used[a.Subject], strictest(policy, a, used[a.Subject], obliging, now))
	}
	return p, nil
}

// strictest is what the policy asks of the account at any of the clients that it uses.
func strictest(policy mfa.Policy, a account.Account, used []string, obliging map[string]bool, now time.Time) mfa.Requirement {
	want := policy.For(a.Groups, mfa.App{}, now)
	for _, id := range used {
		if obliging[id] && !want.Must {
			want = policy.For(a.Groups, mfa.App{ID: id, TwoSteps: true}, now)
		}
	}
	return want
}

func (p *PolicyPlan) add(a account.Account, used []string, want mfa.Requirement) {
	switch {
	case want.Must:
		p.Now++
	case !want.From.IsZero():
		p.Later++
	default:
		return
	}
	if a.SignedIn.IsZero() {
		p.Never++
	}
	p.Users = append(p.Users, PlannedUser{a, want.Why, want.From, slices.Clone(used)})
}
