package operator

import (
	"context"
	"strconv"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// Bounds of an initial access token.
const (
	MaxTokenUses = 10_000
	MinTokenLife = time.Minute
	MaxTokenLife = 366 * 24 * time.Hour
)

// InitialToken lets clients register themselves (RFC 7591 section 1.2), so many times and until then.
type InitialToken struct {
	ID      string
	Hash    string // of client.NewSecret
	Uses    int    // that it was made for
	Left    int    // of these
	Created time.Time
	Expires time.Time
}

// CheckInitialToken says what is wrong with the arguments of MakeInitialToken.
func CheckInitialToken(uses int, life time.Duration) error {
	return broken(
		rule{uses < 1 || uses > MaxTokenUses, "uses", "should be from 1 to " + strconv.Itoa(MaxTokenUses)},
		rule{life < MinTokenLife || life > MaxTokenLife, "ttl", "should be from 1m to 8784h, a year"},
	)
}

// MakeInitialToken makes a token and returns it, the only time that anybody sees it: secret.
func (o *Operator) MakeInitialToken(ctx context.Context, uses int, life time.Duration) (t InitialToken, secret string, err error) {
	if err := CheckInitialToken(uses, life); err != nil {
		return t, "", err
	}
	t = InitialToken{ID: newID(), Uses: uses, Left: uses, Created: o.now(), Expires: o.now().Add(life)}
	secret, t.Hash = client.NewSecret()
	e := audit.Event{Kind: audit.EventInitialTokenMade, Detail: map[string]string{
		"token": t.ID, "uses": strconv.Itoa(uses), "expires": t.Expires.UTC().Format(time.RFC3339)}}
	return t, secret, o.commit(ctx, e, func(ctx context.Context) error { return o.Register.AddInitialToken(ctx, t) })
}

// RevokeInitialToken ends a token, or fails with store.ErrNotFound. Clients that have registered with it stay.
func (o *Operator) RevokeInitialToken(ctx context.Context, id string) error {
	e := audit.Event{Kind: audit.EventInitialTokenGone, Detail: map[string]string{"token": id}}
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Register.DeleteInitialToken(ctx, id) })
}

// initialToken finds the token that a client comes with, as it is before it is spent: empty, none.
func (o *Operator) initialToken(ctx context.Context, secret string) (InitialToken, error) {
	if secret == "" {
		return InitialToken{}, nil
	}
	return o.Register.InitialToken(ctx, client.HashRandom(secret), o.now())
}

// spendInitialToken uses the token once more in the commit of ctx, if it is one.
func (o *Operator) spendInitialToken(ctx context.Context, t InitialToken) error {
	if t.Hash == "" {
		return nil
	}
	return o.Register.SpendInitialToken(ctx, t.Hash, o.now())
}
