package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// One process serves from a SQLite file. A second one is told so, under any name of the file; commands work beside it;
// and after kill -9 the next one starts.
func TestSQLiteHasOneServer(t *testing.T) {
	t.Parallel()
	database := servertest.SQLite(t)
	o := newShell(t, database)
	o.Start(1)
	link := filepath.Join(t.TempDir(), "other.db")
	if err := os.Symlink(strings.TrimPrefix(database, "sqlite:"), link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{database, "sqlite:" + link} {
		var said bytes.Buffer
		limited, cancel := context.WithTimeout(t.Context(), 30*time.Second) // for one that does start
		defer cancel()
		second := exec.CommandContext(limited, "vestibule", "serve")
		second.Env, second.Stderr = append(o.Environ, "VESTIBULE_DATABASE="+name), &said
		err := second.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(said.String(), "another process serves from") {
			t.Errorf("a second server on %s: %v, %s", name, err, &said)
		}
	}
	o.Command(servertest.Password, "user", "create", "ana", "--email", "ana@example.com", "--password-file", "-")
	if list := string(o.Command("", "user", "list")); !strings.Contains(list, "ana") {
		t.Errorf("user list beside a server: %s", list)
	}
	o.Kill(nil) // and starts another
}

// A server reads the signing keys again by itself.
func TestServersReloadSigningKeys(t *testing.T) {
	t.Parallel()
	o := newShell(t, servertest.SQLite(t))
	o.Start(1)
	front := o.Site.First()
	keys := len(servertest.PublishedKeys(t, front))
	o.Command("", "key", "rotate")
	for deadline := time.Now().Add(time.Minute); len(servertest.PublishedKeys(t, front)) != 2*keys; {
		if time.Now().After(deadline) {
			t.Fatal("the server has not noticed that there are new keys")
		}
	}
}
