package operator

import (
	"context"
	"slices"
	"time"

	"vestibule/provider"
	"vestibule/provider/account"
)

// Requirement is what a policy asks of a user at a client.
type Requirement struct {
	Must bool      // have a second factor, now
	From time.Time // from when on the user must; zero if Must, or if no date is set
	Why  string
}

// Policy says what is asked of the account at the client. A client without an id stands for no client in particular.
type Policy func(a account.Account, c provider.Client, now time.Time) Requirement

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
func (o *Operator) PlanPolicy(ctx context.Context, policy Policy) (PolicyPlan, error) {
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
	obliging := map[string]provider.Client{}
	for _, c := range clients {
		if c.TwoSteps {
			obliging[c.ID] = c
		}
	}
	now := o.now()
	for _, a := range accounts {
		p.add(a, used[a.Subject], policy.strictest(a, used[a.Subject], obliging, now))
	}
	return p, nil
}

// strictest is what the policy asks of the account at any of the clients that it uses.
func (policy Policy) strictest(a account.Account, used []string, obliging map[string]provider.Client, now time.Time) Requirement {
	want := policy(a, provider.Client{}, now)
	for _, id := range used {
		if c, ok := obliging[id]; ok && !want.Must {
			want = policy(a, c, now)
		}
	}
	return want
}

func (p *PolicyPlan) add(a account.Account, used []string, want Requirement) {
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
