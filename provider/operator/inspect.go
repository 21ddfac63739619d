package operator

import (
	"context"
	"errors"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
)

// UserState is what an operator may know of a user beside the account.
type UserState struct {
	TwoStep     mfa.Status
	Held        bool              // a factor is set up with a link only
	Reset       *mfa.PlannedReset // nil: none is planned
	LinkExpires time.Time         // of a link that was not used; zero: there is none
	Wrong       []WrongGuesses
}

// Inspect returns the state of a user. inARow is as for WrongGuesses.
func (o *Operator) Inspect(ctx context.Context, subject string, inARow int) (s UserState, err error) {
	if s.TwoStep, err = o.MFA.Status(ctx, subject); err != nil {
		return s, err
	}
	if s.Held, err = o.Factors.EnrolmentBlocked(ctx, subject); err != nil {
		return s, err
	}
	switch plan, err := o.Resets.ResetOf(ctx, subject); {
	case err == nil:
		s.Reset = &plan
	case !errors.Is(err, store.ErrNotFound):
		return s, err
	}
	link, err := o.Links.EnrolLinkOf(ctx, subject, o.now())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	s.LinkExpires = link.Expires
	s.Wrong, err = o.WrongGuesses(ctx, subject, inARow)
	return s, err
}
