package jwks

import (
	"slices"
	"time"
)

// States of a key.
const (
	StateNext    = "next"    // it is published, and does not sign yet
	StateSigning = "signing" // it signs
	StatePast    = "past"    // it has signed
)

// Term is a key with the time that it signs in. All processes that have read the same rows agree on it.
type Term struct {
	SealedKey
	State string
	Until time.Time // when another signs in its place; zero: none is made yet
}

// Terms returns the keys, those of an algorithm by their numbers, with what they are for now. Of each algorithm that has
// keys one signs: it is the last whose time has come, and the first while that of none has.
func Terms(rows []SealedKey, now time.Time) []Term {
	var terms []Term
	for _, algorithm := range Algorithms {
		terms = append(terms, termsOf(rows, algorithm, now)...)
	}
	return terms
}

func termsOf(rows []SealedKey, algorithm string, now time.Time) []Term {
	var terms []Term
	for _, row := range rows {
		if row.Algorithm == algorithm {
			terms = append(terms, Term{SealedKey: row, State: StateNext})
		}
	}
	slices.SortFunc(terms, func(a, b Term) int { return int(a.Number - b.Number) })
	for i := len(terms) - 2; i >= 0; i-- { // one that was brought forward also ends those before it
		if terms[i].Until = terms[i+1].Signs; !terms[i+1].Until.IsZero() && terms[i+1].Until.Before(terms[i].Until) {
			terms[i].Until = terms[i+1].Until
		}
	}
	signing := 0
	for i, t := range terms {
		if !now.Before(t.Signs) {
			signing = i
		}
	}
	for i := range terms[:min(signing, len(terms))] {
		terms[i].State = StatePast
	}
	if len(terms) > 0 {
		terms[signing].State = StateSigning
	}
	return terms
}

// KeepPublished is how long a key is published after it has signed last. It is far longer than any token lives, and than
// anybody keeps the published keys.
const KeepPublished = 7 * 24 * time.Hour

// keep is how long a key is kept after it has signed last, so that an ID token of an old session still is a hint.
const keep = 90 * 24 * time.Hour

// over reports whether nobody needs the key any more.
func (t Term) over(now time.Time) bool {
	return t.State == StatePast && !now.Before(t.Until.Add(keep))
}

// published reports whether whoever asks for the keys is given this one.
func (t Term) published(now time.Time) bool {
	return t.State != StatePast || now.Before(t.Until.Add(KeepPublished))
}

// Schedule says when keys follow one another.
type Schedule struct {
	Lifetime time.Duration // how long a key signs; 0 or less: until an operator has the next one made
	Announce time.Duration // how long a key is published before it signs
}

// MinAnnounce is how long all processes need to publish a new key, if each calls Reload every three seconds. A client may
// keep the published keys for five minutes, and most ask again for a key that they do not know.
const MinAnnounce = 10 * time.Second

// Next is what a store lacks: the first key of an algorithm, or the one after the key that signs.
type Next struct {
	Algorithm string
	Number    int64
	Signs     time.Time
}

// Due returns what is to be made now.
func (s Schedule) Due(rows []SealedKey, now time.Time) []Next {
	var due []Next
	for _, algorithm := range Algorithms {
		terms := termsOf(rows, algorithm, now)
		if len(terms) == 0 {
			due = append(due, Next{algorithm, 1, now})
			continue
		}
		last := terms[len(terms)-1]
		if end := last.Signs.Add(s.Lifetime); s.Lifetime > 0 && !now.Before(end.Add(-s.Announce)) {
			due = append(due, Next{algorithm, last.Number + 1, later(end, now.Add(s.Announce))})
		}
	}
	return due
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
