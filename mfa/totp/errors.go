package totp

import (
	"fmt"
	"slices"
	"strconv"

	"vestibule/mfa"
)

// Format is what cannot be a one-time code. It is an mfa.ErrFormat.
type Format struct {
	Digits []int // how many a code of this user may have
}

func (e *Format) Error() string { return fmt.Sprintf("not a code of %v digits", e.Digits) }

// Unwrap makes a Format an mfa.ErrFormat.
func (e *Format) Unwrap() error { return mfa.ErrFormat }

// refusedFormat says of what cannot be a code how one looks.
func refusedFormat(lengths []int) error { return explainFormat(&Format{lengths}, lengths) }

func explainFormat(err error, lengths []int) error {
	like := "123 456"
	if !slices.Contains(lengths, 6) {
		like = "1234 5678"
	}
	return &mfa.Refusal{ID: "format", Args: map[string]string{"digits": numbers(lengths), "like": like}, Err: err}
}

// refusedClock says by how many seconds a clock is off.
func refusedClock(seconds int) error {
	id := "clock.fast"
	if seconds < 0 {
		id = "clock.slow"
	}
	return &mfa.Refusal{ID: id, Args: map[string]string{"off": strconv.Itoa(seconds)}, Reason: "clock", Err: &ClockOff{seconds}}
}

// ClockOff is a code that would be right if the authenticator's clock were. Only a set-up tells: whoever sets up an
// authenticator holds its secret, anybody else could learn a code that will be right in a minute. It is an mfa.ErrCode.
type ClockOff struct {
	Seconds int // negative: the clock is slow
}

func (e *ClockOff) Error() string {
	return fmt.Sprintf("authenticator clock is off by %d seconds", e.Seconds)
}

// Unwrap makes a ClockOff an mfa.ErrCode.
func (e *ClockOff) Unwrap() error { return mfa.ErrCode }
