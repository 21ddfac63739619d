package providertest

import (
	"time"

	"vestibule/provider/assurance"
)

// Methods of second factors that a Proof may be of, beside assurance.MethodRecovery.
const (
	MethodOTP = "otp" // an authenticator app
	MethodKey = "key" // a security key, which is phishing-resistant
)

// earned is what methods earn (RFC 8176). There is none for a recovery code.
var earned = map[string][]string{MethodOTP: {"otp"}, MethodKey: {"hwk"}}

// Proof is an assurance.Proof that nobody had to give.
type Proof struct {
	Of string // the subject
	By string // the method
	At time.Time
}

// Subject implements assurance.Proof.
func (p Proof) Subject() string { return p.Of }

// Method implements assurance.Proof.
func (p Proof) Method() string { return p.By }

// AMR implements assurance.Proof.
func (p Proof) AMR() []string { return earned[p.By] }

// Time implements assurance.Proof.
func (p Proof) Time() time.Time { return p.At }

// PhishingResistant implements assurance.Proof.
func (p Proof) PhishingResistant() bool { return p.By == MethodKey }

// Sealed implements assurance.Proof.
func (p Proof) Sealed() []byte { return []byte("sealed " + p.By) }

// Prove returns a proof of the subject u1.
func Prove(method string, at time.Time) Proof { return Proof{"u1", method, at} }

// Authentication returns what a login keeps of a proof by the method.
func Authentication(method string, at time.Time) assurance.Authentication {
	p := Prove(method, at)
	return assurance.Authentication{Method: method, Time: at, AMR: p.AMR(), PhishingResistant: p.PhishingResistant()}
}

// Login returns a login of the subject u1, with a password at 1000 s of Unix time, and proofs by the methods a second
// later.
func Login(methods ...string) *assurance.Login {
	l := assurance.PasswordLogin("u1", 0, time.Unix(1000, 0))
	for _, method := range methods {
		if err := l.Add(Prove(method, time.Unix(1001, 0))); err != nil {
			panic(err)
		}
	}
	return l
}
