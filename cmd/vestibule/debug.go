package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/storage"
	"vestibule/web/catalogue"
	"vestibule/web/signin"
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
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			view := claimsView{User: c.String("user"), Client: c.String("client"), Asked: splitWords(c.StringSlice("acr")), Essential: c.Bool("essential"), Voice: w.Answers(c)}
			if err := terminal.UsageErrors(terminal.Missing("--user", view.User), terminal.Missing("--client", view.Client)); err != nil {
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
			return w.Print(c, view, w.claimsRows(view))
		},
	}
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

	terminal.Voice // of the words below, which JSON has too
	account        account.Account
	client         client.Client
	ladder         assurance.Levels
	demand         assurance.Demand
	must           client.TwoSteps
	codes          int  // recovery codes left
	keeps          bool // browsers may be remembered
	blocked        bool // only a link lets the user set up an authenticator
	resistant      bool // an authenticator of the user is phishing-resistant
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
	resistant := mfa.KindsOfStrength(server.Kinds(c), mfa.PhishingResistant)
	v.resistant = slices.ContainsFunc(status.Authenticators, func(i mfa.Info) bool { return slices.Contains(resistant, i.Kind) })
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
	if !policy.ReportOnly {
		v.must = client.TwoSteps(r.Must)
	}
	v.Must = v.must != client.TwoStepsOptional
	v.Policy = v.whose(r, policy.ReportOnly)
	v.demand.Policy = v.must.Level()
}

// whose says who asks for what, now and later.
func (v *claimsView) whose(r mfa.Requirement, reported bool) string {
	var all []string
	switch {
	case r.Must != mfa.Optional && reported:
		all = append(all, v.Say("command.claims.policy.reported", catalogue.Values{"why": reason(v.Voice, r.Why)}))
	case r.Must != mfa.Optional:
		all = append(all, reason(v.Voice, r.Why))
	}
	for _, d := range r.Coming {
		all = append(all, v.Say("command.claims.policy.from", catalogue.Values{"must": string(d.Must), "why": reason(v.Voice, d.Why), "time": terminal.Moment(d.From)}))
	}
	return strings.Join(all, "; ")
}

// refusal resolves what the client asks. It returns what stands against any answer.
func (v *claimsView) refusal() string {
	must := v.demand.Policy
	d, err := v.ladder.Demand(v.client.ACRNames, v.Asked, v.Essential)
	v.demand, v.demand.Policy = d, must
	switch {
	case err != nil: // the only error that Demand has
		return assurance.ErrorUnmet
	case !v.client.SignsIn():
		return v.Say("command.claims.refused.api", nil)
	case v.account.Disabled:
		return v.Say("command.claims.refused.disabled", nil)
	}
	return ""
}

func (v *claimsView) session(s interaction.Session, now time.Time) told {
	t := v.tell(v.Say("command.claims.session", catalogue.Values{"time": terminal.Moment(s.Created)}), &s.Login, true, now)
	t.Session = s.Login.Session
	t.AuthTime = terminal.Moment(s.Login.AuthTime())
	return t
}

// newSignIns are the ways that the user has, and those that setting an authenticator up would give.
func (v *claimsView) newSignIns(now time.Time) []told {
	password := assurance.PasswordLogin(v.account.Subject, 0, now)
	with := func(method string, amr ...string) *assurance.Login {
		login := password.Clone()
		login.Authentications = append(login.Authentications, assurance.Authentication{Method: method, Time: now, AMR: amr})
		return login
	}
	all := []told{
		v.tell(v.Say("command.claims.password", nil), password, false, now),
		v.tell(v.Say("command.claims.code", nil), with(totp.Method, totp.Method), false, now),
	}
	if v.codes > 0 {
		all = append(all, v.tell(v.Say("command.claims.recovery", nil), with(assurance.MethodRecovery), false, now))
	}
	if v.ladder.PhishingResistant {
		key := password.Clone()
		key.Authentications = append(key.Authentications, assurance.Authentication{Method: "key", Time: now, AMR: []string{"hwk"}, PhishingResistant: true})
		all = append(all, v.tell(v.Say("command.claims.key", nil), key, false, now))
	}
	return all
}

// tell says what the client gets of a login, once what comes first is done or declined.
func (v *claimsView) tell(how string, login *assurance.Login, inSession bool, now time.Time) told {
	return told{
		How: how, First: v.first(login, inSession, now), AMR: login.AMR(), ACR: v.ladder.ACR(v.client.ACRNames, v.demand, login),
		AuthTime: v.Say("command.claims.oldest", nil), Why: v.why(login),
	}
}

// first says what is asked of the user before the client gets anything, as the pages decide it.
func (v *claimsView) first(login *assurance.Login, inSession bool, now time.Time) string {
	f := signin.Forecast{Login: login, InSession: inSession, Required: v.required(), Enrolled: v.Enrolled, Resistant: v.resistant, Obliged: v.Must}
	owed, level := f.Owes(now), f.Required.Level()
	f.Remembered = v.keeps
	switch {
	case owed == signin.OwesNothing:
		return ""
	case login.SecondFactor() && level == assurance.LevelPhishingResistant && owed == signin.OwesSetup:
		return v.Say("command.claims.first.stronger.setup", catalogue.Values{"otherwise": v.otherwise()})
	case login.SecondFactor() && level == assurance.LevelPhishingResistant:
		return v.Say("command.claims.first.stronger", catalogue.Values{"otherwise": v.otherwise()})
	case login.SecondFactor():
		return v.Say("command.claims.first.recovery", catalogue.Values{"otherwise": v.otherwise()})
	case owed == signin.OwesSetup:
		return v.setUp(level)
	case f.Owes(now) == signin.OwesNothing:
		return v.Say("command.claims.first.remembered", nil)
	}
	return v.Say("command.claims.first.enrolled", nil)
}

// required is the demand with what nobody is let through without. Rules but those for a phishing-resistant factor and that
// of the app only want that there is a second factor, whatever it reaches.
func (v *claimsView) required() assurance.Demand {
	demand := v.demand
	switch {
	case v.must == client.TwoStepsPhishingResistant:
	case v.Must:
		demand.Policy = v.client.TwoSteps.Level()
	default:
		demand.Policy = ""
	}
	return demand
}

// setUp says why an authenticator is set up first, and what else that takes after a reset.
func (v *claimsView) setUp(level string) string {
	switch {
	case v.Must && v.blocked:
		return v.Say("command.claims.first.policy.link", catalogue.Values{"why": v.Policy})
	case v.Must:
		return v.Say("command.claims.first.policy", catalogue.Values{"why": v.Policy})
	case v.blocked:
		return v.Say("command.claims.first.wish.link", catalogue.Values{"level": level, "otherwise": v.otherwise()})
	}
	return v.Say("command.claims.first.wish", catalogue.Values{"level": level, "otherwise": v.otherwise()})
}

// otherwise is what becomes of a user who declines.
func (v *claimsView) otherwise() string {
	if v.demand.Waivable() {
		return v.Say("command.claims.decline", nil)
	}
	return v.Say("command.claims.error", nil)
}

// why explains the acr.
func (v *claimsView) why(login *assurance.Login) string {
	level, acr := v.ladder.Level(login), v.ladder.ACR(v.client.ACRNames, v.demand, login)
	text := v.reached(level, login)
	for _, n := range v.demand.Names {
		if n.Name == acr {
			return v.Say("command.claims.why.asked", catalogue.Values{"why": text, "acr": acr, "level": n.Level})
		}
	}
	if acr != level {
		return v.Say("command.claims.why.called", catalogue.Values{"why": text, "acr": acr})
	}
	return text
}

// mustText says what the user must have.
func (w *env) mustText(v claimsView) string {
	if v.must == client.TwoStepsPhishingResistant {
		return string(v.must)
	}
	return w.YesNo(v.Must)
}

// reached says what the login has reached the level with.
func (v *claimsView) reached(level string, login *assurance.Login) string {
	switch {
	case level == assurance.LevelPhishingResistant:
		return v.Say("command.claims.why.key", nil)
	case level == assurance.LevelTwo:
		return v.Say("command.claims.why.two", nil)
	case login.SecondFactor():
		return v.Say("command.claims.why.recovery", nil)
	}
	return v.Say("command.claims.why.one", nil)
}

func (w *env) claimsRows(v claimsView) [][]string {
	rows := [][]string{
		{w.Say("command.claims.user", nil), v.User}, {w.Say("command.claims.client", nil), v.Client},
		{w.Say("command.user.two_steps", nil), w.OnOff(v.Enrolled)},
		{w.Say("command.claims.must", nil), w.mustText(v), v.Policy},
	}
	if len(v.Asked) > 0 {
		wish := w.Say("command.claims.preferred", nil)
		if v.Essential {
			wish = w.Say("command.claims.essential", nil)
		}
		rows = append(rows, []string{w.Say("command.claims.asked", nil), strings.Join(v.Asked, " "), wish})
	}
	if v.Refused != "" {
		return append(rows, []string{w.Say("command.claims.refused", nil), v.Refused})
	}
	for _, t := range v.Cases {
		rows = append(rows, []string{""}, []string{strings.TrimSpace(t.How), t.Session})
		if t.First != "" {
			rows = append(rows, []string{"  " + w.Say("command.claims.first", nil), t.First})
		}
		rows = append(rows, []string{"  amr", strings.Join(t.AMR, " ")}, []string{"  acr", t.ACR, t.Why}, []string{"  auth_time", t.AuthTime})
	}
	return rows
}
