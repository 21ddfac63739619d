package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// mfaPlan lists the users who lack the second factor that the policy asks for.
func mfaPlan(w *env) *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "list the users whom a policy would make set up two-step verification",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "two-steps", Usage: "try `optional|required|phishing-resistant`, the last two also with \"after DATE\", in place of the setting", Category: asSetting},
			&cli.StringSliceFlag{Name: "group", Usage: "`group` whose members must have two steps, in place of those of the settings"},
			&cli.StringSliceFlag{Name: "phishing-resistant-group", Usage: "`group` whose members must have a phishing-resistant factor, in place of those of the settings"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.planned(c)
			if err != nil {
				return err
			}
			var p plan
			err = readStore(ctx, s, func(db *storage.Store) error {
				found, err := operations(db).PlanPolicy(ctx, server.Policy(s), mfa.KindsOfStrength(server.Kinds(s), mfa.PhishingResistant))
				p = planView(found)
				return err
			})
			if err != nil {
				return err
			}
			if err := w.Print(c, p, w.planRows(p)); err != nil || terminal.WantsJSON(c) {
				return err
			}
			return w.Tell(w.Stdout, "command.plan.summary", p.summary())
		},
	}
}

// planned are the settings with the policy to try out.
func (w *env) planned(c *cli.Command) (config.Config, error) {
	values := settingsGiven(c)
	if groups := c.StringSlice("group"); len(groups) > 0 {
		values["two-steps-groups"] = strings.Join(groups, ",")
	}
	if groups := c.StringSlice("phishing-resistant-group"); len(groups) > 0 {
		values["phishing-resistant-groups"] = strings.Join(groups, ",")
	}
	s, err := w.load(c, values, "database", "two_steps", "two_steps_groups", "phishing_resistant_groups")
	if err != nil {
		return s, err
	}
	return s, fileExists(s.Database)
}

// plan is how JSON shows what a policy means for the users that there are.
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

func planView(found operator.PolicyPlan) plan {
	p := plan{Users: []planned{}, Active: found.Active, Without: found.Without, Now: found.Now, Later: found.Later, Never: found.Never}
	for _, u := range found.Users {
		p.Users = append(p.Users, planned{
			Subject: u.Subject, Username: u.Username, Email: u.Email, Why: u.Why, From: u.From.UTC(),
			LastSignIn: u.SignedIn.UTC(), Clients: append([]string{}, u.Clients...),
		})
	}
	return p
}

func (w *env) planRows(p plan) [][]string {
	rows := [][]string{w.Head("command.column.name", "command.column.email", "command.column.why", "command.column.from", "command.column.last_sign_in", "command.column.apps")}
	for _, u := range p.Users {
		from := w.Say("command.plan.now", nil)
		if !u.From.IsZero() {
			from = terminal.Moment(u.From)
		}
		rows = append(rows, []string{u.Username, u.Email, reason(w.Voice(), u.Why), from, w.Moment(u.LastSignIn), strings.Join(u.Clients, " ")})
	}
	return rows
}

func (p *plan) summary() catalogue.Values {
	return catalogue.Values{"without": p.Without, "active": p.Active, "now": p.Now, "later": p.Later, "never": p.Never}
}

// reason is what mfa.Requirement says is why a policy asks something.
func reason(v terminal.Voice, why string) string {
	if name, ok := strings.CutPrefix(why, "the group "); ok {
		return v.Say("command.policy.group", catalogue.Values{"name": name})
	}
	if name, ok := strings.CutPrefix(why, "the app "); ok {
		return v.Say("command.policy.app", catalogue.Values{"name": name})
	}
	if why == "everybody" {
		return v.Say("command.policy.everybody", nil)
	}
	return why
}
