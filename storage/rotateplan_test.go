package storage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/storage"
)

// A family that lives for months has been refreshed ten thousand times. That is one row, and its next refresh asks for what the
// first did, by keys that lead to that row and to nothing of the refreshes before.
func TestLongFamily(t *testing.T) {
	fill := []string{
		`INSERT INTO code (signature, family, client, registration, offline, subject, session, allowed, created_at, expires_at, used, revoked, keep_until, refresh)
			SELECT 'c' || n, 'f' || n, 'shop', '', TRUE, 'u' || n, '', '', 0, n, TRUE, FALSE, n, 'r' || n FROM numbers`,
		`INSERT INTO access_token (signature, family, generation, created_at, expires_at, ended, spent)
			SELECT 't' || n, CASE n % 4 WHEN 0 THEN 'family-one' ELSE 'f' || n END, n, n, n, FALSE, 'r' || n FROM numbers`,
	}
	eachLarge(t, fill, func(t *testing.T, s *storage.Store, plan func(string, ...any) string) {
		rp.begin(t, s)
		refresh := func(n int) []string {
			t.Helper()
			seen := observe(s)
			defer s.Observe(nil)
			if used, err := s.Token(t.Context(), rp.pair(n)[1].Key()); err != nil || used.Used {
				t.Fatalf("refresh token %d: %+v, %v", n, used, err)
			}
			must(t, rp.rotate(t.Context(), s, n))
			var queries []string
			for _, trip := range seen.trips {
				queries = append(queries, trip.Queries...)
			}
			return queries
		}
		first := refresh(0)
		must(t, s.Exec(t.Context(), nil, `UPDATE code SET generation = 1000000, refresh = $1 WHERE family = 'family-one'`, rp.pair(1_000_000)[1].Signature))
		if later := refresh(1_000_000); !slices.Equal(first, later) || len(first) != 1+joined(t, 2) {
			t.Errorf("the first refresh asks\n%s\nand one of later\n%s\nwant the same statements", strings.Join(first, "\n"), strings.Join(later, "\n"))
		}
		for _, n := range []int{0, 1, 999_999} {
			if used, err := s.Token(t.Context(), rp.pair(n)[1].Key()); err != nil || !used.Used {
				t.Errorf("the refresh token of generation %d is %+v, %v, want it known as used", n, used, err)
			}
		}
		for _, query := range first {
			got := plan(query, places(query)...)
			if strings.Contains(got, "Seq Scan") || strings.Contains(got, "SCAN") {
				t.Errorf("%s\nlooks at rows of others:\n%s", query, got)
			}
			if strings.HasPrefix(query, "SELECT") && !strings.Contains(got, "AND (generation = ") && !strings.Contains(got, "AND generation=?") {
				t.Errorf("%s\nlooks at each access token of the family:\n%s", query, got)
			}
		}
	})
}

// places are arguments for all places of a statement.
func places(query string) []any {
	var list []any
	for n := 1; strings.Contains(query, fmt.Sprintf("$%d", n)); n++ {
		list = append(list, 1)
	}
	return list
}

// However often a family is refreshed between two clean-ups, after each it has one access token.
func TestRowsOfAFamily(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		n := 0
		for range 3 {
			for range 10 {
				must(t, rp.rotate(t.Context(), s, n))
				n++
			}
			purge(t, s, noon.Add(time.Duration(n)*time.Hour+90*time.Second))
			if rows := number(t, s, `SELECT count(*) FROM access_token`); rows != 1 {
				t.Errorf("after %d refreshes there are %d access tokens, want 1", n, rows)
			}
			if rows := number(t, s, `SELECT count(*) FROM code`); rows != 1 {
				t.Errorf("after %d refreshes there are %d rows of the family, want 1", n, rows)
			}
		}
	})
}
