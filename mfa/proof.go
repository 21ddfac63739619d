package mfa

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// MethodRecovery is the Method of a recovery code.
const MethodRecovery = "recovery"

// Proof says that a right answer was given. Only this package makes one that says anything.
type Proof struct {
	subject string
	kind    string
	method  string
	amr     []string
	time    time.Time
	detail  map[string]string
	had     []string // the authenticators of the subject by then
	sealed  []byte

	phishingResistant bool
	strongest         bool // no authenticator proves more: it was phishing-resistant, or a recovery code
}

// Subject is the user whose factor it was.
func (p Proof) Subject() string { return p.subject }

// Kind is the name of the Kind, or "recovery", or empty for a Proof that proves nothing.
func (p Proof) Kind() string { return p.kind }

// Method is what the proof is called in a login: that of the Kind or MethodRecovery. It is empty for a Proof that proves
// nothing. It is no value of amr: AMR is.
func (p Proof) Method() string { return p.method }

// AMR is what the proof has earned, as RFC 8176 calls it. A recovery code is a look-up secret, for which there is no
// value: it has none.
func (p Proof) AMR() []string { return slices.Clone(p.amr) }

// Time is when the answer was given.
func (p Proof) Time() time.Time { return p.time }

// PhishingResistant reports whether no page of another origin could have asked for the answer: the Kind says so of all its
// answers.
func (p Proof) PhishingResistant() bool { return p.phishingResistant }

// Detail is what the Kind says is worth recording, by short names.
func (p Proof) Detail() map[string]string { return maps.Clone(p.detail) }

// Sealed is what Service.OpenProof takes back, for a host whose user proves in one request and changes the factors in a
// later one. It is kept with the session: it holds no secret, and allows what it allows for as long as Limits.Proof. It is
// empty for a Proof that proves nothing.
func (p Proof) Sealed() []byte { return slices.Clone(p.sealed) }

// proofOf is what a right answer of the kind proves.
func proofOf(k Kind, subject string, found Match, had []string, at time.Time) Proof {
	names := k.Names()
	return Proof{
		subject: subject, kind: names.Kind, method: names.Method, amr: found.AMR, time: at, detail: found.Detail,
		phishingResistant: names.PhishingResistant, strongest: names.PhishingResistant, had: had,
	}
}

// sealedProof is what there is in Sealed.
type sealedProof struct {
	Time      time.Time `json:"time"`
	Had       []string  `json:"had"`
	Strongest bool      `json:"strongest,omitempty"`
}

// seal returns the proof with what OpenProof takes back.
func (s *Service) seal(p Proof) (Proof, error) {
	plain, err := json.Marshal(sealedProof{p.time, p.had, p.strongest})
	if err == nil {
		p.sealed, err = s.Keys.sealText(plain, proofAAD(p.subject))
	}
	if err != nil {
		return Proof{}, fmt.Errorf("seal proof: %w", err)
	}
	return p, nil
}

// OpenProof returns a Proof of the subject that was Sealed by a Service with the same keys. It allows a change of the
// factors as long as the one that was sealed does, and is good for nothing else: it was an answer once, so that it has no
// Method and no AMR now, and signs nobody in. ErrProof if it was altered, or is another subject's.
func (s *Service) OpenProof(subject string, sealed []byte) (Proof, error) {
	plain, err := s.Keys.openText(sealed, proofAAD(subject))
	if err != nil {
		return Proof{}, fmt.Errorf("%w: %v", ErrProof, err)
	}
	var was sealedProof
	if err := json.Unmarshal(plain, &was); err != nil {
		return Proof{}, fmt.Errorf("%w: %v", ErrProof, err)
	}
	return Proof{subject: subject, time: was.Time, had: was.Had, strongest: was.Strongest}, nil
}

// allows returns ErrProof unless the proof allows a change of these factors of the subject. To take an authenticator away is
// what its user, or an operator, does about a thief, who may have proved it, or a recovery code that came with it: so no
// proof that was given while it was there outlives it. Of a user who has a phishing-resistant authenticator it takes one of
// those, or a recovery code: a code that a false page has asked for must not bring another authenticator in, nor take the
// key away (NIST SP 800-63B-4 section 4.1.2).
func (s *Service) allows(p Proof, subject string, f Factors) error {
	age := s.now().Sub(p.time).Abs() // another process may have a clock that is a moment ahead
	if p.subject == "" || p.subject != subject || len(p.had) == 0 || age >= s.Limits.orDefault().Proof {
		return ErrProof
	}
	has := ids(f.Authenticators)
	gone := slices.ContainsFunc(p.had, func(id string) bool { return !slices.Contains(has, id) })
	if gone || !p.strongest && Best(s.Kinds, kindsOf(f.Authenticators)).Meets(PhishingResistant) {
		return ErrProof
	}
	return nil
}

func kindsOf(all []Authenticator) []string {
	found := make([]string, 0, len(all))
	for _, a := range all {
		found = append(found, a.Kind)
	}
	return found
}

func ids(all []Authenticator) []string {
	found := make([]string, 0, len(all)+1)
	for _, a := range all {
		found = append(found, a.ID)
	}
	return found
}
