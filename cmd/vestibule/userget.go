package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// userGet shows a user and what an operator has begun for one.
func userGet(w *env) *cli.Command {
	return &cli.Command{
		Name: "get", ArgsUsage: "NAME", Usage: "show a user and the state of two-step verification",
		Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.existing(c, "database", "totp_in_a_row")
			if err != nil {
				return err
			}
			return readStore(ctx, s, func(db *storage.Store) error {
				o := operations(db)
				user, err := findUser(ctx, o, c.Args().First())
				if err != nil {
					return err
				}
				state, err := o.Inspect(ctx, user.Subject, s.TOTPInARow)
				if err != nil {
					return err
				}
				view := userView(user)
				view.TwoStep, view.Wrong = twoStepView(state), wrongView(state.Wrong)
				return w.Print(c, view, w.userRows(view))
			})
		},
	}
}

type twoStep struct {
	On                bool            `json:"on"`
	Authenticators    []authenticator `json:"authenticators"`
	RecoveryCodesLeft int             `json:"recovery_codes_left"`
	RecoveryCodes     int             `json:"recovery_codes"`
	lostEverything
}

type authenticator struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

func twoStepView(s operator.UserState) *twoStep {
	view := &twoStep{
		On: len(s.TwoStep.Authenticators) > 0, Authenticators: []authenticator{},
		RecoveryCodesLeft: s.TwoStep.CodesLeft, RecoveryCodes: s.TwoStep.CodesTotal,
		lostEverything: lostEverything{Held: s.Held, Reset: plannedView(s.Reset), LinkExpires: s.LinkExpires},
	}
	for _, a := range s.TwoStep.Authenticators {
		view.Authenticators = append(view.Authenticators, authenticator{a.ID, a.Name, a.Created.UTC(), a.LastUsed.UTC()})
	}
	return view
}

func (w *env) userRows(u shownUser) [][]string {
	rows := [][]string{
		{w.Say("command.user.name", nil), u.Username},
		{w.Say("command.user.full_name", nil), u.Name},
		{w.Say("command.user.email", nil), u.Email},
		{w.Say("command.user.email_verified", nil), w.YesNo(u.Verified)},
		{w.Say("command.user.subject", nil), u.Subject},
		{w.Say("command.user.disabled", nil), w.YesNo(u.Disabled)},
		{w.Say("command.user.registered", nil), w.Moment(u.Created)},
		{w.Say("command.user.last_sign_in", nil), w.Moment(u.LastSignIn)},
		{w.Say("command.user.groups", nil), strings.Join(u.Groups, " ")},
		{w.Say("command.user.two_steps", nil), w.OnOff(u.TwoStep.On)},
	}
	if !u.PasswordSet.IsZero() { // else it is not known
		rows = append(rows, []string{w.Say("command.user.password_set", nil), w.Moment(u.PasswordSet)})
	}
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		rows = append(rows, []string{name, strings.ReplaceAll(u.Attributes[name], "\n", ", ")})
	}
	for _, a := range u.TwoStep.Authenticators {
		rows = append(rows, []string{w.Say("command.user.authenticator", nil), w.Say("command.user.authenticator.is", catalogue.Values{
			"name": a.Name, "added": w.Moment(a.Created), "used": w.Moment(a.LastUsed),
		})})
	}
	if u.TwoStep.On {
		rows = append(rows, []string{w.Say("command.user.codes", nil), w.Say("command.user.codes.left", catalogue.Values{
			"left": u.TwoStep.RecoveryCodesLeft, "all": u.TwoStep.RecoveryCodes,
		})})
	}
	rows = append(rows, w.lostRows(u.TwoStep.lostEverything)...)
	return append(rows, w.wrongRows(u.Wrong)...)
}

// lostEverything is what an operator has begun for a user who has lost everything.
type lostEverything struct {
	Held        bool        `json:"held"` // enrols with a link only
	Reset       *plannedFor `json:"planned_reset,omitempty"`
	LinkExpires time.Time   `json:"enrol_link_expires,omitzero"` // of a link that was not used
}

type plannedFor struct {
	Due     time.Time `json:"due"`
	Planned time.Time `json:"planned"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
}

func plannedView(p *mfa.PlannedReset) *plannedFor {
	if p == nil {
		return nil
	}
	return &plannedFor{p.Due.UTC(), p.Created.UTC(), p.Actor, p.Reason}
}

func (w *env) lostRows(l lostEverything) [][]string {
	var rows [][]string
	if l.Held {
		rows = append(rows, []string{w.Say("command.user.setup", nil), w.Say("command.user.setup.held", nil)})
	}
	if l.Reset != nil {
		rows = append(rows, []string{w.Say("command.user.reset", nil), w.Say("command.user.reset.is", catalogue.Values{
			"time": terminal.Moment(l.Reset.Due), "actor": l.Reset.Actor, "reason": l.Reset.Reason,
		})})
	}
	if !l.LinkExpires.IsZero() {
		rows = append(rows, []string{w.Say("command.user.link", nil), w.Say("command.user.link.until", catalogue.Values{"time": terminal.Moment(l.LinkExpires)})})
	}
	return rows
}

// wrongGuess is how JSON shows what was counted in one budget of a user.
type wrongGuess struct {
	At          string    `json:"at"`
	InARow      int       `json:"in_a_row"`
	LockedUntil time.Time `json:"locked_until,omitzero"`
	Disabled    bool      `json:"disabled"` // until the other kind is given, or until user unlock
}

func wrongView(all []operator.WrongGuesses) []wrongGuess {
	var view []wrongGuess
	for _, g := range all {
		view = append(view, wrongGuess(g))
	}
	return view
}

func (w *env) wrongRows(wrong []wrongGuess) [][]string {
	var rows [][]string
	for _, g := range wrong {
		id := "command.guesses.wrong"
		switch {
		case g.Disabled:
			id = "command.guesses.disabled"
		case !g.LockedUntil.IsZero():
			id = "command.guesses.locked"
		}
		rows = append(rows, []string{w.guessed(g.At), w.Say(id, catalogue.Values{"n": g.InARow, "time": terminal.Moment(g.LockedUntil)})})
	}
	return rows
}

// guesses are the texts of what operator.WrongGuesses names.
var guesses = map[string]string{
	"passwords in unknown browsers": "command.guesses.unknown",
	"passwords in a known browser":  "command.guesses.known",
	"one-time codes":                "command.guesses.totp",
	"recovery codes":                "command.guesses.recovery",
	"user codes of devices":         "command.guesses.device",
	"nothing":                       "command.guesses.none",
}

// guessed is what was guessed at: several with commas between.
func (w *env) guessed(at string) string {
	var all []string
	for name := range strings.SplitSeq(at, ", ") {
		if id, ok := guesses[name]; ok {
			name = w.Say(id, nil)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}
