package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/storage"
)

// debugClaims says what a client would learn of a user's sign-ins, and why.
func debugClaims(w *env) *cli.Command {
	return &cli.Command{
		Name: "claims", Usage: "say what a client would learn of a user's sign-ins, and why",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "user", Usage: "`name` or e-mail address of the user; required"},
			&cli.StringFlag{Name: "client", Usage: "`id` of the client; required"},
			&cli.StringSliceFlag{Name: "acr", Usage: "`name` of a level that the client asks with; the preferred one first"},
			&cli.BoolFlag{Name: "essential", Usage: "the client takes nothing else (the claims parameter), and does not just prefer it (acr_values)"},
			outputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			view := claimsView{User: c.String("user"), Client: c.String("client"), Asked: splitWords(c.StringSlice("acr")), Essential: c.Bool("essential")}
			if err := wrongUsage(missing("--user", view.User), missing("--client", view.Client)); err != nil {
				return err
			}
			s, err := w.existing(c, "database", "two_steps", "two_steps_groups", "phishing_resistant_groups", "two_steps_report_only", "acr_names", "recovery_counts",
				"session_idle", "remember_browser")
			if err != nil {
				return err
			}
			err = readStore(ctx, s, func(db *storage.Store) error { return view.fill(ctx, db, s, time.Now()) })
			if err != nil {
				return err
			}
			return w.print(c, view, view.rows())
		},
	}
}

func missing(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}

// claimsView is what is known of the user at the client, and what the client gets in each case.
type claimsView struct {
	User      string   `json:"user"`
	Client    string   `json:"client"`
	Asked     []string `json:"asked,omitempty"`
	Essential bool     `json:"essential"`
	Enrolled  bool     `json:"two_step"`
	Must      bool     `json:"must_have_two_step"`
	Policy    string   `json:"policy,omitempty"` // who says so
	Cases     []told   `json:"cases"`
	Refused   string   `json:"error,omitempty"` // the client gets this, whatever the user does

	account account.Account
	client  client.Client
	ladder  provider.Levels
	demand  provider.Demand
	must    client.TwoSteps
	codes   int  // recovery codes left
	keeps   bool // browsers may be remembered
	blocked bool // only a link lets the user set up an authenticator
}

// told is one way to be signed in.
type told struct {
	How      string   `json:"how"`
	Session  string   `json:"sid,omitempty"` // of a live session; a new sign-in has none yet
	First    string   `json:"first,omitempty"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	AuthTime string   `json:"auth_time"`
	Why      string   `json:"why"`
}

func (v *claimsView) fill(ctx context.Context, db *storage.Store, c config.Config, now time.Time) (err error) {
	if v.account, err = findUser(ctx, operations(db), v.User); err != nil {
		return err
	}
	if v.client, err = db.Client(ctx, v.Client); err != nil {
		return noClient(v.Client, err)
	}
	status, err := (&mfa.Service{Store: db}).Status(ctx, v.account.Subject)
	if err != nil {
		return err
	}
	sessions, err := db.Sessions(ctx, v.account.Subject)
	if err != nil {
		return err
	}
	if v.blocked, err = db.EnrolmentBlocked(ctx, v.account.Subject); err != nil {
		return err
	}
	v.User, v.Enrolled, v.codes = v.account.Username, len(status.Authenticators) > 0, status.CodesLeft
	v.ladder, v.keeps = server.Levels(c), c.RememberBrowser > 0
	v.oblige(server.Policy(c), now)
	v.Cases = []told{}
	if v.Refused = v.refusal(); v.Refused != "" {
		return nil
	}
	for _, s := range sessions {
		if now.Before(s.Expires) && now.Sub(s.Seen) < c.SessionIdle {
			v.Cases = append(v.Cases, v.session(s, now))
		}
	}
	v.Cases = append(v.Cases, v.newSignIns(now)...)
	return nil
}

func (v *claimsView) oblige(policy mfa.Policy, now time.Time) {
	r := policy.For(v.account.Groups, mfa.App{ID: v.client.ID, TwoSteps: mfa.Strength(v.client.TwoSteps)}, now)
	v.Policy = r.Why
	if !policy.ReportOnly {
		v.must = client.TwoSteps(r.Must)
	}
	v.Must = v.must != client.TwoStepsOptional
	switch {
	case r.Must != mfa.Optional && policy.ReportOnly:
		v.Policy += " (only reported)"
	case !r.From.IsZero():
		v.Policy += " from " + moment(r.From)
	}
	v.demand.Policy = v.must.Level()
}

// refusal resolves what the client asks. It returns what stands against any answer.
func (v *claimsView) refusal() string {
	must := v.demand.Policy
	d, err := v.ladder.Demand(v.client, v.Asked, v.Essential)
	v.demand, v.demand.Policy = d, must
	switch {
	case err != nil:
		return err.Error()
	case v.client.ResourceServer:
		return "a resource server signs nobody in"
	case v.account.Disabled:
		return "the account is disabled"
	}
	return ""
}

func (v *claimsView) session(s provider.Session, now time.Time) told {
	t := v.tell("session of "+moment(s.Created), &s.Login, now)
	t.Session = s.Login.Session
	t.AuthTime = moment(s.Login.AuthTime())
	return t
}

// newSignIns are the ways that the user has, and those that setting an authenticator up would give.
func (v *claimsView) newSignIns(now time.Time) []told {
	password := provider.PasswordLogin(v.account.Subject, 0, now)
	with := func(method string, amr ...string) *provider.Login {
		login := password.Clone()
		login.Authentications = append(login.Authentications, provider.Authentication{Method: method, Time: now, AMR: amr})
		return login
	}
	all := []told{v.tell("password", password, now), v.tell("password and code", with(totp.Method, totp.Method), now)}
	if v.codes > 0 {
		all = append(all, v.tell("password and recovery code", with(provider.MethodRecovery), now))
	}
	if v.ladder.PhishingResistant {
		key := password.Clone()
		key.Authentications = append(key.Authentications, provider.Authentication{Method: "key", Time: now, AMR: []string{"hwk"}, PhishingResistant: true})
		all = append(all, v.tell("password and phishing-resistant authenticator", key, now))
	}
	return all
}

// tell says what the client gets of a login, once what comes first is done or declined.
func (v *claimsView) tell(how string, login *provider.Login, now time.Time) told {
	return told{
		How: how, First: v.first(login, now), AMR: login.AMR(), ACR: v.ladder.ACR(v.client, v.demand, login),
		AuthTime: "the oldest of these proofs", Why: v.why(login),
	}
}

// first says what is asked of the user before the client gets anything, as the pages decide it.
func (v *claimsView) first(login *provider.Login, now time.Time) string {
	demand := v.demand
	if v.must != client.TwoStepsPhishingResistant { // other rules only want a second factor, whatever it reaches
		demand.Policy = ""
		if v.Must {
			demand.Policy = v.client.TwoSteps.Level()
		}
	}
	second, reaches := login.SecondFactor(), client.Rank(demand.Level()) < client.Rank(client.LevelTwo) || login.Reaches(demand, now)
	switch {
	case second && reaches, !second && !v.Enrolled && !v.Must && reaches:
		return ""
	case second && demand.Level() == client.LevelPhishingResistant:
		return "a phishing-resistant authenticator proves more, or one is set up: what was given does not reach phr" + v.otherwise()
	case second:
		return "a code, or another authenticator is set up: a recovery code does not reach aal2" + v.otherwise()
	case v.Enrolled && v.keeps && !v.demand.TwoSteps() && v.client.TwoSteps == client.TwoStepsOptional && v.must != client.TwoStepsPhishingResistant:
		return "a code, unless the user has had this browser remembered"
	case v.Enrolled:
		return "a code: the user has an authenticator"
	case v.Must:
		return "an authenticator is set up" + v.withLink() + ": the policy wants it (" + v.Policy + ")"
	}
	return "an authenticator is set up" + v.withLink() + ": the client asks for " + demand.Level() + v.otherwise()
}

// withLink says what else it takes after a reset.
func (v *claimsView) withLink() string {
	if v.blocked {
		return " with a link of user enrol-link"
	}
	return ""
}

// otherwise is what becomes of a user who declines.
func (v *claimsView) otherwise() string {
	if v.demand.Waivable() {
		return "; the user may decline"
	}
	return "; else the client gets an error"
}

// why explains the acr.
func (v *claimsView) why(login *provider.Login) string {
	level, acr := v.ladder.Level(login), v.ladder.ACR(v.client, v.demand, login)
	text := map[string]string{client.LevelOne: "a password reaches aal1", client.LevelTwo: "two factors reach aal2", client.LevelPhishingResistant: "a password and a phishing-resistant factor reach phr"}[level]
	if level == client.LevelOne && login.SecondFactor() {
		text = "a password and a recovery code reach aal1: recovery_counts is false"
	}
	for _, n := range v.demand.Names {
		if n.Name == acr {
			return fmt.Sprintf("%s; the client asked with %s for %s", text, acr, n.Level)
		}
	}
	if acr != level {
		return fmt.Sprintf("%s, which the client calls %s", text, acr)
	}
	return text
}

func (v *claimsView) mustText() string {
	if v.must == client.TwoStepsPhishingResistant {
		return string(v.must)
	}
	return yesNo(v.Must)
}

func (v *claimsView) rows() [][]string {
	rows := [][]string{
		{"user", v.User}, {"client", v.Client},
		{"two-step verification", onOff(v.Enrolled)},
		{"must have it", v.mustText(), v.Policy},
	}
	if len(v.Asked) > 0 {
		wish := "preferred"
		if v.Essential {
			wish = "essential"
		}
		rows = append(rows, []string{"acr asked for", strings.Join(v.Asked, " "), wish})
	}
	if v.Refused != "" {
		return append(rows, []string{"the client gets nothing", v.Refused})
	}
	for _, t := range v.Cases {
		rows = append(rows, []string{""}, []string{strings.TrimSpace(t.How), t.Session})
		if t.First != "" {
			rows = append(rows, []string{"  first", t.First})
		}
		rows = append(rows, []string{"  amr", strings.Join(t.AMR, " ")}, []string{"  acr", t.ACR, t.Why}, []string{"  auth_time", t.AuthTime})
	}
	return rows
}
