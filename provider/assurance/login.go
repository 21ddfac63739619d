package assurance

import (
	"errors"
	"slices"
	"time"

	"vestibule/provider/spelling"
)

// Login is who signed in and how: a list of what was proved, each with its own time.
type Login struct {
	Subject         string           `json:"subject"`
	Session         string           `json:"session"`         // the sid
	Epoch           int64            `json:"epoch,omitempty"` // of the account, when the password was proved
	Authentications []Authentication `json:"authentications"`

	// HostTime is when the password was right by the clock of the program that has asked for it, where that was ahead: then
	// it counts from when it was heard of. Zero: when it was proved.
	HostTime time.Time `json:"host_time,omitzero"`
}

// Authentication is one thing that was proved.
type Authentication struct {
	Method string    `json:"method"` // MethodPassword, or what the second factor says
	Time   time.Time `json:"time"`
	AMR    []string  `json:"amr,omitempty"` // what a second factor has earned, as RFC 8176 calls it

	PhishingResistant bool `json:"phishing_resistant,omitempty"` // no page of another origin could have asked for it

	// Sealed allows a change of the factors for a while, as the Proof has said. It stays in the login of a session or a
	// sign-in: what a client hears is made without.
	Sealed []byte `json:"sealed,omitempty"`
}

// Methods of an Authentication. Those of authenticators are for their kinds to say.
const (
	MethodPassword = "pwd"
	MethodRecovery = "recovery"
)

// isLookup reports whether it is a look-up secret, as a recovery code is: RFC 8176 has no value for one, so that it shows
// in mfa alone.
func (a Authentication) isLookup() bool { return a.Method != MethodPassword && len(a.AMR) == 0 }

// level is what a password and this second factor reach.
func (a Authentication) level(weakRecovery bool) string {
	switch {
	case a.PhishingResistant:
		return LevelPhishingResistant
	case weakRecovery && a.isLookup():
		return LevelOne
	}
	return LevelTwo
}

// Proof is a second factor that was just proved. mfa.Proof implements it, and nothing else
// should: what is added to a Login becomes amr.
type Proof interface {
	Subject() string
	Method() string // it replaces an older proof of the same
	AMR() []string  // what it has earned (RFC 8176); none for a look-up secret
	Time() time.Time
	// PhishingResistant reports whether it proves a key that answers to this origin alone.
	PhishingResistant() bool
	Sealed() []byte // for Authentication.Sealed
}

// PasswordLogin begins a login with the only proof that can begin one, under a new sid. The epoch is the account's.
func PasswordLogin(subject string, epoch int64, at time.Time) *Login {
	return &Login{Subject: subject, Session: spelling.RandomID(), Epoch: epoch, Authentications: []Authentication{{Method: MethodPassword, Time: at}}}
}

// Add records a second factor. It replaces an older proof of the same method.
func (l *Login) Add(e Proof) error {
	switch {
	case e.Subject() == "" || e.Subject() != l.Subject:
		return errors.New("the proof is of another user")
	case e.Method() == "" || e.Method() == MethodPassword:
		return errors.New("the proof is of no second factor")
	}
	l.set(Authentication{e.Method(), e.Time(), e.AMR(), e.PhishingResistant(), e.Sealed()})
	return nil
}

// Renew records that the password was given again.
func (l *Login) Renew(at time.Time) { l.set(Authentication{Method: MethodPassword, Time: at}) }

func (l *Login) set(p Authentication) {
	kept := make([]Authentication, 0, len(l.Authentications)+1)
	for _, old := range l.Authentications {
		if old.Method != p.Method {
			kept = append(kept, old)
		}
	}
	l.Authentications = append(kept, p)
}

// Clone returns a copy that shares nothing with l.
func (l *Login) Clone() *Login {
	if l == nil {
		return nil
	}
	c := *l
	c.Authentications = slices.Clone(l.Authentications)
	return &c
}

// AuthenticatedAt returns when method was proved, and whether it was.
func (l *Login) AuthenticatedAt(method string) (time.Time, bool) {
	if l == nil {
		return time.Time{}, false
	}
	for _, p := range l.Authentications {
		if p.Method == method {
			return p.Time, true
		}
	}
	return time.Time{}, false
}

// Has reports whether method was proved.
func (l *Login) Has(method string) bool {
	_, ok := l.AuthenticatedAt(method)
	return ok
}

// SecondFactors are all that was proved besides the password. They may be those of the login, and are not to be changed.
func (l *Login) SecondFactors() []Authentication {
	if l == nil {
		return nil
	}
	isPassword := func(a Authentication) bool { return a.Method == MethodPassword }
	all := l.Authentications
	if len(all) > 0 && isPassword(all[0]) { // as in almost all
		all = all[1:]
	}
	if slices.ContainsFunc(all, isPassword) {
		return slices.DeleteFunc(slices.Clone(all), isPassword)
	}
	return slices.Clip(all)
}

// Sealed are the second factors' Authentication.Sealed.
func (l *Login) Sealed() [][]byte {
	var all [][]byte
	for _, a := range l.SecondFactors() {
		all = append(all, a.Sealed)
	}
	return all
}

// SecondFactor reports whether an authenticator or a recovery code was proved.
func (l *Login) SecondFactor() bool { return len(l.SecondFactors()) > 0 }

// onlyLookup reports whether look-up secrets are the only second factors that were proved.
func (l *Login) onlyLookup() bool {
	return !slices.ContainsFunc(l.SecondFactors(), func(a Authentication) bool { return !a.isLookup() })
}

// Fresh reports whether method was proved recently enough for the demand.
func (l *Login) Fresh(d Demand, method string, now time.Time) bool {
	at, ok := l.AuthenticatedAt(method)
	return ok && d.Fresh(at, now)
}

// Satisfies reports whether all that was proved is fresh enough, and by the user that the demand names.
func (l *Login) Satisfies(d Demand, now time.Time) bool {
	if l == nil || l.Subject == "" || (d.Subject != "" && d.Subject != l.Subject) || !l.Fresh(d, MethodPassword, now) {
		return false
	}
	return l.Reaches(d, now) || Rank(d.Level()) < Rank(LevelTwo) && !l.SecondFactor()
}

// Reaches reports whether a second factor was proved that is fresh enough and reaches the level which the client wants or
// the policy asks for.
func (l *Login) Reaches(d Demand, now time.Time) bool {
	return slices.ContainsFunc(l.SecondFactors(), func(a Authentication) bool {
		return d.Fresh(a.Time, now) && Rank(a.level(d.WeakRecovery)) >= Rank(d.Level())
	})
}

// Told returns what the client is told of the login: it without the proofs that are too old for the demand, which the client
// must not take for new, and without what is Sealed.
func (l *Login) Told(d Demand, now time.Time) *Login {
	c := l.Clone()
	c.Authentications = slices.DeleteFunc(c.Authentications, func(p Authentication) bool { return !d.Fresh(p.Time, now) })
	for i := range c.Authentications {
		c.Authentications[i].Sealed = nil // which is for the pages
	}
	return c
}

// AMR lists the authentication methods (RFC 8176): the password's, those that the second factors have earned, and mfa if
// there are both. A recovery code, which is a look-up secret and no OTP, shows only in mfa.
func (l *Login) AMR() []string {
	var amr []string
	add := func(values ...string) {
		for _, v := range values {
			if !slices.Contains(amr, v) {
				amr = append(amr, v)
			}
		}
	}
	if l.Has(MethodPassword) {
		add("pwd")
	}
	for _, a := range l.SecondFactors() {
		add(a.AMR...)
	}
	if l.Has(MethodPassword) && l.SecondFactor() {
		add("mfa")
	}
	return amr
}

// ACR returns the level that was reached, or "" for a login without a proof. Levels may be stricter.
func (l *Login) ACR() string {
	return l.level(false)
}

// level is the highest that one of the proofs gives beside the password.
func (l *Login) level(weakRecovery bool) string {
	if !l.Has(MethodPassword) {
		return ""
	}
	reached := LevelOne
	for _, a := range l.SecondFactors() {
		reached = Higher(reached, a.level(weakRecovery))
	}
	return reached
}

// AuthTime returns when the oldest of the proofs was given that AMR rests on, so that whoever checks the age of a login
// never takes a proof for younger than it is; zero for a login without a password. A recovery code beside an authenticator
// is not told, and so says nothing about the time.
func (l *Login) AuthTime() time.Time {
	oldest, _ := l.AuthenticatedAt(MethodPassword)
	lookups := l.onlyLookup()
	for _, a := range l.SecondFactors() {
		if a.isLookup() == lookups && a.Time.Before(oldest) {
			oldest = a.Time
		}
	}
	return oldest
}

// LastAuthentication returns when something was last proved; zero if nothing was. It is no auth_time.
func (l *Login) LastAuthentication() time.Time {
	var last time.Time
	for _, p := range l.Authentications {
		if p.Time.After(last) {
			last = p.Time
		}
	}
	return last
}
