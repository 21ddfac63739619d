package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/storage"
	"vestibule/web"
)

// planFlags is databaseFlags with a policy to try out in place of the settings'.
func planFlags(f *flag.FlagSet) loadSettings {
	path := f.String("config", "", "settings `file` in YAML")
	given := map[string]string{}
	set := func(name string) func(string) error {
		return func(value string) error {
			given[name] = value
			return nil
		}
	}
	f.Func("database", "`address` of the database: sqlite:PATH or postgres://...", set("database"))
	f.Func("two-steps", "try `optional|required|\"required after DATE\"` in place of the setting", set("two-steps"))
	var groups list
	f.Var(&groups, "group", "`group` whose members must have two steps, in place of those of the settings; may be repeated")
	return func(w *env) (config.Config, error) {
		if len(groups) > 0 {
			given["two-steps-groups"] = strings.Join(groups, ",")
		}
		return config.Load(*path, w.environ, given, "database", "two_steps", "two_steps_groups")
	}
}

// mfaPlan lists the users without a second factor whom the policy touches.
func mfaPlan(f *flag.FlagSet) action {
	load := existing(planFlags(f))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, _ []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		var p plan
		err = readStore(ctx, w, load, func(db *storage.Store) (err error) {
			p, err = makePlan(ctx, db, server.Policy(c), time.Now())
			return err
		})
		if err != nil {
			return err
		}
		if err := out.print(w.stdout, p, p.rows()); err != nil || *out == "json" {
			return err
		}
		_, err = fmt.Fprintln(w.stdout, p.summary())
		return err
	}
}

// plan is what a policy means for the users that there are.
type plan struct {
	Users   []planned `json:"users"`
	Active  int       `json:"active_users"`    // that are not disabled
	Without int       `json:"without_factor"`  // of those
	Now     int       `json:"must_now"`        // of those
	Later   int       `json:"must_later"`      // from a date that the policy names
	Never   int       `json:"never_signed_in"` // of those who must, now or later
}

// planned is a user without a second factor whom the policy wants to have one.
type planned struct {
	Subject    string    `json:"subject"`
	Username   string    `json:"username"`
	Email      string    `json:"email"`
	Why        string    `json:"why"`
	From       time.Time `json:"from,omitzero"` // zero: from the next sign-in on
	LastSignIn time.Time `json:"last_sign_in,omitzero"`
	Clients    []string  `json:"clients"`
}

func makePlan(ctx context.Context, db *storage.Store, policy web.Policy, now time.Time) (plan, error) {
	accounts, err := db.AccountsWithoutFactor(ctx)
	if err != nil {
		return plan{}, err
	}
	p := plan{Users: []planned{}, Without: len(accounts)}
	if p.Active, err = db.ActiveAccounts(ctx); err != nil {
		return plan{}, err
	}
	used, err := db.ClientsWithoutFactor(ctx)
	if err != nil {
		return plan{}, err
	}
	clients, err := db.Clients(ctx)
	if err != nil {
		return plan{}, err
	}
	obliging := map[string]provider.Client{}
	for _, c := range clients {
		if c.TwoSteps {
			obliging[c.ID] = c
		}
	}
	for _, a := range accounts {
		p.add(a, used[a.Subject], strictest(policy, a, used[a.Subject], obliging, now))
	}
	return p, nil
}

// strictest is what the policy asks of the account at any of the clients that it uses.
func strictest(policy web.Policy, a account.Account, used []string, obliging map[string]provider.Client, now time.Time) web.Requirement {
	want := policy.For(a, provider.Client{}, now)
	for _, id := range used {
		if c, ok := obliging[id]; ok && !want.Must {
			want = policy.For(a, c, now)
		}
	}
	return want
}

func (p *plan) add(a account.Account, used []string, want web.Requirement) {
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
	p.Users = append(p.Users, planned{
		Subject: a.Subject, Username: a.Username, Email: a.Email, Why: want.Why, From: want.From.UTC(),
		LastSignIn: a.SignedIn.UTC(), Clients: append([]string{}, slices.Clone(used)...),
	})
}

func (p *plan) rows() [][]string {
	rows := [][]string{{"NAME", "E-MAIL", "WHY", "FROM", "LAST SIGN-IN", "APPS"}}
	for _, u := range p.Users {
		from := "now"
		if !u.From.IsZero() {
			from = moment(u.From)
		}
		rows = append(rows, []string{u.Username, u.Email, u.Why, from, moment(u.LastSignIn), strings.Join(u.Clients, " ")})
	}
	return rows
}

func (p *plan) summary() string {
	return fmt.Sprintf("%d of %d active users have no two-step verification; the policy obliges %d of them now and %d later; %d of these never signed in",
		p.Without, p.Active, p.Now, p.Later, p.Never)
}
