package mfa

import (
	"errors"
	"time"
)

// Outcomes of what an operator does for a user who has lost everything.
var (
	// ErrLink reports a link that does not let this subject enrol: it was used, is over, or is another's.
	ErrLink = errors.New("enrolment link is used, over, or another user's")
)

// PlannedReset is an operator's announcement that all factors of a user go at a later time. Until then the user may
// object.
type PlannedReset struct {
	ID      string
	Subject string
	Reason  string
	Actor   string // who planned it
	Created time.Time
	Due     time.Time
}

// EnrolLink lets a user enrol once, also one whose factors an operator took away.
type EnrolLink struct {
	ID      []byte // SHA-256 of the link's token
	Subject string
	Created time.Time
	Expires time.Time
	Used    time.Time // zero: not yet
}
