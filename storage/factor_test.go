package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"vestibule/consent"
	"vestibule/consent/consenttest"
	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// emptied deletes all rows of the tables, so that each case of a contract begins with nothing.
func emptied(t *testing.T, s *storage.Store, tables ...string) *storage.Store {
	t.Helper()
	for _, table := range tables {
		must(t, s.Exec(t.Context(), nil, `DELETE FROM `+table))
	}
	return s
}

// errLost is for a race that may be lost in two ways.
var errLost = errors.New("lost")

var mfaTables = []string{"enrolment", "authenticator", "recovery_set", "setup", "guess"}

func TestMFAContract(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		mfatest.TestStore(t, func(t *testing.T) mfatest.Stores { return emptied(t, s, mfaTables...) })
	})
}

// Kinds of authenticators that the database has never heard of.
func TestServiceOfOtherKinds(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		mfatest.TestService(t, func(t *testing.T) mfatest.Stores { return emptied(t, s, mfaTables...) })
	})
}

// Consent is for clients that are kept elsewhere, whatever client has the id here.
func TestConsentContract(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("shop")))
		consenttest.TestStore(t, func(t *testing.T) consent.Store { return emptied(t, s, "consent") })
	})
}

// processes are two services on one database, as two server processes have them.
func processes(t *testing.T, dsn string) [2]*mfa.Service {
	t.Helper()
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, err)
	plenty := mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}
	var both [2]*mfa.Service
	for i := range both {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		both[i] = &mfa.Service{
			Store: s, Attempts: s, Setups: s, Atomic: s.Atomic, Keys: keys, Kinds: []mfa.Kind{totp.Kind{}},
			Limits: mfa.Limits{Attempts: plenty, Recovery: plenty},
		}
	}
	return both
}

// A whole enrolment and what follows it, with the real hash, on two processes that answer in turn.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		ctx, p := t.Context(), processes(t, dsn)
		now := noon
		for i := range p {
			p[i].Now = func() time.Time { return now }
		}
		v, err := p[0].Begin(ctx, "ana", "tab", totp.Name)
		must(t, err)
		must(t, p[1].Confirm(ctx, "ana", "tab", totp.Form(codeAt(t, v, now)), "Phone"))
		v, err = p[0].Pending(ctx, "tab", "ana")
		must(t, err)
		won := race(t, 4, errLost, func(i int) error {
			err := p[i%2].Activate(ctx, "ana", "tab", nil)
			if errors.Is(err, mfa.ErrChanged) || errors.Is(err, mfa.ErrNoSetup) {
				return errLost
			}
			return err
		})
		if won != 1 {
			t.Errorf("one set-up was activated %d times", won)
		}
		if err := p[1].Verify(ctx, "ana", totp.Answer(codeAt(t, v, now)), now, nil); !errors.Is(err, mfa.ErrUsed) {
			t.Errorf("Verify of the code that confirmed: %v, want ErrUsed", err)
		}
		now = now.Add(time.Hour)
		code := codeAt(t, v, now)
		if won := race(t, 50, mfa.ErrUsed, func(i int) error { return p[i%2].Verify(ctx, "ana", totp.Answer(code), now, nil) }); won != 1 {
			t.Errorf("one code passed %d times", won)
		}
		if won := race(t, 16, mfa.ErrCode, func(i int) error { return p[i%2].Recover(ctx, "ana", v.Codes[0], now, nil) }); won != 1 {
			t.Errorf("one recovery code passed %d times", won)
		}
		now = now.Add(time.Minute)
		another(t, p, v, now)
	})
}

// another: a proof that one process has sealed begins one more authenticator in the other, and no more than that.
func another(t *testing.T, p [2]*mfa.Service, v mfa.PendingView, now time.Time) {
	t.Helper()
	ctx := t.Context()
	var sealed []byte
	must(t, p[0].Verify(ctx, "ana", totp.Answer(codeAt(t, v, now)), now, func(_ context.Context, proof mfa.Proof) error {
		sealed = proof.Sealed()
		return nil
	}))
	if _, err := p[1].Begin(ctx, "ana", "another tab", totp.Name); !errors.Is(err, mfa.ErrEnrolled) {
		t.Errorf("Begin beside an authenticator: %v, want %v", err, mfa.ErrEnrolled)
	}
	for i := range 4 {
		proof, err := p[1].OpenProof("ana", sealed)
		must(t, err)
		owner := fmt.Sprint("tab", i)
		view, err := p[1].BeginAnother(ctx, "ana", owner, totp.Name, proof)
		must(t, err)
		must(t, p[0].Confirm(ctx, "ana", owner, totp.Form(codeAt(t, view, now)), owner))
	}
	won := race(t, 4, mfa.ErrChanged, func(i int) error { return p[i%2].Activate(ctx, "ana", fmt.Sprint("tab", i), nil) })
	if status, err := p[0].Status(ctx, "ana"); won != 1 || err != nil || len(status.Authenticators) != 2 {
		t.Errorf("of four set-ups over one proof %d became live, and left %+v, %v", won, status, err)
	}
}

// codeAt is what an authenticator app shows.
func codeAt(t *testing.T, v mfa.PendingView, at time.Time) string {
	t.Helper()
	code, err := hotp.GenerateCode(v.Offer.(totp.Offer).Secret, uint64(at.Unix()/30))
	must(t, err)
	return code
}

// Ten recovery codes used at once sign in ten times, each once, and nobody an eleventh time.
func TestRecoveryCodesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		digests := make([][]byte, 10)
		for i := range digests {
			digests[i] = []byte{byte(i)}
		}
		enrolFactor(t, s, "ana", "a1", digests)
		won := race(t, 50, mfa.ErrCode, func(i int) error { return s.Redeem(t.Context(), "set of a1", digests[i%10], noon) })
		if won != 10 {
			t.Errorf("50 goroutines redeemed 10 codes %d times", won)
		}
	})
}

func enrolFactor(t *testing.T, s *storage.Store, subject, id string, digests [][]byte) {
	t.Helper()
	f, err := s.Factors(t.Context(), subject)
	must(t, err)
	must(t, s.SaveSetup(t.Context(), mfa.Setup{Owner: id, Subject: subject, Basis: f.Generation, Sealed: []byte{0}, Expires: noon}))
	a := &mfa.Authenticator{ID: id, Subject: subject, Name: id, Secret: []byte{1}, Kind: "totp", Created: noon}
	var r *mfa.RecoverySet
	if digests != nil {
		r = &mfa.RecoverySet{ID: "set of " + id, Subject: subject, Salt: []byte{2}, Digests: digests, Created: noon}
	}
	must(t, s.Activate(t.Context(), subject, id, f.Generation, a, r))
}

// What a code page costs: one statement to read the factors however many there are, one to count.
func TestStatementsOfAGuess(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for i := range 10 {
			var digests [][]byte
			if i == 0 {
				digests = [][]byte{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10}}
			}
			enrolFactor(t, s, "ana", fmt.Sprint("a", i), digests)
		}
		w := observe(s)
		f, err := s.Factors(t.Context(), "ana")
		must(t, err)
		if len(f.Authenticators) != 10 || len(f.Recovery.Digests) != 10 {
			t.Errorf("Factors = %d authenticators, %d codes, want 10 and 10", len(f.Authenticators), len(f.Recovery.Digests))
		}
		_, err = s.Attempt(t.Context(), "totp:ana", mfa.Limit{Guesses: 5, Window: time.Minute, Lock: time.Minute}, noon)
		must(t, err)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			return s.Spend(ctx, "a1", 7, `{"a":"b"}`, noon)
		}))
		if got := len(w.trips); got != 3 {
			t.Errorf("a guess took %d round trips, want 3: %v", got, w.trips)
		}
	})
}

// Purge takes set-ups and budgets that are over, and never what counts wrong codes in a row.
func TestPurgeOfFactors(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		short := mfa.Limit{Guesses: 5, Window: time.Minute, Lock: time.Minute}
		rowing := short
		rowing.InARow = 100
		for key, limit := range map[string]mfa.Limit{"password:ana": short, "totp:ana": rowing} {
			_, err := s.Attempt(t.Context(), key, limit, noon)
			must(t, err)
		}
		_, err := s.Attempt(t.Context(), "password:ben", short, noon.Add(24*time.Hour))
		must(t, err)
		for owner, expires := range map[string]time.Time{"old": noon, "new": noon.Add(24 * time.Hour)} {
			must(t, s.SaveSetup(t.Context(), mfa.Setup{Owner: owner, Subject: "ana", Sealed: []byte{0}, Expires: expires}))
		}
		_, err = s.Purge(t.Context(), noon.Add(24*time.Hour))
		must(t, err)
		if n := number(t, s, `SELECT count(*) FROM guess WHERE budget IN ('totp:ana', 'password:ben')`); n != 2 {
			t.Errorf("%d budgets that still count are left, want 2", n)
		}
		if n := number(t, s, `SELECT count(*) FROM guess`); n != 2 {
			t.Errorf("%d budgets are left, want 2", n)
		}
		if _, err := s.Setup(t.Context(), "new"); err != nil {
			t.Errorf("Setup under way: %v", err)
		}
		if n := number(t, s, `SELECT count(*) FROM setup`); n != 1 {
			t.Errorf("%d set-ups are left, want 1", n)
		}
	})
}

// Two tabs that rename at once cannot give one name twice.
func TestRenameOntoAnother(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for i, name := range []string{"Phone", "Tablet"} {
			must(t, s.Add(t.Context(), int64(i), mfa.Authenticator{
				ID: name, Subject: "ana", Name: name, KeyID: "k1", Secret: []byte{1}, Kind: "totp", Created: noon,
			}))
		}
		if err := s.Rename(t.Context(), "ana", "Phone", 2, "Tablet"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Rename: %v, want %v", err, store.ErrConflict)
		}
	})
}
