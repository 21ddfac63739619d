package mfa

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kind is one kind of authenticator: an app that shows codes, a security key. It is pure: it has no store and no clock,
// and it counts, seals and spends nothing; all that a Service does. mfatest.TestKind proves a Kind.
//
// Forms come from browsers, so that anything may be in them.
type Kind interface {
	// Names returns what the kind is called, which never changes.
	Names() Names
	// Enrol begins an authenticator: what it returns stays sealed in the set-up until Confirm. Of a Credential it sets
	// Secret and Params. chosen are the settings that the user wants, nil if none; ErrChoice if they may not be had.
	Enrol(u User, chosen url.Values) (Credential, error)
	// Offer returns what the page of the set-up shows of that, however often, also once it is confirmed.
	Offer(draft Credential) (view any, err error)
	// Confirm reads the first answer of the new authenticator. The Credential of the Match is what it is from then on.
	Confirm(draft Credential, answer url.Values) (Compare, error)
	// Challenge begins a proof: view is what the page shows, and state, which may be nil, what Check gets back with the
	// answer. all are the user's, at least one.
	Challenge(all []Credential) (state []byte, view any, err error)
	// MayAnswer reports false of a form that Check refuses as none, whatever the user has: nothing is counted for it.
	MayAnswer(answer url.Values) bool
	// Check reads an answer to a challenge. The Credential of the Match is the one of all that gave it, with its new
	// Counter and Params; nothing else of it is kept. ErrChallenge if the state is none that Challenge returned for these.
	Check(all []Credential, state []byte, answer url.Values) (Compare, error)
}

// Compare compares an answer that was read. A Service calls it once the guess is counted, and so does whatever it does
// in constant work: its time must not tell which of a user's authenticators was close, or how.
//
// ErrCode stands for a wrong answer; the Service says how many tries are left. Whatever else is an ErrCode, an ErrUsed
// or an ErrExpired is told as it is. Any other error is a fault, and no guess.
type Compare func(now time.Time) (Match, error)

// Names are what a Kind is called.
type Names struct {
	Kind   string // in rows, budgets and events, e.g. "totp": small letters and digits
	Method string // in logins: what a proof replaces an older one by, e.g. "otp"
	Label  string // for users: the name of an authenticator that was given none
	Field  string // of the forms: where users type the answer; empty: they type none
	// Open says that Challenge returns no state, and looks at nothing of the authenticators but their Params: so a page
	// that asks for an answer costs no look into the store.
	Open bool

	// PhishingResistant says that each right answer proves a key which answers to the origin of the pages alone, so that
	// no other page can ask for it, and earns hwk or swk (RFC 8176). Those values do not say it by themselves: a token
	// that shows codes may be hardware too.
	PhishingResistant bool
}

// Strength is the most that authenticators of the kind do.
func (n Names) Strength() Strength {
	if n.PhishingResistant {
		return PhishingResistant
	}
	return Required
}

// reserved are names that budgets, events, additional data, texts and addresses use for what is no Kind.
var reserved = []string{
	"password", "pwd", "address", "recovery", "setup", "challenge", "factor", "cancel", "restart", "notice", "continue",
}

// Check says what is wrong with the names.
func (n Names) Check() error {
	strange := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	switch {
	case n.Kind == "" || len(n.Kind) > 32 || strings.ContainsFunc(n.Kind, strange):
		return fmt.Errorf("the name %q of a kind should be small letters and digits", n.Kind)
	case slices.Contains(reserved, n.Kind):
		return fmt.Errorf("the name %q of a kind stands for something else", n.Kind)
	case slices.Contains(reserved, n.Method) || n.Method == "":
		return fmt.Errorf("the method %q of a kind is missing or stands for something else", n.Method)
	case n.Label == "":
		return errors.New("a kind has no label")
	}
	return nil
}

// User is whom a new authenticator is for.
type User struct {
	Subject string
	Others  []Credential // that the user has of the kind, without their secrets
}

// Credential is an authenticator as its Kind sees it, with what is secret in the open. It prints without that.
type Credential struct {
	ID      string
	Kind    string
	Name    string
	Secret  []byte // or what else must not be changed, such as a public key
	Params  string // what else the Kind must know, in the open in the store
	Counter int64  // see Authenticator
	Created time.Time
}

// String leaves the secret out.
func (c Credential) String() string { return fmt.Sprintf("%s %s %q", c.Kind, c.ID, c.Name) }

// GoString leaves the secret out.
func (c Credential) GoString() string { return c.String() }

// Match is an answer that is right.
type Match struct {
	Credential Credential
	AMR        []string          // what was proved, as RFC 8176 calls it
	Detail     map[string]string // what else is worth recording, by short names
	Again      int               // seconds until the authenticator gives another answer, if that depends on the time
}

// Refusal is why a Kind does not accept an answer, where its outcome alone would say too little. It wraps the outcome: an
// ErrCode, ErrUsed, ErrExpired, ErrFormat, ErrLooksLikeRecovery or ErrChallenge.
type Refusal struct {
	ID     string            // of the text for users, below the name of the kind: format is totp.format
	Args   map[string]string // what stands for the placeholders of that text
	Reason string            // one word for the record; empty: that of the outcome
	Err    error             // the outcome, or what wraps it
}

func (e *Refusal) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Refusal) Unwrap() error { return e.Err }

// Answer is what a user gives to prove an authenticator.
type Answer struct {
	Kind  string
	Owner string // whose the challenge is, a sign-in say; empty for a kind that has none
	State []byte // as Challenge returned it
	Form  url.Values
}

// kind returns the Kind of that name, or ErrNoKind.
func (s *Service) kind(name string) (Kind, error) {
	for _, k := range s.Kinds {
		if names := k.Names(); names.Kind == name {
			return k, names.Check()
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoKind, name)
}

// factors are the names of all that guesses are counted of apart, in the order in which a commit writes their counts.
func (s *Service) factors() []string {
	var names []string
	for _, k := range s.Kinds {
		names = append(names, k.Names().Kind)
	}
	slices.Sort(names)
	return append(names, factorRecovery)
}

// IsSeparator reports whether r is what people, and apps that copy, put between the digits of a code or the letters of a
// key: spaces of any kind, dashes, dots, and marks that cannot be seen.
func IsSeparator(r rune) bool {
	if '0' <= r && r <= '9' { // as almost all that is typed
		return false
	}
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '\u2212' || r == '.' || r == '·'
}
