package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"vestibule/provider"
	"vestibule/provider/audit"
)

// dump is all that a database holds: for each table its rows, each as one line of text, bytes in hex.
type dump map[string][]string

// dumpDatabase reads every table.
func dumpDatabase(t *testing.T, address string) dump {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	db, tables, row := openDump(t, address)
	defer db.Close()
	found := dump{}
	for _, table := range column(ctx, t, db, tables) {
		found[table] = column(ctx, t, db, fmt.Sprintf(row(ctx, t, db, table), table))
	}
	if len(found) < 10 {
		t.Fatalf("the database has only the tables %v: the dump looks at the wrong place", found)
	}
	return found
}

// openDump opens the database and returns the query for its tables, and what makes one that turns a table's rows
// into text.
func openDump(t *testing.T, address string) (*sql.DB, string, func(context.Context, *testing.T, *sql.DB, string) string) {
	t.Helper()
	driver, tables := "pgx", `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
	row := func(context.Context, *testing.T, *sql.DB, string) string {
		return `SELECT t::text FROM %s t ORDER BY 1`
	}
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()
		tables = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1`
		row = sqliteRow
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	return db, tables, row
}

func sqliteRow(ctx context.Context, t *testing.T, db *sql.DB, table string) string {
	t.Helper()
	var parts []string
	for _, name := range column(ctx, t, db, `SELECT name FROM pragma_table_info('`+table+`')`) {
		parts = append(parts, fmt.Sprintf(`COALESCE(CASE typeof(%[1]q) WHEN 'blob' THEN hex(%[1]q) ELSE %[1]q END, '')`, name))
	}
	return `SELECT ` + strings.Join(parts, ` || '|' || `) + ` FROM %s ORDER BY 1`
}

// column returns the first column of a query.
func column(ctx context.Context, t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("dump: %s: %v", query, err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatalf("dump: %s: %v", query, err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("dump: %s: %v", query, err)
	}
	return values
}

// TestDump shows that a secret in the database would be found, in whatever form.
func TestDump(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		text, bytes := "canary-4711-in-a-text", "canary-4712-in-bytes"
		e := audit.Event{Kind: "test", Subject: user.Subject, Detail: map[string]string{"note": text}}
		if err := s.store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		session := &provider.Session{ID: []byte(bytes)}
		if err := s.store.SaveSession(t.Context(), nil, session); err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{text, bytes} {
			if len(s.leaks(secret)) == 0 {
				t.Errorf("%q is in the database and was not found", secret)
			}
		}
		if found := s.leaks("canary-4713-nowhere"); len(found) > 0 {
			t.Errorf("what is not there was found: %q", found)
		}
	})
}

// checkDump fails the test if the database holds one of its secrets.
func (s *site) checkDump() {
	s.t.Helper()
	for _, leak := range s.leaks(s.allSecrets()...) {
		s.t.Errorf("the database has a secret in it, %s", leak)
	}
}

// leaks looks for secrets in the database: in its rows and, where it is a file, in the file with its log, where
// deleted rows linger.
func (s *site) leaks(secrets ...string) (found []string) {
	s.t.Helper()
	var haystack bytes.Buffer
	for _, rows := range dumpDatabase(s.t, s.config.Database) {
		for _, row := range rows {
			haystack.WriteString(strings.ToLower(row) + "\n")
		}
	}
	haystack.Write(bytes.ToLower(databaseFiles(s.t, s.config.Database)))
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
func databaseFiles(t *testing.T, address string) []byte {
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
