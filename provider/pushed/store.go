package pushed

import (
	"context"
	"time"

	"vestibule/provider/client"
)

// Request is an authorization request that was checked when it was pushed. Nothing that the client authenticated with is
// in it, and nothing that its request_uri could be made of.
type Request struct {
	Signature    string // the half of the request_uri that proves the other; the key
	Client       string
	Registration string // of the client: one that takes its id later has pushed nothing
	Data         []byte // the sign-in that it begins, as JSON
	Expires      time.Time
}

// Store keeps requests until a browser comes for them.
type Store interface {
	// PushRequest inserts a request. ErrConflict if there is one of that signature.
	PushRequest(ctx context.Context, r Request) error
	// TakeRequest removes the request and returns its Data, all in one statement: of any number of calls over any number of
	// processes one gets it. ErrNotFound, and nothing is changed, if it was taken before, is over by then, or was pushed by
	// another client or by an earlier one of that id.
	TakeRequest(ctx context.Context, signature string, of client.Client, now time.Time) ([]byte, error)
}
