package mfatest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/mfa"
)

// Stores is all that an mfa.Service keeps its state in.
type Stores interface {
	mfa.Store
	mfa.Attempts
	mfa.Setups
}

// atomically is what a store may offer besides; if it does, it is proved too.
type atomically interface {
	Atomic(ctx context.Context, fn func(ctx context.Context) error) error
}

// TestStore proves that what open returns, an empty store each time, keeps the contracts of
// mfa.Store, mfa.Attempts and mfa.Setups.
func TestStore(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Stores)
	}{
		{"nothing", nothing},
		{"setup", setups},
		{"confirmed setup", confirmSetup},
		{"activate", activate},
		{"activate once", activateOnce},
		{"activate without a setup", activateAlone},
		{"new recovery set", newSet},
		{"parallel activations", parallelActivate},
		{"kinds", kinds},
		{"add", add},
		{"parallel adds", parallelAdd},
		{"rename", rename},
		{"rename onto a setup", renameOntoSetup},
		{"remove", remove},
		{"remove the last", removeLast},
		{"parallel removals", parallelRemove},
		{"remove a spare", removeSpare},
		{"parallel removals of spares", parallelRemoveSpare},
		{"reset", reset},
		{"spend", spend},
		{"spend without a counter", spendWithoutCounter},
		{"parallel spends", parallelSpend},
		{"redeem", redeem},
		{"parallel redemptions", parallelRedeem},
		{"parallel redemptions of all", redeemAll},
		{"budgets", budgetsApart},
		{"window", window},
		{"lock", lock},
		{"in a row", inARow},
		{"return", giveBack},
		{"return of the last guesses", giveBackLast},
		{"return of what was set back", giveBackTwice},
		{"parallel returns", parallelReturn},
		{"one guess in several budgets", countAll},
		{"parallel guesses in several budgets", parallelCountAll},
		{"forgive", forgive},
		{"stale", stale},
		{"stale after forgiving", staleForgiven},
		{"stale while a lock is taken back", staleReturned},
		{"parallel guesses of a stale sign-in", parallelStale},
		{"enable", enable},
		{"parallel guesses", parallelGuess},
		{"parallel guesses at the end of a lock", parallelAfterLock},
		{"atomic", allOrNothing},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

const contenders = 16

var (
	ctx = context.Background()
	now = time.UnixMicro(1_790_000_000_123_456).UTC()
)

// race runs fn in many goroutines at once and returns how many got nil; each other must get lost.
func race(t *testing.T, lost error, fn func(i int) error) int {
	t.Helper()
	var won atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range contenders {
		group.Go(func() {
			<-start
			switch err := fn(i); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, lost):
				t.Errorf("contender %d: %v, want %v", i, err, lost)
			}
		})
	}
	close(start)
	group.Wait()
	return int(won.Load())
}

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	check(t, what, err, nil)
}

func factors(t *testing.T, s Stores, subject string) mfa.Factors {
	t.Helper()
	f, err := s.Factors(ctx, subject)
	must(t, "Factors", err)
	with, found := s.FactorsAlong(ctx, subject)
	_, err = s.Attempt(with, "along:"+subject, mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}, now)
	must(t, "Attempt", err)
	along, err := found(ctx)
	must(t, "FactorsAlong", err)
	if !reflect.DeepEqual(along, f) {
		t.Errorf("FactorsAlong(%s) = %+v, want %+v", subject, along, f)
	}
	return f
}

func enrolled(t *testing.T, s Stores, subject string, want bool) {
	t.Helper()
	got, err := s.KindsOf(ctx, subject)
	if err != nil || len(got) > 0 != want {
		t.Errorf("KindsOf(%s) = %v, %v, want any: %v", subject, got, err, want)
	}
	_, found := s.KindsAlong(ctx, subject)
	if along, err := found(ctx); err != nil || len(along) != len(got) {
		t.Errorf("KindsAlong(%s) = %v, %v, want %v", subject, along, err, got)
	}
}

func setup(owner, subject string, basis int64) mfa.Setup {
	return mfa.Setup{
		Owner: owner, Subject: subject, ID: "id of " + owner, Kind: "key", Basis: basis, KeyID: "k1", Sealed: []byte{0, 1, 255},
		Confirmed: true, Name: "Télé\"phone", Created: now, Expires: now.Add(15 * time.Minute),
	}
}

func authenticator(subject, id string) *mfa.Authenticator {
	return &mfa.Authenticator{
		ID: id, Subject: subject, Kind: "key", Name: "name of " + id, KeyID: "k1", Secret: []byte{0, 2, 254},
		Params: `{"a":"é"}`, Counter: 1000, Created: now,
	}
}

func recovery(subject, id string) *mfa.RecoverySet {
	r := &mfa.RecoverySet{ID: id, Subject: subject, Salt: []byte("salt of " + id), Params: "$argon2id$v=19$m=19456,t=2,p=1", Total: 10, Created: now}
	for i := range r.Total {
		r.Digests = append(r.Digests, digest(id, i))
	}
	return r
}

func digest(set string, i int) []byte { return append([]byte(set), 0, byte(i)) }

// enrol gives the subject one more authenticator, and recovery codes if set is not empty.
func enrol(t *testing.T, s Stores, subject, id, set string) {
	t.Helper()
	basis := factors(t, s, subject).Generation
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("enrol "+id, subject, basis)))
	var r *mfa.RecoverySet
	if set != "" {
		r = recovery(subject, set)
	}
	must(t, "Activate", s.Activate(ctx, subject, "enrol "+id, basis, authenticator(subject, id), r))
}
