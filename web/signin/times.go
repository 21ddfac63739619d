package signin

import (
	"time"

	"vestibule/provider"
)

const (
	codeTime     = 10 * time.Minute // from the password to the code
	reauthTime   = 10 * time.Minute // how old a proof may be that changes the factors
	setupTime    = 15 * time.Minute // for the set-up itself, once the password was given
	passwordTime = 24 * time.Hour   // after it even a code does not stand for the password
)

func older(login *provider.Login, method string, now time.Time, age time.Duration) bool {
	at, ok := login.AuthenticatedAt(method)
	return !ok || now.Sub(at) >= age
}

// justGiven reports whether a proof is young enough to set up a factor with. One that was given in this sign-in also
// covers the time that the set-up takes.
func (fl *flow) justGiven(method string, now time.Time) bool {
	age := reauthTime
	if at, _ := fl.ix.Login.AuthenticatedAt(method); !at.Before(fl.ix.Created) {
		age += setupTime
	}
	return !older(fl.ix.Login, method, now, age)
}

// recoveryJustGiven reports whether a recovery code was given in this sign-in, so short a time ago that the user may
// set up an authenticator with it.
func (fl *flow) recoveryJustGiven(now time.Time) bool {
	at, ok := fl.ix.Login.AuthenticatedAt(provider.MethodRecovery)
	return ok && !at.Before(fl.ix.Created) && fl.justGiven(provider.MethodRecovery, now)
}
