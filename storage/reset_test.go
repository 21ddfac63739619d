package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

func planned(id, subject string) mfa.PlannedReset {
	return mfa.PlannedReset{ID: id, Subject: subject, Reason: "lost the phone", Actor: "cli:0", Created: noon, Due: noon.Add(day)}
}

func TestPlannedReset(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx := t.Context()
		must(t, s.PlanReset(ctx, planned("one", "ana")))
		must(t, s.PlanReset(ctx, planned("two", "ben")))
		if err := s.PlanReset(ctx, planned("three", "ana")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a second plan for ana = %v, want %v", err, store.ErrConflict)
		}
		for what, get := range map[string]func() (mfa.PlannedReset, error){
			"PlannedReset": func() (mfa.PlannedReset, error) { return s.PlannedReset(ctx, "one") },
			"ResetOf":      func() (mfa.PlannedReset, error) { return s.ResetOf(ctx, "ana") },
		} {
			got, err := get()
			if want := planned("one", "ana"); err != nil || !got.Created.Equal(want.Created) || !got.Due.Equal(want.Due) ||
				got.ID != want.ID || got.Subject != want.Subject || got.Reason != want.Reason || got.Actor != want.Actor {
				t.Errorf("%s = %+v, %v, want %+v", what, got, err, want)
			}
		}
		for _, tt := range []struct {
			at   time.Duration
			want int
		}{{day - time.Microsecond, 0}, {day, 2}} {
			if due, err := s.DueResets(ctx, noon.Add(tt.at)); err != nil || len(due) != tt.want {
				t.Errorf("due after %v: %+v, %v, want %d", tt.at, due, err, tt.want)
			}
		}
		must(t, s.EndReset(ctx, "one"))
		if err := s.EndReset(ctx, "one"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("EndReset again = %v, want %v", err, store.ErrNotFound)
		}
		if _, err := s.ResetOf(ctx, "ana"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("ResetOf after the end = %v, want %v", err, store.ErrNotFound)
		}
	})
}

// Of processes that end a plan at once, one succeeds: the others' commits leave nothing.
func TestEndResetOnce(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		must(t, s.PlanReset(t.Context(), planned("one", "ana")))
		stores := three(t, dsn)
		done := race(t, 9, store.ErrNotFound, func(i int) error {
			s := stores[i%3]
			return s.Atomic(t.Context(), func(ctx context.Context) error {
				if err := s.EndReset(ctx, "one"); err != nil {
					return err
				}
				_, err := s.ResetFactors(ctx, "ana")
				return err
			})
		})
		if done != 1 {
			t.Errorf("%d of the commits succeeded, want 1", done)
		}
		once, err := s.Factors(t.Context(), "ana")
		must(t, err)
		_, err = s.ResetFactors(t.Context(), "ben")
		must(t, err)
		want, err := s.Factors(t.Context(), "ben")
		if err != nil || once.Generation != want.Generation {
			t.Errorf("the generation is %d, want %d (%v): one reset", once.Generation, want.Generation, err)
		}
	})
}

// three opens the database as three processes would.
func three(t *testing.T, dsn string) []*storage.Store {
	t.Helper()
	return []*storage.Store{storagetest.Open(t, dsn), storagetest.Open(t, dsn), storagetest.Open(t, dsn)}
}

// enrolUser gives the subject an authenticator; the basis is the generation that it expects.
func enrolUser(ctx context.Context, s *storage.Store, subject string, basis int64) error {
	owner := "tab of " + subject
	if err := s.SaveSetup(ctx, mfa.Setup{Owner: owner, Subject: subject, ID: "app of " + subject, Basis: basis, Sealed: []byte("sealed"), Created: noon, Expires: noon.Add(day)}); err != nil {
		return err
	}
	a := mfa.Authenticator{ID: "app of " + subject, Subject: subject, Name: "Phone", KeyID: "k", Secret: []byte("s"), Kind: "totp", Created: noon}
	return s.Activate(ctx, subject, owner, basis, &a, nil)
}

// A reset ends all that the old factors were good for, of that user and of nobody else.
func TestResetFactors(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx := t.Context()
		for _, subject := range []string{"ana", "ben"} {
			must(t, enrolUser(ctx, s, subject, 0))
			must(t, s.SaveSession(ctx, nil, session("session of "+subject, subject)))
			must(t, s.PlanReset(ctx, planned("reset of "+subject, subject)))
			must(t, s.SaveEnrolLink(ctx, link("link of "+subject, subject)))
		}
		n, err := s.ResetFactors(ctx, "ana")
		if n != 1 || err != nil {
			t.Errorf("ResetFactors = %d, %v, want 1 authenticator", n, err)
		}
		for _, tt := range []struct {
			subject string
			there   bool
		}{{"ana", false}, {"ben", true}} {
			f, err := s.Factors(ctx, tt.subject)
			must(t, err)
			blocked, err := s.EnrolmentBlocked(ctx, tt.subject)
			must(t, err)
			_, noSession := s.Session(ctx, []byte("session of "+tt.subject))
			_, noReset := s.ResetOf(ctx, tt.subject)
			_, noLink := s.EnrolLinkOf(ctx, tt.subject, noon)
			enrolled := len(f.Authenticators) == 1
			if enrolled != tt.there || blocked == tt.there || (noSession == nil) != tt.there || (noReset == nil) != tt.there || (noLink == nil) != tt.there {
				t.Errorf("%s: enrolled %v, blocked %v, session %v, reset %v, link %v; want all there: %v",
					tt.subject, enrolled, blocked, noSession, noReset, noLink, tt.there)
			}
		}
	})
}

// Somebody who is blocked enrols with a link only, also one who never had a factor.
func TestHold(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx := t.Context()
		_, err := s.ResetFactors(ctx, "ana")
		must(t, err)
		f, err := s.Factors(ctx, "ana")
		must(t, err)
		if err := enrolUser(ctx, s, "ana", 0); !errors.Is(err, mfa.ErrChanged) {
			t.Errorf("a set-up from before the reset = %v, want %v", err, mfa.ErrChanged)
		}
		if err := enrolUser(ctx, s, "ana", f.Generation); !errors.Is(err, mfa.ErrChanged) {
			t.Errorf("a set-up without a link = %v, want %v", err, mfa.ErrChanged)
		}
		must(t, s.SaveEnrolLink(ctx, link("link", "ana")))
		must(t, s.Atomic(ctx, func(ctx context.Context) error {
			if err := s.UseEnrolLink(ctx, []byte("link"), "ana", noon); err != nil {
				return err
			}
			return enrolUser(ctx, s, "ana", f.Generation)
		}))
		if blocked, err := s.EnrolmentBlocked(ctx, "ana"); blocked || err != nil {
			t.Errorf("Held after the link = %v, %v", blocked, err)
		}
		_, err = s.ResetFactors(ctx, "ana")
		must(t, err)
		f, err = s.Factors(ctx, "ana")
		must(t, err)
		must(t, s.Add(ctx, f.Generation, mfa.Authenticator{ID: "moved", Subject: "ana", Name: "Phone", Secret: []byte("s"), Created: noon}))
		if blocked, err := s.EnrolmentBlocked(ctx, "ana"); blocked || err != nil {
			t.Errorf("Held after an operator added an authenticator = %v, %v", blocked, err)
		}
	})
}

// A reset locks the authenticators in the order in which a rotation of the secret keys does, whatever they are called: while it
// waits for the first of them it has none of the others, which such a rotation takes next. Else PostgreSQL would find a deadlock.
func TestResetLocksInOrder(t *testing.T) {
	t.Parallel()
	s, dsn := onPostgres(t)
	for i, id := range []string{"z", "y", "a"} {
		a := mfa.Authenticator{ID: id, Subject: "ana", Name: string(rune('b' + i)), KeyID: "k1", Secret: []byte{1}, Created: noon}
		must(t, s.Add(t.Context(), int64(i), a))
	}
	rotation := pgSession(t, dsn)
	tx, err := rotation.Begin(t.Context())
	must(t, err)
	const reseal = `UPDATE authenticator SET key_id = 'k2' WHERE id = $1`
	_, err = tx.Exec(t.Context(), reseal, "a")
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := s.ResetFactors(t.Context(), "ana")
		done <- err
	}()
	awaitLock(t, s, rotation.PgConn().PID())
	for _, id := range []string{"y", "z"} {
		if _, err := tx.Exec(t.Context(), `SELECT FROM authenticator WHERE id = $1 FOR UPDATE NOWAIT`, id); err != nil {
			t.Fatalf("a reset that waits for the first authenticator holds %s: %v", id, err)
		}
	}
	must(t, tx.Commit(t.Context()))
	must(t, <-done)
	if f, err := s.Factors(t.Context(), "ana"); err != nil || len(f.Authenticators) > 0 {
		t.Errorf("after the reset there are %d authenticators (%v), want none", len(f.Authenticators), err)
	}
}
