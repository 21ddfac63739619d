package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// userGet shows a user and what an operator has begun for one.
func userGet(w *env) *cli.Command {
	return &cli.Command{
		Name: "get", ArgsUsage: "NAME", Usage: "show a user and the state of two-step verification",
		Flags: databaseFlags(outputFlag()),
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
				return w.print(c, view, w.userRows(view))
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
		{w.say("command.user.name", nil), u.Username},
		{w.say("command.user.full_name", nil), u.Name},
		{w.say("command.user.email", nil), u.Email},
		{w.say("command.user.subject", nil), u.Subject},
		{w.say("command.user.disabled", nil), w.yesNo(u.Disabled)},
		{w.say("command.user.registered", nil), w.moment(u.Created)},
		{w.say("command.user.last_sign_in", nil), w.moment(u.LastSignIn)},
		{w.say("command.user.groups", nil), strings.Join(u.Groups, " ")},
		{w.say("command.user.two_steps", nil), w.onOff(u.TwoStep.On)},
	}
	for _, a := range u.TwoStep.Authenticators {
		rows = append(rows, []string{w.say("command.user.authenticator", nil), w.say("command.user.authenticator.is", catalogue.Values{
			"name": a.Name, "added": w.moment(a.Created), "used": w.moment(a.LastUsed),
		})})
	}
	if u.TwoStep.On {
		rows = append(rows, []string{w.say("command.user.codes", nil), w.say("command.user.codes.left", catalogue.Values{
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
		rows = append(rows, []string{w.say("command.user.setup", nil), w.say("command.user.setup.held", nil)})
	}
	if l.Reset != nil {
		rows = append(rows, []string{w.say("command.user.reset", nil), w.say("command.user.reset.is", catalogue.Values{
			"time": moment(l.Reset.Due), "actor": l.Reset.Actor, "reason": l.Reset.Reason,
		})})
	}
	if !l.LinkExpires.IsZero() {
		rows = append(rows, []string{w.say("command.user.link", nil), w.say("command.user.link.until", catalogue.Values{"time": moment(l.LinkExpires)})})
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
		rows = append(rows, []string{w.guessed(g.At), w.say(id, catalogue.Values{"n": g.InARow, "time": moment(g.LockedUntil)})})
	}
	return rows
}
