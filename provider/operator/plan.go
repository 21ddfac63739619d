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
	Users   []PlannedUser // those whom the policy wants to have a second factor that they do not have
	Active  int           // users that are not disabled
	Without int           // of those, without a second factor
	Now     int           // of Users, must have one now
	Later   int           // of Users, must have one, or a better one, from a date that the policy names
	Never   int           // of Users: never signed in
}

// PlannedUser is a user whom the policy wants to have a second factor that the user does not have.
type PlannedUser struct {
	account.Account
	Duties  []mfa.Duty // what the user lacks, the next first; one without a date is owed at the next sign-in
	Clients []string   // that the user uses
}

// PlanPolicy says whom a policy would make set up a second factor, or another one than those that they have. resistant are
// the kinds of phishing-resistant authenticators. It changes nothing.
func (o *Operator) PlanPolicy(ctx context.Context, policy mfa.Policy, resistant []string) (PolicyPlan, error) {
	clients, err := o.Clients.Clients(ctx)
	if err != nil {
		return PolicyPlan{}, err
	}
	plan := planner{policy: policy, obliging: map[string]mfa.Strength{}, now: o.now()}
	most := policy.Strongest(mfa.App{})
	for _, c := range clients {
		app := mfa.App{ID: c.ID, TwoSteps: mfa.Strength(c.TwoSteps)}
		plan.obliging[c.ID] = app.TwoSteps
		if strongest := policy.Strongest(app); strongest.Exceeds(most) {
			most = strongest
		}
	}
	without, err := o.Usage.AccountsWithoutFactor(ctx, nil)
	if err != nil {
		return PolicyPlan{}, err
	}
	active, err := o.Usage.ActiveAccounts(ctx)
	if err != nil {
		return PolicyPlan{}, err
	}
	plan.without = map[string]bool{}
	for _, a := range without {
		plan.without[a.Subject] = true
	}
	plan.found = PolicyPlan{Users: []PlannedUser{}, Active: active, Without: len(without)}
	var kinds []string // nil: any
	if most == mfa.PhishingResistant {
		kinds = append([]string{}, resistant...)
	}
	return o.planAccounts(ctx, plan, kinds)
}

// planAccounts looks at those who have no authenticator of the kinds.
func (o *Operator) planAccounts(ctx context.Context, plan planner, kinds []string) (PolicyPlan, error) {
	accounts, err := o.Usage.AccountsWithoutFactor(ctx, kinds)
	if err != nil {
		return PolicyPlan{}, err
	}
	used, err := o.Usage.ClientsWithoutFactor(ctx, kinds)
	if err != nil {
		return PolicyPlan{}, err
	}
	for _, a := range accounts {
		plan.look(a, used[a.Subject])
	}
	return plan.found, nil
}

// planner looks at one account after the other.
type planner struct {
	policy   mfa.Policy
	obliging map[string]mfa.Strength // by client
	without  map[string]bool         // subjects that have no second factor at all
	now      time.Time
	found    PolicyPlan
}

// look notes an account that does not have what the policy asks for, now or later. One that has a second factor lacks a
// phishing-resistant one.
func (p *planner) look(a account.Account, used []string) {
	has := mfa.Required
	if p.without[a.Subject] {
		has = mfa.Optional
	}
	if lacks := p.strictest(a, used).Lacks(has); len(lacks) > 0 {
		p.found.add(PlannedUser{a, lacks, slices.Clone(used)})
	}
}

// strictest is what the policy asks of the account at any of the clients that it uses.
func (p *planner) strictest(a account.Account, used []string) mfa.Requirement {
	want := p.policy.For(a.Groups, mfa.App{}, p.now)
	for _, id := range used {
		if p.obliging[id].Exceeds(want.Must) {
			want = p.policy.For(a.Groups, mfa.App{ID: id, TwoSteps: p.obliging[id]}, p.now)
		}
	}
	return want
}

func (p *PolicyPlan) add(u PlannedUser) {
	later := func(d mfa.Duty) bool { return !d.From.IsZero() }
	if !later(u.Duties[0]) {
		p.Now++
	}
	if slices.ContainsFunc(u.Duties, later) {
		p.Later++
	}
	if u.SignedIn.IsZero() {
		p.Never++
	}
	p.Users = append(p.Users, u)
}
