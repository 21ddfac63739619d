package servertest

import (
	"context"
	"testing"

	"vestibule/provider/audit"
)

// CountsGuess begins the query that counts a guess, in all its budgets.
const CountsGuess = "INSERT INTO guess"

// Counts are the budgets as they stand: how many guesses under which key.
func (s *Site) Counts(t *testing.T) map[string]int {
	t.Helper()
	db, _, _ := OpenDump(t, s.Config.Database)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT budget, tries + in_a_row FROM guess WHERE tries > 0 OR in_a_row > 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]int{}
	for rows.Next() {
		var key string
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			t.Fatal(err)
		}
		found[key] = n
	}
	return found
}

// Settle gives back what the server owes.
func (s *Site) Settle(t *testing.T) {
	t.Helper()
	for _, a := range s.Servers() {
		if err := a.Settle(t.Context()); err != nil {
			t.Fatalf("settle: %v", err)
		}
	}
}

// NotMore fails the test if a budget has more guesses than before.
func (s *Site) NotMore(t *testing.T, before map[string]int) {
	t.Helper()
	for key, n := range s.Counts(t) {
		if n > before[key] {
			t.Errorf("%d guesses are counted under %s, want %d", n, key, before[key])
		}
	}
}

// Compared is how many wrong codes of either kind were compared.
func (s *Site) Compared(t *testing.T, name string) int {
	t.Helper()
	user, _, err := s.Store.AccountByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	db, _, _ := OpenDump(t, s.Config.Database)
	defer db.Close()
	n := 0
	for _, kind := range Column(context.WithoutCancel(t.Context()), t, db, `SELECT kind FROM audit WHERE subject = '`+user.Subject+`'`) {
		switch kind {
		case audit.EventTOTPFailed, audit.EventTOTPLocked, audit.EventRecoveryFailed, audit.EventRecoveryLocked:
			n++
		}
	}
	return n
}
