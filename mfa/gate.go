package mfa

import "context"

// Gate lets so many slow hashes run at once as the machine bears. A limiter.Limiter is one; mfatest.TestGate proves another.
type Gate interface {
	// Do runs f when there is a place. It fails, without f, with ErrBusy when too many wait already, or when ctx ends.
	Do(ctx context.Context, f func()) error
}
