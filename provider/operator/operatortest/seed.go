package operatortest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
)

// seed makes two users to measure with.
func (w *world) seed(ctx context.Context, o *operator.Operator) error {
	s, err := o.NewSeeding(ctx)
	if err != nil {
		return err
	}
	_, err = o.SeedUsers(ctx, s, 1, 2)
	return err
}

// testSeeded has such users come, open something, and go: nothing is left of them but what the audit log tells, and ana keeps
// all that is hers.
func testSeeded(t *testing.T, w *world) {
	w.session()
	w.enrolled(firstKey)
	w.must(w.place.PlanReset(t.Context(), mfa.PlannedReset{ID: "reset", Subject: w.ana.Subject, Due: w.now.Add(time.Hour)}))
	before := w.place.Content(t)
	o := w.operator(acting)
	w.must(w.seed(t.Context(), o))
	subjects, others, err := w.place.SeededAccounts(t.Context())
	w.must(err)
	if len(subjects) != 2 || others != 1 {
		t.Fatalf("%d users were made to measure with, and %d others are there; want 2 and 1", len(subjects), others)
	}
	if err := w.seed(t.Context(), o); err == nil {
		t.Error("names are given twice")
	}
	w.opens(subjects[0])
	if err := o.DeleteSeeded(t.Context(), []string{subjects[0], w.ana.Subject}); err == nil {
		t.Error("a user goes who was not made to measure with")
	}
	w.must(o.DeleteSeeded(t.Context(), subjects))
	after := w.place.Content(t)
	for table := range maps.Keys(after) {
		if !strings.HasPrefix(table, "audit") && !slices.Equal(after[table], before[table]) {
			t.Errorf("%s has %v, want %v", table, after[table], before[table])
		}
	}
}

// opens has a subject have a session, a link, and a wrong guess.
func (w *world) opens(subject string) {
	w.t.Helper()
	ctx := w.t.Context()
	w.must(w.place.SaveSession(ctx, nil, &interaction.Session{
		ID: []byte("another session, of 32 bytes ..."), Login: *assurance.PasswordLogin(subject, 0, w.now),
		Created: w.now, Seen: w.now, Expires: w.now.Add(time.Hour),
	}))
	w.must(w.place.SaveEnrolLink(ctx, mfa.EnrolLink{ID: []byte("link"), Subject: subject, Created: w.now, Expires: w.now.Add(time.Hour)}))
	for _, key := range []string{"totp:" + subject, "pwd:" + subject + "|name"} {
		_, err := w.place.Attempt(ctx, key, mfa.Limit{Guesses: 3, Window: time.Hour, Lock: time.Hour}, w.now)
		w.must(err)
	}
}
