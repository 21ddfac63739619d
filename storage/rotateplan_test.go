package storage_test

import (
	"strings"
	"testing"

	"vestibule/storage"
)

// A family that lives for months has thousands of used refresh tokens, and a refresh must not visit them all to find
// the one access token.
func TestRotatePlan(t *testing.T) {
	fill := []string{
		`INSERT INTO token (kind, signature, family, client, subject, session, created_at, expires_at, used_at, keep_until)
			SELECT 'refresh', 'r' || n, 'f' || (n % 10), 'shop', 'u', '', 0, n, n, n FROM numbers`,
		`INSERT INTO token (kind, signature, family, client, subject, session, created_at, expires_at, used_at, keep_until)
			SELECT 'access', 'a' || n, 'f' || n, 'shop', 'u', '', 0, n, 0, n FROM numbers`,
	}
	eachLarge(t, fill, func(t *testing.T, s *storage.Store, plan func(string, ...any) string) {
		rp.begin(t, s)
		seen := observe(s)
		must(t, rp.rotate(t.Context(), s, 0))
		var deletes int
		for _, query := range seen.trips[0].Queries {
			if !strings.HasPrefix(query, "DELETE") {
				continue
			}
			deletes++
			got := plan(query, "r1")
			both := strings.Contains(got, "family = ") && strings.Contains(got, "kind = 'access'") && !strings.Contains(got, "Filter")
			if s.IsSQLite() {
				both = strings.Contains(got, "(family=? AND kind=?)")
			}
			if !both || strings.Contains(got, "SCAN") {
				t.Errorf("%s\nlooks at more than the access token:\n%s", query, got)
			}
		}
		if deletes != 1 {
			t.Errorf("a refresh has %d DELETE, want 1", deletes)
		}
	})
}
