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
	StateRetired = "retired" // it was taken away: it is not published, and what it has signed is worth nothing
)

// Term is a key with the time that it signs in. All processes that have read the same rows agree on it.
type Term struct {
	SealedKey
	State string
	Until time.Time // when another signs in its place; zero: none is made yet
}

// Terms returns the keys, those of an algorithm by their numbers, with what they are for now. At most one of each algorithm
// signs: the last whose time has come, and the first while that of none has. If that one was taken away, the next signs at
// once, and none before it ever again.
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
	signing := signingOf(terms, now)
	for i := range terms {
		switch {
		case !terms[i].Retired.IsZero():
			terms[i].State = StateRetired
		case i < signing:
			terms[i].State = StatePast
		case i == signing:
			terms[i].State = StateSigning
		}
	}
	return terms
}

// signingOf is which of the keys of an algorithm signs; len(terms): none.
func signingOf(terms []Term, now time.Time) int {
	signing := 0
	for i, t := range terms {
		if !now.Before(t.Signs) {
			signing = i
		}
	}
	for signing < len(terms) && !terms[signing].Retired.IsZero() {
		signing++
	}
	return signing
}

// NextNumber is that of the key after all that there are of an algorithm.
func NextNumber(terms []Term, algorithm string) int64 {
	last := int64(0)
	for _, t := range terms {
		if t.Algorithm == algorithm {
			last = max(last, t.Number)
		}
	}
	return last + 1
}

// KeepPublished is how long a key is published after it has signed last. It is far longer than any token lives, and than
// anybody keeps the published keys.
const KeepPublished = 7 * 24 * time.Hour

// keep is how long a key is kept after it has signed last, so that an ID token of an old session still is a hint.
const keep = 90 * 24 * time.Hour

// over reports whether nobody needs the key any more.
func (t Term) over(now time.Time) bool {
	return t.State == StatePast && !now.Before(t.Until.Add(keep)) || t.State == StateRetired && !now.Before(t.Retired.Add(keep))
}

// published reports whether whoever asks for the keys is given this one.
func (t Term) published(now time.Time) bool {
	return t.State == StateNext || t.State == StateSigning || t.State == StatePast && now.Before(t.Until.Add(KeepPublished))
}

// Schedule says when keys follow one another.
type Schedule struct {
	Lifetime time.Duration // how long a key signs; 0 or less: until an operator has the next one made
	Announce time.Duration // how long a key is published before it signs
}

// MinAnnounce is how long all processes need to publish a new key, if each calls Reload every three seconds. A client may
// keep the published keys for five minutes, and most ask again for a key that they do not know.
const MinAnnounce = 10 * time.Second

// Next is what a store lacks: a key of an algorithm that has none to sign, or the one after the key that signs.
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
		if signingOf(terms, now) == len(terms) {
			due = append(due, Next{algorithm, NextNumber(terms, algorithm), now})
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
