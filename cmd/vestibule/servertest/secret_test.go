package servertest_test

import (
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
)

// TestDump shows that a secret in the database would be found, in whatever form.
func TestDump(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		text, bytes := "canary-4711-in-a-text", "canary-4712-in-bytes"
		e := audit.Event{Kind: "test", Subject: user.Subject, Detail: map[string]string{"note": text}}
		if err := s.Store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		session := &interaction.Session{ID: []byte(bytes)}
		if err := s.Store.SaveSession(t.Context(), nil, session); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{text, bytes} {
			if len(s.Leaks(secret)) == 0 {
				t.Errorf("%q is in the database and was not found", secret)
			}
		}
		if found := s.Leaks("canary-4713-nowhere"); len(found) > 0 {
			t.Errorf("what is not there was found: %q", found)
		}
	})
}
