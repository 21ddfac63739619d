package operator

import (
	"context"
	"slices"

	"vestibule/provider/interaction"
)

// OpenSessions returns the sessions of a user that have not reached their end.
func (o *Operator) OpenSessions(ctx context.Context, subject string) ([]interaction.Session, error) {
	all, err := o.Sessions.Sessions(ctx, subject)
	now := o.now()
	return slices.DeleteFunc(all, func(s interaction.Session) bool { return !now.Before(s.Expires) }), err
}
