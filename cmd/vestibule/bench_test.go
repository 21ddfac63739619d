package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/bench"
	"vestibule/cmd/vestibule/servertest"
)

// TestBench makes users, measures a server that runs as a process with them, and removes them again: nothing fails, and nobody
// is left. The file of the users is of no use to others, nor against a server that has not such users.
func TestBench(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		o := newShell(t, database)
		o.Command("", "migrate", "up")
		file := filepath.Join(t.TempDir(), "users.json")
		o.Command("", "bench", "seed", "--users", file, "--count", "30")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file with the secrets: %v, mode %v", err, info.Mode())
		}
		o.Start(1)
		if said := measured(t, o, file); !slices.Equal(said, append(bench.Operations(), bench.Operations()...)) {
			t.Errorf("measured %q", said)
		}
		if said := string(o.Command("", "bench", "clean")); !strings.HasPrefix(said, "removed 30 users") {
			t.Errorf("clean says %s", said)
		}
		if users := string(o.Command("", "user", "list", "--output", "json")); strings.TrimSpace(users) != "[]" {
			t.Errorf("users are left: %s", users)
		}
		if strings.HasPrefix(database, "sqlite:") {
			refused(t, servertest.New(t, servertest.SQLite(t)).Config.Issuer, file)
		}
	})
}

// measured are the operations that were measured, one client's first, then those of two at once.
func measured(t *testing.T, o *servertest.Shell, file string) (names []string) {
	t.Helper()
	var results []bench.Result
	out := o.Command("", "bench", "run", "--users", file, "--clients", "1,2", "--duration", "20ms", "--output", "json")
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	for _, r := range results {
		names = append(names, r.Operation)
		if r.Count == 0 || r.Failed > 0 || r.Rate <= 0 || r.P50 <= 0 || r.Max < r.P99 || r.P99 < r.P50 {
			t.Errorf("the result is %+v", r)
		}
	}
	return names
}

// refused has another server, which does not know the users of the file, and the file be one that others may read.
func refused(t *testing.T, issuer, file string) {
	t.Helper()
	users, err := bench.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bench.Run(t.Context(), bench.Config{Issuer: issuer, Users: users, Clients: []int{1}, Duration: time.Second})
	if err == nil || !strings.Contains(err.Error(), "does not know the client") || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("without the client: %v", err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := bench.Read(file); err == nil || !strings.Contains(err.Error(), "others may read it") {
		t.Errorf("a file that others may read: %v", err)
	}
}
