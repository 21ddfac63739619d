package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/operator"
)

// The words at the end of a rotation are about the settings.
func TestRotateClosingWords(t *testing.T) {
	t.Parallel()
	old, err := mfa.ParseKeyring([]string{mfa.NewKey(), mfa.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	v := unsealed{keys: old}
	v.config.RefreshTokenLifetime = 30 * time.Minute
	var out bytes.Buffer
	if err := newEnv(nil, nil, &out, t.Output()).reportResealed(v, operator.Resealed{}); err != nil || !strings.Contains(out.String(), "over 30 minutes after") || !strings.Contains(out.String(), "365 days") {
		t.Errorf("report: %v\n%s", err, &out)
	}
}

// Whoever gives a secret in the place of a file does not see it again, in a log say.
func TestSecretInThePlaceOfAFile(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ",")}
	const key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for _, value := range []string{key, "otpauth://totp/Old:ana?secret=" + key, key + strings.Repeat("A", 5000)} {
		w := newEnv(environ, strings.NewReader(""), t.Output(), t.Output())
		err := run(t.Context(), []string{"user", "totp", "add", "ana", "--secret-file", value}, w)
		if err == nil || strings.Contains(err.Error(), "GEZDG") || !strings.Contains(err.Error(), "--secret-file: the file cannot be opened: ") {
			t.Errorf("--secret-file %.10s: %v, want a fault without the value", value, err)
		}
	}
}

// A link for a user who is shut out is made, but with a warning.
func TestEnrolLinkOfTheDisabled(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	for _, name := range []string{"ana", "ben"} {
		s.AddUser(name, func(a *account.Account) { a.Disabled = name == "ana" })
		var out, warning bytes.Buffer
		environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_ISSUER=" + s.Config.Issuer}
		if err := run(t.Context(), []string{"user", "enrol-link", name}, newEnv(environ, strings.NewReader(""), &out, &warning)); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Contains(warning.String(), "user update ana --enable"), name == "ana"; got != want {
			t.Errorf("the link for %s warns %q: %v, want %v", name, &warning, got, want)
		}
	}
}

// A terminal that is closed ends the demo as Ctrl-C does: nothing is left behind.
func TestDemoHangup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	hangups := make(chan os.Signal, 1) // what is caught here is not ignored by a child, though this test may run under nohup
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	demo := exec.CommandContext(t.Context(), "vestibule", "demo", "--listen", "127.0.0.1:0", "--sample-listen", "127.0.0.1:0")
	demo.Env = append(os.Environ(), "TMPDIR="+folder)
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "/account/security") {
			break
		}
	}
	if err := demo.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, out) // the last words
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("the demo left %v behind (%v)", left, err)
	}
}
