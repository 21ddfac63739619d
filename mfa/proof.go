package mfa

import (
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

	phishingResistant bool
}

// Subject is the user whose factor it was.
func (p Proof) Subject() string { return p.subject }

// Kind is the name of the Kind, or "recovery", or empty for a Proof that proves nothing.
func (p Proof) Kind() string { return p.kind }

// Method is what the proof is called in a login: that of the Kind or MethodRecovery. It is empty for a Proof that proves
// nothing.
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
