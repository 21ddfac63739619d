package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
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
				return w.print(c, view, userRows(view))
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

func userRows(u shownUser) [][]string {
	rows := [][]string{
		{"name", u.Username},
		{"full name", u.Name},
		{"e-mail", u.Email},
		{"subject", u.Subject},
		{"disabled", yesNo(u.Disabled)},
		{"created", moment(u.Created)},
		{"last sign-in", moment(u.LastSignIn)},
		{"groups", strings.Join(u.Groups, " ")},
		{"two-step verification", onOff(u.TwoStep.On)},
	}
	for _, a := range u.TwoStep.Authenticators {
		rows = append(rows, []string{"authenticator", fmt.Sprintf("%s, added %s, last used %s", a.Name, moment(a.Created), moment(a.LastUsed))})
	}
	if u.TwoStep.On {
		rows = append(rows, []string{"recovery codes left", strconv.Itoa(u.TwoStep.RecoveryCodesLeft) + " of " + strconv.Itoa(u.TwoStep.RecoveryCodes)})
	}
	rows = append(rows, u.TwoStep.lostEverything.rows()...)
	return append(rows, wrongRows(u.Wrong)...)
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

func (l lostEverything) rows() [][]string {
	var rows [][]string
	if l.Held {
		rows = append(rows, []string{"set-up", "only with a link from user enrol-link"})
	}
	if l.Reset != nil {
		rows = append(rows, []string{"reset planned", fmt.Sprintf("for %s by %s: %s", moment(l.Reset.Due), l.Reset.Actor, l.Reset.Reason)})
	}
	if !l.LinkExpires.IsZero() {
		rows = append(rows, []string{"enrolment link", "not used, until " + moment(l.LinkExpires)})
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

func wrongRows(wrong []wrongGuess) [][]string {
	var rows [][]string
	for _, g := range wrong {
		state := fmt.Sprintf("%d wrong", g.InARow)
		switch {
		case g.Disabled:
			state += ", disabled until `user unlock`"
		case !g.LockedUntil.IsZero():
			state += ", locked until " + moment(g.LockedUntil)
		}
		rows = append(rows, []string{g.At, state})
	}
	return rows
}
