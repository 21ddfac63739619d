package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/storage"
)

// TestRotate seals a large database anew while people sign in. The process that does it is killed on its way.
func TestRotate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		database func(testing.TB) string
		rows     int
		killAt   int // rows done
	}{
		"sqlite":   {servertest.SQLite, 2_000, 1},
		"postgres": {servertest.PostgreSQL, 100_000, 20_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, fresh := mfa.NewKey(), mfa.NewKey()
			s := servertest.New(t, tt.database(t), func(c *config.Config) { c.SecretKeys = []string{old} })
			s.AddUser("ana")
			a, _ := s.NewBrowser(t).Enrol("ana")
			fillSealed(t, s.Config.Database, old, tt.rows)

			s.KeepSecret(old)
			s.Config.SecretKeys = []string{fresh, old} // the first seals, both open
			s.Start(2)
			signedIn := signInUntil(t, s, a, rotate(t, s, tt.killAt))
			if left := len(sealedIDs(t, s.Store)); left != 2 {
				t.Fatalf("after the kill there are rows of %d keys, want 2", left)
			}
			signedIn += signInUntil(t, s, a, rotate(t, s, 0))
			t.Logf("%d sign-ins meanwhile", signedIn)

			s.Config.SecretKeys = []string{fresh}
			checkSealed(t, s.Store, fresh, tt.rows)
			s.Start(1) // it refuses what it cannot open
			signInWith(t, s, a)
			servertest.ExecDatabase(t, s.Config.Database, `DELETE FROM authenticator WHERE id LIKE 'filler-%'`) // secrets are looked for in what is left
		})
	}
}

// What somebody is about to set up goes on under the new key.
func TestRotateDuringSetup(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		p := s.NewBrowser(t).Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial")
		old, fresh := s.Config.SecretKeys[0], mfa.NewKey()
		s.KeepSecret(old)
		s.Config.SecretKeys = []string{fresh, old}
		said := runCommand(t, s, "", "secret-key", "rotate")
		if !strings.Contains(said, "0 authenticators, 1 set-ups, 4 signing keys") {
			t.Errorf("it says %s", said)
		}
		s.Start(1)
		p = p.Press("Continue", "code", p.Phone().Code(0)).At("codes", "initial")
		p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
		if len(s.Events(t, "", audit.EventAdminReseal)) != 1 {
			t.Error("there is not one event of the rotation")
		}
	})
}

// rotate starts the command as a process of its own, which is killed once it has done so many rows; 0: never. What it
// ends with comes through the channel.
func rotate(t *testing.T, s *servertest.Site, killAt int) <-chan error {
	t.Helper()
	cmd := exec.Command("vestibule", "secret-key", "rotate")
	cmd.Env = append(os.Environ(), "VESTIBULE_DATABASE="+s.Config.Database, "VESTIBULE_SECRET_KEYS="+strings.Join(s.Config.SecretKeys, ","))
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		var said bytes.Buffer
		for lines := bufio.NewScanner(io.TeeReader(progress, &said)); lines.Scan(); {
			done := 0
			fmt.Sscanf(lines.Text(), "authenticator: %d rows", &done)
			if killAt > 0 && done >= killAt {
				cmd.Process.Kill()
			}
		}
		err := cmd.Wait()
		switch {
		case killAt > 0 && err == nil:
			err = errors.New("it was done before it was killed")
		case killAt > 0:
			err = nil
		case err != nil:
			err = fmt.Errorf("%w: %s", err, &said)
		}
		ended <- err
	}()
	return ended
}

// signInUntil signs in again and again, at least once, and returns how often.
func signInUntil(t *testing.T, s *servertest.Site, a servertest.Phone, ended <-chan error) int {
	t.Helper()
	for n := 1; ; n++ {
		signInWith(t, s, a)
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("secret-key rotate: %v", err)
			}
			return n
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func signInWith(t *testing.T, s *servertest.Site, a servertest.Phone) {
	t.Helper()
	s.Clock.Advance(servertest.Step)
	s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").GiveCode(a.Code(0)).At("security", "on")
}

// fillSealed adds authenticators of so many users, past the program: through it each would be a commit.
func fillSealed(t *testing.T, database, key string, n int) {
	t.Helper()
	keys, err := mfa.ParseKeyring([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	columns := []string{"id", "subject", "name", "name_key", "key_id", "secret", "kind", "params", "counter", "created_at", "used_at"}
	row := func(i int) ([]any, error) {
		a := mfa.Authenticator{ID: fmt.Sprintf("filler-%06d", i), Subject: fmt.Sprintf("user-%06d", i), Kind: "totp"}
		keyID, sealed, err := keys.Seal([]byte("a secret of twenty b"), mfa.SecretAAD(a))
		return []any{a.ID, a.Subject, "Phone", mfa.NameKey("Phone"), keyID, sealed, a.Kind, `{"algorithm":"SHA1","digits":6,"period":30}`, 0, 1, 0}, err
	}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		err = fillSQLite(t.Context(), path, columns, n, row)
	} else {
		err = fillPostgres(t.Context(), database, columns, n, row)
	}
	if err != nil {
		t.Fatalf("fill the database: %v", err)
	}
}

func fillPostgres(ctx context.Context, address string, columns []string, n int, row func(int) ([]any, error)) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"authenticator"}, columns, pgx.CopyFromSlice(n, row))
	return err
}

func fillSQLite(ctx context.Context, path string, columns []string, n int, row func(int) ([]any, error)) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	insert := "INSERT INTO authenticator (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for i := range n {
		values, err := row(i)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insert, values...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// sealedIDs are the keys that have sealed any row.
func sealedIDs(t *testing.T, db *storage.Store) map[string]bool {
	t.Helper()
	ids, err := db.KeyIDs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, list := range ids {
		for _, id := range list {
			all[id] = true
		}
	}
	return all
}

// checkSealed opens every authenticator with the one key.
func checkSealed(t *testing.T, db *storage.Store, key string, atLeast int) {
	t.Helper()
	keys, err := mfa.ParseKeyring([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	if ids := sealedIDs(t, db); len(ids) != 1 || !ids[keys.Newest()] {
		t.Errorf("rows are sealed with %v, want all with %s", ids, keys.Newest())
	}
	after, n := "", 0
	for {
		rows, err := db.SealedWith(t.Context(), operator.SealedAuthenticators, keys.Newest(), after, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if _, err := keys.Open(row.KeyID, row.Sealed, mfa.SecretAAD(mfa.Authenticator{ID: row.ID, Subject: row.Subject, Kind: row.Kind})); err != nil {
				t.Fatalf("authenticator %s: %v", row.ID, err)
			}
		}
		after, n = rows[len(rows)-1].ID, n+len(rows)
	}
	if n < atLeast {
		t.Errorf("%d authenticators are there, want at least %d", n, atLeast)
	}
}

// testVault is a database with so many sealed rows, under a ring whose first key has sealed none of them.
func testVault(t *testing.T, database string, rows int) unsealed {
	t.Helper()
	c := config.Default()
	c.Database, c.SecretKeys = database, []string{mfa.NewKey(), mfa.NewKey()}
	keys, err := mfa.ParseKeyring(c.SecretKeys)
	if err != nil {
		t.Fatal(err)
	}
	db := servertest.OpenDatabase(t, database)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	fillSealed(t, database, c.SecretKeys[1], rows)
	return unsealed{c, db, keys}
}

// Who stops it stops it between two batches, and what was done stays.
func TestRotateInterrupted(t *testing.T) {
	const rows = 501 // more than a batch
	v := testVault(t, servertest.SQLite(t), rows)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	batch := 0
	first, err := v.operations().Reseal(ctx, func(_ string, done int) {
		cancel()
		batch = done
	})
	if !errors.Is(err, operator.ErrInterrupted) || first.Total() != batch || batch == 0 || batch >= rows {
		t.Errorf("rotate: %v after %d rows, want %v after the %d of a batch", err, first.Total(), operator.ErrInterrupted, batch)
	}
	rest, err := v.operations().Reseal(t.Context(), func(string, int) {})
	if err != nil || rest.Total() != rows-batch {
		t.Errorf("rotate again: %v after %d rows, want %d", err, rest.Total(), rows-batch)
	}
	checkSealed(t, v.db, v.config.SecretKeys[0], rows)
}

// A row that does not open is named and left alone; the others do not wait for it.
func TestRotateBrokenRow(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		v := testVault(t, database, 20)
		rows, err := v.db.SealedWith(t.Context(), operator.SealedAuthenticators, v.keys.IDs()[1], "filler-000006", 1)
		if err != nil || len(rows) != 1 {
			t.Fatalf("SealedWith: %v, %v", rows, err)
		}
		altered := rows[0]
		altered.Sealed = bytes.Repeat([]byte{1}, 48)
		if err := v.db.Reseal(t.Context(), operator.SealedAuthenticators, rows[0], altered); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		done, err := v.operations().Reseal(t.Context(), newEnv(nil, nil, io.Discard, t.Output()).progress(v))
		if err == nil || !strings.Contains(err.Error(), "1 rows cannot be opened") || !strings.Contains(err.Error(), altered.ID) || done.Total() != 19 {
			t.Errorf("rotate: %v after %d rows in %v, want it to name %s after 19", err, done.Total(), time.Since(began), altered.ID)
		}
	})
}
