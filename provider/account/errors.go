package account

import (
	"errors"

	"vestibule/provider/limiter"
)

// Outcomes that a caller handles. An implementation may wrap them.
var (
	// ErrPassword reports a name and password that do not belong together. An unknown name,
	// a disabled account and a wrong password are one outcome, reached in the same time.
	ErrPassword = errors.New("wrong name or password")
	// ErrBusy reports that too many slow hashes are waiting. The caller may try again in a few seconds.
	ErrBusy = limiter.ErrBusy
)
