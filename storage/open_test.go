package storage_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"vestibule/mfa"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	must(t, os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600))
	for _, tt := range []struct {
		dsn, want string
		err       error
	}{
		{"", "begins with sqlite:", nil},
		{"mysql://localhost/x", "begins with sqlite:", nil},
		{"sqlite:", "name of a file", nil},
		{"sqlite::memory:", "name of a file", nil},
		{"sqlite:" + dir, "is a directory", nil},
		{"sqlite:" + dir + "/none/v.db", "no such file or directory", os.ErrNotExist},
		{"sqlite:" + garbage, "open database: " + garbage + " is a file, but no SQLite database: name another", store.ErrUnavailable},
		{"postgres://u:hunter2@%zz/x", "cannot parse", nil},
		{"postgres://u:hunter2@" + closedPort(t) + "/x", "connection refused", store.ErrUnavailable},
	} {
		opensNot(t, tt.dsn, tt.want, tt.err)
	}
	if address := os.Getenv("VESTIBULE_TEST_POSTGRES"); address != "" {
		u, err := url.Parse(address)
		must(t, err)
		u.Path = "/vestibule_nowhere"
		opensNot(t, u.String(), `open database: PostgreSQL has no database "vestibule_nowhere": make it`, store.ErrUnavailable)
	}
}

// opensNot has a database refused in words that a person can act on.
func opensNot(t *testing.T, dsn, want string, cause error) {
	t.Helper()
	s, err := storage.Open(t.Context(), dsn)
	if err == nil {
		s.Close()
		t.Errorf("Open(%q) succeeded", dsn)
		return
	}
	if !strings.Contains(err.Error(), want) || cause != nil && !errors.Is(err, cause) {
		t.Errorf("Open(%q): %v, want %q and %v", dsn, err, want, cause)
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "SELECT") {
		t.Errorf("Open(%q): %v has the password, or what was asked", dsn, err)
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestSQLiteFileIsForItsOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "odd ?#%20 name")
	must(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "v&x=1.db")
	must(t, storagetest.Open(t, "sqlite:"+path).Migrate(t.Context()))
	names, err := filepath.Glob(filepath.Join(strings.ReplaceAll(dir, "?", `\?`), "*"))
	must(t, err)
	if len(names) != 3 { // the log and its index are beside it
		t.Errorf("files: %q, want three", names)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		must(t, err)
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %s is %o, want 600", name, got)
		}
	}
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	s := storagetest.Open(t, "sqlite:"+filepath.Join(t.TempDir(), "v.db"))
	for pragma, want := range map[string]int64{"synchronous": 2, "foreign_keys": 1} {
		if got := number(t, s, `PRAGMA `+pragma); got != want {
			t.Errorf("%s of the writer is %d, want %d", pragma, got, want)
		}
		if got := number(t, s, `SELECT * FROM pragma_`+pragma); got != want {
			t.Errorf("%s of a reader is %d, want %d", pragma, got, want)
		}
	}
	if got, err := s.Row(t.Context(), 1, `PRAGMA journal_mode`); err != nil || got[0] != "wal" {
		t.Errorf("journal_mode = %q, %v, want wal", got, err)
	}
}

// lockedSQLite is a store in a file on which somebody else holds the lock.
func lockedSQLite(t *testing.T) (s *storage.Store, path string, tx *sql.Tx) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "v.db")
	s = storagetest.Open(t, "sqlite:"+path)
	must(t, s.Migrate(t.Context()))
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	must(t, err)
	t.Cleanup(func() { other.Close() })
	tx, err = other.Begin()
	must(t, err)
	return s, path, tx
}

// Another process that holds the lock for long is a database that does not answer.
func TestSQLiteLocked(t *testing.T) {
	t.Parallel()
	s, _, tx := lockedSQLite(t)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.CreateClient(ctx, newClient("c")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("write while another holds the lock: %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := s.Client(t.Context(), "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("read while another holds the lock: %v, want %v", err, store.ErrNotFound)
	}
	must(t, tx.Rollback())
	must(t, s.CreateClient(t.Context(), newClient("c")))
}

// All that writes waits while another process does, also what returns at once what it has written: a guess that is counted.
func TestSQLiteWaits(t *testing.T) {
	t.Parallel()
	s, _, tx := lockedSQLite(t)
	done := make(chan error, 2)
	go func() { done <- s.CreateClient(t.Context(), newClient("c")) }()
	go func() {
		_, err := s.Attempt(t.Context(), "pwd:ana", mfa.Limit{Guesses: 1, Window: time.Minute, Lock: time.Minute}, noon)
		done <- err
	}()
	time.Sleep(1200 * time.Millisecond) // far longer than SQLite itself waits
	must(t, tx.Rollback())
	must(t, <-done)
	must(t, <-done)
}

// A command waits for its turn beside a process that writes for longer than a request may wait.
func TestSQLitePatience(t *testing.T) {
	t.Parallel()
	server, path, tx := lockedSQLite(t)
	command, err := storage.OpenPatient(t.Context(), "sqlite:"+path)
	must(t, err)
	defer command.Close()

	done := make(chan error, 1)
	go func() { done <- command.CreateClient(t.Context(), newClient("of the command")) }()
	if err := server.CreateClient(t.Context(), newClient("of the server")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("the server's write ended with %v, want %v", err, store.ErrUnavailable)
	}
	select {
	case err := <-done:
		t.Errorf("the command did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	must(t, tx.Rollback())
	must(t, <-done)
}

// relay stands between a store and PostgreSQL, so that a test can cut the line.
type relay struct {
	server  net.Listener
	network string
	address string
	mu      sync.Mutex
	down    bool
	lines   []net.Conn
}

func newRelay(t *testing.T, dsn string) (*relay, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(dsn)
	must(t, err)
	r := &relay{}
	r.network, r.address = pgconn.NetworkAddress(config.Host, config.Port)
	r.server, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { r.server.Close(); r.cut() })
	go r.serve()

	through, err := url.Parse(dsn)
	must(t, err)
	through.Host = r.server.Addr().String()
	query := through.Query()
	query.Del("host")
	query.Del("port")
	through.RawQuery = query.Encode()
	return r, through.String()
}

func (r *relay) serve() {
	for {
		in, err := r.server.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial(r.network, r.address)
		if err != nil || !r.add(in, out) {
			in.Close()
			continue
		}
		go func() { io.Copy(out, in); out.Close() }()
		go func() { io.Copy(in, out); in.Close() }()
	}
}

func (r *relay) add(lines ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, lines...)
	return !r.down
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = true
	for _, c := range r.lines {
		c.Close()
	}
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = false
}

func TestPostgresGoesAndComes(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "sqlite:") {
			return // a file has no line to cut
		}
		line, through := newRelay(t, dsn)
		s := storagetest.Open(t, through)
		must(t, s.Migrate(t.Context()))
		line.cut()
		_, err := s.Client(t.Context(), "c")
		for name, err := range map[string]error{
			"ping":   s.Ping(t.Context()),
			"read":   err,
			"write":  s.CreateClient(t.Context(), newClient("c")),
			"batch":  s.RevokeFamily(t.Context(), "f"),
			"status": s.CheckSchema(t.Context()),
		} {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s without a line: %v, want %v", name, err, store.ErrUnavailable)
			}
		}
		line.mend()
		if err := s.CreateClient(t.Context(), newClient("c")); err != nil {
			t.Errorf("write after the line is mended: %v", err)
		}
	})
}

// A server that takes the connection and then is silent must not be waited for.
func TestPostgresSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	s, err := storage.Open(ctx, "postgres://u@"+l.Addr().String()+"/x?sslmode=disable")
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Open: %v, want %v", err, store.ErrUnavailable)
	}
	if err == nil {
		s.Close()
	}
}
