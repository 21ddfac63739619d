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
			&cli.StringFlag{Name: "two-steps", Usage: "try `optional|required|phishing-resistant`, the last two also with \"after DATE\", several with commas, in place of the setting", Category: asSetting},
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
	Now     int       `json:"must_now"`        // of Users
	Later   int       `json:"must_later"`      // of Users, from a date that the policy names
	Never   int       `json:"never_signed_in"` // of those who must, now or later
}

// planned is a user whom the policy wants to have a second factor that the user does not have.
type planned struct {
	Subject    string    `json:"subject"`
	Username   string    `json:"username"`
	Email      string    `json:"email"`
	Must       []duty    `json:"must"` // the next first
	LastSignIn time.Time `json:"last_sign_in,omitzero"`
	Clients    []string  `json:"clients"`
}

// duty is what the user has to have.
type duty struct {
	Have string    `json:"have"` // as two_steps has it
	Why  string    `json:"why"`
	From time.Time `json:"from,omitzero"` // zero: from the next sign-in on
}

func planView(found operator.PolicyPlan) plan {
	p := plan{Users: []planned{}, Active: found.Active, Without: found.Without, Now: found.Now, Later: found.Later, Never: found.Never}
	for _, u := range found.Users {
		one := planned{
			Subject: u.Subject, Username: u.Username, Email: u.Email, LastSignIn: u.SignedIn.UTC(), Clients: append([]string{}, u.Clients...),
		}
		for _, d := range u.Duties {
			one.Must = append(one.Must, duty{string(d.Must), d.Why, d.From.UTC()})
		}
		p.Users = append(p.Users, one)
	}
	return p
}

// planRows has a row for each thing that somebody has to have.
func (w *env) planRows(p plan) [][]string {
	rows := [][]string{w.Head("command.column.name", "command.column.email", "command.column.must", "command.column.why", "command.column.from",
		"command.column.last_sign_in", "command.column.apps")}
	for _, u := range p.Users {
		for _, d := range u.Must {
			from := w.Say("command.plan.now", nil)
			if !d.From.IsZero() {
				from = terminal.Moment(d.From)
			}
			rows = append(rows, []string{u.Username, u.Email, d.Have, reason(w.Voice(), d.Why), from, w.Moment(u.LastSignIn), strings.Join(u.Clients, " ")})
		}
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
