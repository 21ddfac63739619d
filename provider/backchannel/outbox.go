package backchannel

import (
	"context"
	"time"

	"vestibule/provider/client"
)

// Notice is a client that is still to hear of the end of a session.
type Notice struct {
	Session      string // the sid; with Client the key
	Client       string
	Registration string // of the client that the session had: who has the id now is told nothing of it
	Subject      string
	First        time.Time // of the first try; zero: there was none
	Due          time.Time // of the next try; zero: at once
}

// Outbox keeps notices from the commit that ends a session until they are told. backchanneltest.TestOutbox says what it
// promises.
type Outbox interface {
	// DueClients returns at most limit clients that are to hear something by now, the one that has waited longest first.
	DueClients(ctx context.Context, now time.Time, limit int) ([]string, error)
	// DueLogouts returns at most limit notices for the client whose time has come, the one that has waited longest first.
	DueLogouts(ctx context.Context, client string, now time.Time, limit int) ([]Notice, error)
	// MoveLogout sets the times of the first try and of the next. store.ErrConflict if Due is not the one that the caller
	// has read: another process tries, or the client was told.
	MoveLogout(ctx context.Context, n Notice, first, due time.Time) error
	// PutOffLogouts moves all notices for the client that are due by now, as after a try of each: now is the time of the first
	// where there was none.
	PutOffLogouts(ctx context.Context, client string, now, due time.Time) error
	// DeleteLogout forgets a notice. One that is gone is no error.
	DeleteLogout(ctx context.Context, n Notice) error
}

// Clients are the relying parties.
type Clients interface {
	// Client returns a relying party as it is registered now, or store.ErrNotFound: with one that is remembered from before
	// it had an address, a notice would be dropped.
	Client(ctx context.Context, id string) (client.Client, error)
}

// Signer makes tokens.
type Signer interface {
	// SignLogoutToken returns the claims as a JWT of the type Type, signed as the client's ID tokens are.
	SignLogoutToken(ctx context.Context, c client.Client, claims Claims) (string, error)
}
