package mfa

import (
	"errors"
	"fmt"
	"time"

	"vestibule/provider/limiter"
)

// Outcomes of an answer.
var (
	// ErrCode reports a code that is wrong. See also Wrong.
	ErrCode = errors.New("wrong code")
	// ErrFormat reports what cannot be a code. It was not counted.
	ErrFormat = errors.New("not a code")
	// ErrLooksLikeRecovery reports letters, or far too many digits, where a one-time code belongs.
	// It was not counted.
	ErrLooksLikeRecovery = errors.New("looks like a recovery code")
	// ErrExpired reports a code that was right a short while ago, or a right one that is older
	// than the last accepted.
	ErrExpired = errors.New("expired code")
	// ErrUsed reports the code that was accepted last. See also Used.
	ErrUsed = errors.New("code was used before")
	// ErrChallenge reports an answer to no challenge, to one of somebody else, or to one that is too old. It was not counted.
	ErrChallenge = errors.New("no such challenge")
	// ErrNoKind reports a kind of authenticator that the Service does not know.
	ErrNoKind = errors.New("no such kind of authenticator")
	// ErrNotEnrolled reports that the user has no such factor.
	ErrNotEnrolled = errors.New("not enrolled")
	// ErrBusy reports that too many slow hashes are waiting. The caller may try again in a few seconds.
	ErrBusy = limiter.ErrBusy
)

// Outcomes of a set-up.
var (
	// ErrNoSetup reports that nothing is being set up.
	ErrNoSetup = errors.New("no set-up under way")
	// ErrSetupExpired reports a set-up that took too long. Nothing changed.
	ErrSetupExpired = errors.New("set-up expired")
	// ErrNotConfirmed reports a set-up for which no right code was given yet.
	ErrNotConfirmed = errors.New("set-up is not confirmed")
	// ErrChanged reports that the factors changed since the set-up began. Nothing was activated.
	ErrChanged = errors.New("factors changed since the set-up began")
	// ErrNameTaken reports that the user has an authenticator of that name.
	ErrNameTaken = errors.New("authenticator name is taken")
	// ErrSecretTaken reports that one of the user's authenticators has that secret.
	ErrSecretTaken = errors.New("authenticator with this secret is there already")
	// ErrNameEmpty reports that nothing is left of a name.
	ErrNameEmpty = errors.New("authenticator name is empty")
	// ErrNameLong reports a name of more than 64 characters.
	ErrNameLong = errors.New("authenticator name is too long")
	// ErrTooMany reports that the user has as many authenticators as are allowed.
	ErrTooMany = errors.New("too many authenticators")
	// ErrEnrolled reports a subject who has an authenticator, so that another one needs a proof.
	ErrEnrolled = errors.New("an authenticator is there already")
	// ErrProof reports a Proof that allows no change of the factors: it says nothing, or is another subject's, or too old,
	// or one of the authenticators that there were when it was given is gone.
	ErrProof = errors.New("no proof that allows a change of the factors")
	// ErrOwner reports that a set-up has no owner of its own.
	ErrOwner = errors.New("the owner of a set-up is a session or a sign-in, and not its subject")
	// ErrLast reports an authenticator that its user may not be without.
	ErrLast = errors.New("the last authenticator")
	// ErrChoice reports settings that a new authenticator may not have.
	ErrChoice = errors.New("authenticators with these settings are not allowed")
)

// Failed is an answer that was compared and not accepted. Why, which it wraps, is one of the errors above or below: *Wrong,
// ErrExpired, *Used or *Locked, or what the Kind says more precisely.
type Failed struct {
	Why    error
	Factor string // the name of the Kind, or "recovery"
	InARow int    // failures since the last code of the kind that was right, this one included
	Locks  bool   // it used up the budget, so that a lock has begun

	key, guess string
}

func (e *Failed) Error() string { return e.Why.Error() }

// Unwrap returns Why.
func (e *Failed) Unwrap() error { return e.Why }

// Wrong is a wrong code that left the user some tries. It is an ErrCode.
type Wrong struct {
	Left int // at least 1: the try that uses up the budget gets Locked
}

func (e *Wrong) Error() string { return fmt.Sprintf("wrong code, %d tries left", e.Left) }

// Unwrap makes a Wrong an ErrCode.
func (e *Wrong) Unwrap() error { return ErrCode }

// Locked reports that no guess is allowed: the code was not looked at, or was wrong and the last
// that the budget allowed.
type Locked struct {
	Until    time.Time // zero if Disabled
	Disabled bool      // too many in a row: only a right code of the other kind, or an operator, ends it
}

func (e *Locked) Error() string {
	if e.Disabled {
		return "disabled after too many wrong codes"
	}
	return "locked until " + e.Until.UTC().Format(time.RFC3339)
}

// Stale reports that codes were locked after the password of the sign-in was given, so that the code was not looked at:
// the sign-in begins at the password again.
type Stale struct {
	Unlocked time.Time // when the lock ended
}

func (e *Stale) Error() string {
	return "locked until " + e.Unlocked.UTC().Format(time.RFC3339) + " since the password was given"
}

// Used is a right code that was used before. It is an ErrUsed.
type Used struct {
	Seconds int // until the authenticator shows another
}

func (e *Used) Error() string { return ErrUsed.Error() }

// Unwrap makes a Used an ErrUsed.
func (e *Used) Unwrap() error { return ErrUsed }
