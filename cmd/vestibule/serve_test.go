package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/storage"
)

// Commands work on the SQLite file of a server in another process, which sees at once what they did.
func TestCommandsBesideServer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environ := append(os.Environ(), "VESTIBULE_ISSUER=http://127.0.0.1:8080", "VESTIBULE_LISTEN=127.0.0.1:0", "VESTIBULE_ADMIN_LISTEN=127.0.0.1:0",
		"VESTIBULE_DATABASE=sqlite:"+filepath.Join(folder, "test.db"), "VESTIBULE_SECRET_KEYS="+mfa.NewKey())
	process := exec.CommandContext(t.Context(), "vestibule", "serve")
	process.Env = environ
	process.Cancel = func() error { return process.Process.Signal(os.Interrupt) }
	stderr, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	addresses := servertest.WaitListening(t, lines)

	var stdout bytes.Buffer
	w := newEnv(environ, strings.NewReader(servertest.Password), &stdout, t.Output())
	for _, args := range [][]string{
		{"user", "create", "ada", "--email", "ada@example.com", "--password-file", "-"},
		{"client", "create", "app", "--redirect-uri", "https://app.example.com/cb"},
	} {
		if err := run(t.Context(), args, w); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	query := "/authorize?response_type=code&client_id=app&scope=openid&prompt=none&state=12345678&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get("http://" + addresses[0] + query)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); !strings.HasPrefix(got, "https://app.example.com/cb?") {
		t.Errorf("the server does not know the new client: %s to %q", resp.Status, got)
	}
	if err := process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // Wait closes the pipe
	}
	if err := process.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// A shared database is not migrated behind the back of the other servers on it.
func TestUnmigratedPostgres(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", servertest.PostgreSQL(t), []string{mfa.NewKey()}
	_, err := server.New(t.Context(), c, server.Options{Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, storage.ErrSchemaOld) || !strings.Contains(err.Error(), "vestibule migrate up") {
		t.Errorf("New: %v, want a word about vestibule migrate up", err)
	}
	w := newEnv([]string{"VESTIBULE_DATABASE=" + c.Database}, strings.NewReader(""), io.Discard, io.Discard)
	if err := run(t.Context(), []string{"user", "list"}, w); !errors.Is(err, storage.ErrSchemaOld) {
		t.Errorf("user list: %v, want %v", err, storage.ErrSchemaOld)
	}
	if err := run(t.Context(), []string{"migrate", "up"}, w); err != nil {
		t.Fatalf("migrate up: %v", err)
	}
	a, err := server.New(t.Context(), c, server.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
