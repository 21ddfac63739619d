package mfa

import "time"

// Methods of a Proof.
const (
	MethodTOTP     = "otp"
	MethodRecovery = "recovery"
)

// Proof says that a right code was given. Only this package makes one that says anything.
type Proof struct {
	subject string
	method  string
	time    time.Time
	offset  int
}

// Subject is the user whose code it was.
func (p Proof) Subject() string { return p.subject }

// Method is MethodTOTP or MethodRecovery, or empty for a Proof that proves nothing.
func (p Proof) Method() string { return p.method }

// Time is when the code was given.
func (p Proof) Time() time.Time { return p.time }

// Offset is how many steps the authenticator's clock was ahead of ours, -1, 0 or 1; 0 for a recovery code.
func (p Proof) Offset() int { return p.offset }
