package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// OpenSessions returns the sessions of a user that have not reached their end.
func (o *Operator) OpenSessions(ctx context.Context, subject string) ([]interaction.Session, error) {
	all, err := o.Sessions.Sessions(ctx, subject)
	now := o.now()
	return slices.DeleteFunc(all, func(s interaction.Session) bool { return !now.Before(s.Expires) }), err
}

// CheckEndAccess says all that is wrong with the arguments of EndAccess, as an *Invalid. The reason is recorded, and the
// user sees it.
func CheckEndAccess(subject, reason string) error {
	return invalid(
		broken(
			rule{subject == "" || !isPlainText(subject) || len(subject) > longestSubject, "subject", "must be 1 to 255 bytes, without control characters"},
			rule{strings.TrimSpace(reason) == "", "reason", "is missing; say why"},
		),
		checkReason(reason),
	)
}

// longestSubject is how many bytes a subject may have (OpenID Connect Core section 2).
const longestSubject = 255

// EndAccess ends all that somebody has open: sessions, sign-ins under way, codes, tokens, remembered browsers, set-ups and
// links. Whoever can still sign in may do so again. The account may be one that another program keeps, so that nobody
// looks whether there is such a subject: who has nothing open has nothing to lose. It returns the sessions that were open.
func (o *Operator) EndAccess(ctx context.Context, subject, reason string) ([]interaction.Session, error) {
	if err := CheckEndAccess(subject, reason); err != nil {
		return nil, err
	}
	open, err := o.OpenSessions(ctx, subject)
	if err != nil {
		return nil, err
	}
	e := audit.Event{
		Kind: audit.EventAdminAccessEnded, Subject: subject,
		Detail: map[string]string{"reason": strings.TrimSpace(reason), "sessions": strconv.Itoa(len(open))},
	}
	if err := o.commit(ctx, e, func(ctx context.Context) error { return o.Sessions.EndAccess(ctx, subject) }); err != nil {
		return nil, fmt.Errorf("end what is open: %w", err)
	}
	return open, nil
}

// EndSession ends one session of a user, with all that has come of it: codes and tokens, those of clients with offline_access too.
// It returns the session. store.ErrNotFound if the user has none with that sid.
func (o *Operator) EndSession(ctx context.Context, subject, sid, reason string) (interaction.Session, error) {
	if err := CheckEndAccess(subject, reason); err != nil {
		return interaction.Session{}, err
	}
	open, err := o.OpenSessions(ctx, subject)
	if err != nil {
		return interaction.Session{}, err
	}
	i := slices.IndexFunc(open, func(s interaction.Session) bool { return s.Login.Session == sid })
	if i < 0 {
		return interaction.Session{}, store.ErrNotFound
	}
	e := audit.Event{
		Kind: audit.EventAdminSessionEnded, Subject: subject,
		Detail: map[string]string{"reason": strings.TrimSpace(reason), "browser": open[i].Agent, "ended": sid},
	}
	if err := o.commit(ctx, e, func(ctx context.Context) error { return o.Sessions.EndSessionOf(ctx, subject, sid) }); err != nil {
		return interaction.Session{}, fmt.Errorf("end a session: %w", err)
	}
	return open[i], nil
}

// IsStranger reports whether accounts are kept here and none has the subject. Where another program keeps them nobody is a
// stranger.
func (o *Operator) IsStranger(ctx context.Context, subject string) (bool, error) {
	_, err := o.Accounts.Account(ctx, subject)
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	kept, err := o.Usage.ActiveAccounts(ctx)
	return kept > 0, err
}

// EndsAccess reports whether an event is of an operation that ends all that its subject has open. Whoever keeps some of
// that elsewhere hears of it so, in the same commit.
func EndsAccess(e audit.Event) bool {
	switch e.Kind {
	case audit.EventAdminAccessEnded, audit.EventAdminReset, audit.EventPasswordChanged: // the user's own spares one session here
		return true
	case audit.EventAdminUserUpdated:
		return e.Detail["disabled"] == yesNo(true)
	case audit.EventFactorRemoved:
		return e.Actor != "" // the user's own leaves one session
	}
	return false
}
