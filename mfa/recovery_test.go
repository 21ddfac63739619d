package mfa

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/limiter"
)

func TestNewCodes(t *testing.T) {
	seen := make(map[rune]int)
	for range 200 {
		codes := newCodes()
		if len(codes) != 10 {
			t.Fatalf("%d codes, want 10", len(codes))
		}
		for _, code := range codes {
			if len(code) != 15 || strings.Trim(code, "23456789ABCDEFGHJKMNPQRSTUVWXYZ") != "" {
				t.Fatalf("code %q is not 15 symbols of the alphabet", code)
			}
			for _, r := range code {
				seen[r]++
			}
		}
	}
	first := 0 // the eight that a careless modulo would favour, by nine standard deviations
	for _, r := range alphabet[:8] {
		first += seen[r]
	}
	if first < 7742-450 || first > 7742+450 {
		t.Errorf("the first eight symbols came %d times in 30000, want about 7742", first)
	}
	if len(seen) != 31 {
		t.Errorf("%d symbols in 2000 codes, want all 31", len(seen))
	}
	for r, n := range seen { // 968 expected; ten standard deviations are 306
		if n < 660 || n > 1280 {
			t.Errorf("symbol %c came %d times in 30000, want about 968", r, n)
		}
	}
}

func TestParseRecovery(t *testing.T) {
	const want = "K7QF2M9XPT4D8WH"
	for _, typed := range []string{
		groups(want), want, "k7qf2-m9xpt-4d8wh", " K7QF2 M9XPT 4D8WH\n", "K7QF2–M9XPT—4D8WH", "k7qf2.m9xpt.4d8wh\u200b",
	} {
		if got, err := parseRecovery(typed); got != want || err != nil {
			t.Errorf("parseRecovery(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"", "123456", want[1:], want + "2", "O" + want[1:], "I" + want[1:], "1" + want[1:], "0" + want[1:], "é" + want[2:], want[:14] + "\xff"} {
		if got, err := parseRecovery(typed); !errors.Is(err, ErrFormat) {
			t.Errorf("parseRecovery(%q) = %q, %v, want ErrFormat", typed, got, err)
		}
	}
	if got := groups(want); got != "K7QF2-M9XPT-4D8WH" {
		t.Errorf("groups = %q", got)
	}
}

// A damaged row is refused before the guess is counted and before anything is computed.
func TestCost(t *testing.T) {
	if got := new(Service).cost().String(); got != "$argon2id$v=19$m=19456,t=2,p=1" {
		t.Errorf("default cost = %q", got)
	}
	for _, params := range []string{"", "argon2id", "$argon2id$v=19$m=19456,t=2,p=1 ", "$argon2id$v=19$m=19456,t=0,p=1", "$argon2id$v=19$m=19456,t=2,p=0",
		"$argon2id$v=19$m=4294967295,t=2,p=1", "$argon2id$v=19$m=19456,t=1000000,p=1", "$argon2i$v=19$m=19456,t=2,p=1", "$argon2id$v=19$m=-1,t=2,p=1"} {
		counted := func() error { t.Errorf("with the cost %q a guess is counted", params); return nil }
		if digest, err := new(Service).slowly(context.Background(), "A", make([]byte, saltSize), params, counted); err == nil {
			t.Errorf("with the cost %q the digest is %x, want an error", params, digest)
		}
	}
}

// A recovery guess costs one hash, whatever the number of codes.
func TestSet(t *testing.T) {
	s := &Service{Memory: 8, Passes: 1}
	set, err := s.recovery(context.Background(), "ana", []string{"A", "B"}, s.now())
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]bool{"A": true, "B": true, "C": false} {
		digest, err := s.slowly(context.Background(), code, set.Salt, set.Params, nil)
		if err != nil || contains(set.Digests, digest) != want {
			t.Errorf("the set contains %s: %v, %v, want %v", code, !want, err, want)
		}
	}
	again, err := s.recovery(context.Background(), "ana", []string{"A", "B"}, s.now())
	if err != nil || slices.Equal(set.Salt, again.Salt) || slices.Equal(set.Digests[0], again.Digests[0]) {
		t.Errorf("two sets of the same codes have the same salt or digests, %v", err)
	}
}

// A Service that is given no Gate has one of its own. Who is turned away there has not guessed.
func TestGate(t *testing.T) {
	s := &Service{Memory: 64, Passes: 1}
	slowly := func(ctx context.Context) (counted bool, err error) {
		_, err = s.slowly(ctx, "A", make([]byte, saltSize), s.cost().String(), func() error { counted = true; return nil })
		return counted, err
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if counted, err := slowly(gone); !errors.Is(err, context.Canceled) || counted {
		t.Errorf("for a caller that went away: %v, counted: %v", err, counted)
	}
	var places []*limiter.Place
	for {
		p, err := s.own.Join("")
		if err != nil {
			break
		}
		places = append(places, p)
	}
	if counted, err := slowly(context.Background()); !errors.Is(err, ErrBusy) || counted {
		t.Errorf("beyond the queue: %v, counted: %v, want ErrBusy", err, counted)
	}
	for _, p := range places {
		p.Leave()
	}
	if counted, err := slowly(context.Background()); err != nil || !counted {
		t.Errorf("at an empty gate: %v, counted: %v", err, counted)
	}
}
