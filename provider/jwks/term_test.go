package jwks

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// keys are of one algorithm, each with when it signs in hours after noon.
func keys(hours ...int) (rows []SealedKey) {
	for i, h := range hours {
		rows = append(rows, SealedKey{ID: fmt.Sprint(i + 1), Algorithm: es256, Number: int64(i + 1), Signs: noon.Add(time.Duration(h) * time.Hour)})
	}
	return rows
}

// retired takes those with the numbers away.
func retired(rows []SealedKey, numbers ...int) []SealedKey {
	for _, n := range numbers {
		rows[n-1].Retired = noon
	}
	return rows
}

// A key that was taken away never signs again, and none before it: somebody may have those too.
func TestRetiredKeysDoNotReturn(t *testing.T) {
	t.Parallel()
	at := func(hour int) time.Time { return noon.Add(time.Duration(hour) * time.Hour) }
	for _, tt := range []struct {
		rows []SealedKey
		now  int
		want string
		due  int64 // number of the key that is to be made at once; 0: none
	}{
		{retired(keys(0, 5), 2), 9, "past retired", 3},
		{retired(keys(0, 5, 9), 2), 6, "past retired signing", 0}, // the next signs, although its time has not come
		{retired(keys(0, 5, 9), 2, 3), 6, "past retired retired", 4},
		{retired(keys(0, 5, 9), 1), 6, "retired signing next", 0},
		{retired(keys(0, 5, 9), 3), 6, "past signing retired", 0},
		{retired(keys(0), 1), 0, "retired", 2},
	} {
		var states []string
		for _, term := range Terms(tt.rows, at(tt.now)) {
			states = append(states, term.State)
			if term.State == StateRetired && term.published(at(tt.now)) {
				t.Errorf("%s: a retired key is published", tt.want)
			}
		}
		if got := strings.Join(states, " "); got != tt.want {
			t.Errorf("at %d: %s, want %s", tt.now, got, tt.want)
		}
		made := int64(0)
		for _, next := range (Schedule{}).Due(tt.rows, at(tt.now)) {
			if next.Algorithm == es256 {
				made = next.Number
			}
		}
		if made != tt.due {
			t.Errorf("%s: key %d is to be made, want %d", tt.want, made, tt.due)
		}
	}
}

func TestTerms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hours []int
		now   int
		want  string // state and end of each
	}{
		{nil, 0, ""},
		{[]int{0}, 0, "signing"},
		{[]int{5}, 0, "signing"}, // the first need not wait: there is no other
		{[]int{5, 7}, 0, "signing 7, next"},
		{[]int{0, 5}, 4, "signing 5, next"},
		{[]int{0, 5}, 5, "past 5, signing"},
		{[]int{0, 5, 9}, 6, "past 5, signing 9, next"},
		{[]int{0, 5, 3}, 4, "past 3, past 3, signing"}, // one was brought forward before the one before it
		{[]int{0, 5, 3}, 2, "signing 3, next 3, next"},
	} {
		var got []string
		for _, term := range Terms(keys(tt.hours...), noon.Add(time.Duration(tt.now)*time.Hour)) {
			text := term.State
			if !term.Until.IsZero() {
				text += fmt.Sprintf(" %.0f", term.Until.Sub(noon).Hours())
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("keys from %v at %d: %s, want %s", tt.hours, tt.now, strings.Join(got, ", "), tt.want)
		}
	}
}

// Whatever keys there are, at any time one signs, and all that may have signed a token within a day is published, as is
// whatever signs within the time that keys are announced.
func TestOneSignsAndIsPublished(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	schedule := Schedule{Lifetime: 240 * time.Hour, Announce: 48 * time.Hour}
	for range 50 {
		var rows []SealedKey
		signed, published := map[string]time.Time{}, map[string]time.Time{}
		for now := noon; now.Before(noon.Add(2000 * time.Hour)); now = now.Add(time.Duration(random.IntN(24)) * time.Hour) {
			for _, next := range schedule.Due(rows, now) {
				rows = append(rows, SealedKey{ID: fmt.Sprint(next), Algorithm: next.Algorithm, Number: next.Number, Created: now, Signs: next.Signs})
			}
			signing := map[string]int{}
			for _, term := range Terms(rows, now) {
				if _, ok := published[term.ID]; !ok {
					published[term.ID] = now
				}
				if term.State == StateSigning {
					signing[term.Algorithm]++
					signed[term.ID] = now
					if early := now.Sub(published[term.ID]); term.Number > 1 && early < schedule.Announce {
						t.Fatalf("seed %d: a key signs %v after it was published", seed, early)
					}
				}
				if last, ok := signed[term.ID]; ok && !term.published(now) && now.Sub(last) < 24*time.Hour {
					t.Fatalf("seed %d: a key that signed %v ago is not published", seed, now.Sub(last))
				}
			}
			for _, algorithm := range Algorithms {
				if signing[algorithm] != 1 {
					t.Fatalf("seed %d: %d keys sign with %s", seed, signing[algorithm], algorithm)
				}
			}
		}
		if len(rows) < 7*len(Algorithms) {
			t.Fatalf("seed %d: %d keys in 2000 hours, want one of each algorithm in 240", seed, len(rows))
		}
	}
}

func TestKeysThatNobodyReplaces(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, -1} {
		if due := (Schedule{Lifetime: lifetime, Announce: time.Hour}).Due(keys(0), noon.Add(1e6*time.Hour)); len(due) != len(Algorithms)-1 {
			t.Errorf("with a lifetime of %v these are due: %v", lifetime, due)
		}
	}
}
