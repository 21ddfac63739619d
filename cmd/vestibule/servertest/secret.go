package servertest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// Journal keeps what servers log, to look for secrets in it.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
	over bool
}

// Write keeps what is logged.
func (j *Journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return len(line), nil
	}
	return j.text.Write(line)
}

// Stop has the journal keep nothing from now on, for what it keeps is memory of the test that a server would not need.
func (j *Journal) Stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.over = true
}

// String is all that was logged.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// KeepSecret notes a value that must not turn up in a log.
func (s *Site) KeepSecret(value string) {
	if len(value) < 12 {
		return // too short to tell from other text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, value)
}

// checkLog fails the test if the log has a secret in it.
func (s *Site) checkLog() {
	s.T.Helper()
	log := s.Log.String()
	var needles []needle
	for _, secret := range s.allSecrets() {
		needles = append(needles, needle{secret, secret})
	}
	for _, secret := range search([]byte(log), needles) {
		s.T.Errorf("the log has a secret in it: %q", secret)
	}
	if s.T.Failed() {
		s.T.Logf("the servers' log ends with:\n%s", log[max(0, len(log)-1500):])
	}
}

// allSecrets are the texts that may stand in no log and in no database, each once.
func (s *Site) allSecrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := append(slices.Clone(s.secrets), Password, s.Config.SecretKeys[0])
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// Dump is all that a database holds: for each table its rows, each as one line of text, bytes in hex.
type Dump map[string][]string

// dumpDatabase reads every table.
func dumpDatabase(t testing.TB, address string) Dump {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	db, tables, row := OpenDump(t, address)
	defer db.Close()
	found := Dump{}
	for _, table := range Column(ctx, t, db, tables) {
		found[table] = Column(ctx, t, db, fmt.Sprintf(row(ctx, t, db, table), table))
	}
	if len(found) < 10 {
		t.Fatalf("the database has only the tables %v: the dump looks at the wrong place", found)
	}
	return found
}

// checkDump fails the test if the database holds one of its secrets.
func (s *Site) checkDump() {
	s.T.Helper()
	for _, leak := range s.Leaks(s.allSecrets()...) {
		s.T.Errorf("the database has a secret in it, %s", leak)
	}
}

// Leaks looks for secrets in the database: in its rows and, where it is a file, in the file with its log, where
// deleted rows linger.
func (s *Site) Leaks(secrets ...string) (found []string) {
	s.T.Helper()
	var haystack bytes.Buffer
	for _, rows := range dumpDatabase(s.T, s.Config.Database) {
		for _, row := range rows {
			haystack.WriteString(strings.ToLower(row) + "\n")
		}
	}
	haystack.Write(bytes.ToLower(databaseFiles(s.T, s.Config.Database)))
	var needles []needle
	for _, secret := range secrets {
		for form, text := range forms(secret) {
			needles = append(needles, needle{strings.ToLower(text), form + ": " + secret})
		}
	}
	return search(haystack.Bytes(), needles)
}

// needle is a text to look for.
type needle struct{ text, name string }

// search returns the names of the needles that are in the haystack. It looks for all of them at once: a site has
// thousands, and a database megabytes. The first eight bytes of a needle find it.
func search(haystack []byte, needles []needle) (found []string) {
	byHead := map[uint64][]needle{}
	var filter [1 << 16]bool
	slot := func(head uint64) uint64 { return head * 0x9e3779b97f4a7c15 >> 48 }
	for _, n := range needles {
		head := binary.BigEndian.Uint64([]byte(n.text))
		byHead[head] = append(byHead[head], n)
		filter[slot(head)] = true
	}
	var head uint64
	for i, b := range haystack {
		head = head<<8 | uint64(b)
		if i < 7 || !filter[slot(head)] {
			continue
		}
		for _, n := range byHead[head] {
			if bytes.HasPrefix(haystack[i-7:], []byte(n.text)) && !slices.Contains(found, n.name) {
				found = append(found, n.name)
			}
		}
	}
	return found
}

// databaseFiles returns the bytes of an SQLite file and of its write-ahead log.
func databaseFiles(t testing.TB, address string) []byte {
	t.Helper()
	path, ok := strings.CutPrefix(address, "sqlite:")
	if !ok {
		return nil
	}
	var all []byte
	for _, name := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatalf("dump: %v", err)
		}
		all = append(all, content...)
	}
	return all
}

// forms are the ways in which a secret may lie in a database: as it is, without the dashes it is shown with, in hex,
// and in base64 at each of the three places that it can have in a longer text.
func forms(secret string) map[string]string {
	all := map[string]string{
		"as it is": secret, "without dashes": strings.ReplaceAll(secret, "-", ""), "in hex": hex.EncodeToString([]byte(secret)),
	}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		all[fmt.Sprintf("in base64 (%d)", shift)] = text[[]int{0, 2, 3}[shift] : len(text)-2]
	}
	return all
}
