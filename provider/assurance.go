package provider

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"vestibule/provider/client"
)

// Login is who signed in and how: a list of what was proved, each with its own time.
type Login struct {
	Subject         string           `json:"subject"`
	Session         string           `json:"session"`         // the sid
	Epoch           int64            `json:"epoch,omitempty"` // of the account, when the password was proved
	Authentications []Authentication `json:"authentications"`
}

// Authentication is one thing that was proved.
type Authentication struct {
	Method string    `json:"method"` // MethodPassword, MethodTOTP or MethodRecovery
	Time   time.Time `json:"time"`
}

// Methods of a Proof.
const (
	MethodPassword = "pwd"
	MethodTOTP     = "otp"
	MethodRecovery = "recovery"
)

// Proof is a second factor that was just proved. mfa.Proof implements it, and nothing else
// should: what is added to a Login becomes amr.
type Proof interface {
	Subject() string
	Method() string
	Time() time.Time
}

// PasswordLogin begins a login with the only proof that can begin one, under a new sid. The epoch is the account's.
func PasswordLogin(subject string, epoch int64, at time.Time) *Login {
	return &Login{Subject: subject, Session: randomID(), Epoch: epoch, Authentications: []Authentication{{MethodPassword, at}}}
}

// Add records a second factor. It replaces an older proof of the same method.
func (l *Login) Add(e Proof) error {
	if e.Subject() == "" || e.Subject() != l.Subject {
		return errors.New("the proof is of another user")
	}
	l.set(Authentication{e.Method(), e.Time()})
	return nil
}

// Renew records that the password was given again.
func (l *Login) Renew(at time.Time) { l.set(Authentication{MethodPassword, at}) }

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

// SecondFactor reports whether an authenticator or a recovery code was proved.
func (l *Login) SecondFactor() bool { return l.Has(MethodTOTP) || l.Has(MethodRecovery) }

// Fresh reports whether method was proved recently enough for the demand: not before the request
// for prompt=login and max_age=0, and not longer ago than max_age, counted in whole seconds as
// relying parties count (OIDC Core 3.1.2.1).
func (l *Login) Fresh(d Demand, method string, now time.Time) bool {
	at, ok := l.AuthenticatedAt(method)
	if !ok {
		return false
	}
	if d.PromptLogin && at.Before(d.RequestedAt) {
		return false
	}
	return !d.HasMaxAge || !at.Before(d.RequestedAt) || now.Unix()-at.Unix() <= int64(d.MaxAge/time.Second)
}

// Satisfies reports whether all that was proved is fresh enough, and by the user that the demand names.
func (l *Login) Satisfies(d Demand, now time.Time) bool {
	if l == nil || l.Subject == "" || (d.Subject != "" && d.Subject != l.Subject) || !l.Fresh(d, MethodPassword, now) {
		return false
	}
	return l.Reaches(d, now) || !d.TwoSteps() && !d.Policy && !l.SecondFactor()
}

// Reaches reports whether a second factor was proved that is fresh enough and, if LevelTwo is wanted or the app obliges
// its users to it, counts for that.
func (l *Login) Reaches(d Demand, now time.Time) bool {
	return l.Fresh(d, MethodTOTP, now) || l.Fresh(d, MethodRecovery, now) && !(d.WeakRecovery && (d.TwoSteps() || d.Policy))
}

// fresh returns the login without the proofs that are too old for the demand: the client must not take them for new.
func (l *Login) fresh(d Demand, now time.Time) *Login {
	c := l.Clone()
	c.Authentications = slices.DeleteFunc(c.Authentications, func(p Authentication) bool { return !l.Fresh(d, p.Method, now) })
	return c
}

// AMR lists the authentication methods (RFC 8176). RFC 8176 has no value for a recovery code, which
// is a look-up secret and no OTP, so that it shows only in mfa.
func (l *Login) AMR() []string {
	var amr []string
	if l.Has(MethodPassword) {
		amr = append(amr, "pwd")
	}
	if l.Has(MethodTOTP) {
		amr = append(amr, "otp")
	}
	if l.Has(MethodPassword) && l.SecondFactor() {
		amr = append(amr, "mfa")
	}
	return amr
}

// ACR returns the level that was reached, or "" for a login without a proof. Levels may be stricter.
func (l *Login) ACR() string {
	switch {
	case !l.Has(MethodPassword):
		return ""
	case l.SecondFactor():
		return client.LevelTwo
	default:
		return client.LevelOne
	}
}

// AuthTime returns when the oldest of the proofs was given that AMR rests on, so that whoever checks the age of a login
// never takes a proof for younger than it is; zero for a login without a password. A recovery code beside a one-time code
// is not told, and so says nothing about the time.
func (l *Login) AuthTime() time.Time {
	oldest, _ := l.AuthenticatedAt(MethodPassword)
	second, ok := l.AuthenticatedAt(MethodTOTP)
	if !ok {
		second, ok = l.AuthenticatedAt(MethodRecovery)
	}
	if ok && second.Before(oldest) {
		return second
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

// idSize is how many bytes a randomID has.
const idSize = 16

// randomID returns 128 random bits.
func randomID() string {
	b := make([]byte, idSize)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
