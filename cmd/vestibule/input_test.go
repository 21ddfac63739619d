package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"

	"golang.org/x/sys/unix"
)

// keyboard is a terminal at which a test sits, with a command.
type keyboard struct {
	t      *testing.T
	master *os.File // of what the test types and sees
	slave  *os.File // of the command
	cmd    *exec.Cmd
	read   chan struct{} // closed when all that the terminal showed was read

	mu   sync.Mutex
	seen bytes.Buffer
}

// sitAt starts a command on a terminal of its own.
func sitAt(t *testing.T, database string, args ...string) *keyboard {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("pseudo-terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := &keyboard{t: t, master: master, slave: slave, cmd: exec.CommandContext(t.Context(), "vestibule", args...), read: make(chan struct{})}
	k.cmd.Env = append(os.Environ(), "VESTIBULE_DATABASE="+database)
	k.cmd.Stdin, k.cmd.Stdout, k.cmd.Stderr = slave, slave, slave
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		io.Copy(k, master) // until nobody has the other end
		close(k.read)
	}()
	t.Cleanup(func() { slave.Close(); <-k.read; master.Close() })
	return k
}

// Write takes what the terminal shows.
func (k *keyboard) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen.Write(p)
}

func (k *keyboard) screen() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen.String()
}

// echoes reports whether the terminal shows what is typed.
func (k *keyboard) echoes() bool {
	k.t.Helper()
	state, err := unix.IoctlGetTermios(int(k.slave.Fd()), unix.TCGETS)
	if err != nil {
		k.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// asked waits for the prompt, and until nothing that is typed is shown.
func (k *keyboard) asked(prompt string) *keyboard {
	k.t.Helper()
	ctx, stop := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer stop()
	for !strings.HasSuffix(k.screen(), prompt) || k.echoes() {
		select {
		case <-ctx.Done():
			k.t.Fatalf("the terminal shows %q and echoes: %v; want the prompt %q and no echo", k.screen(), k.echoes(), prompt)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return k
}

func (k *keyboard) types(line string) {
	k.t.Helper()
	if _, err := io.WriteString(k.master, line+"\n"); err != nil {
		k.t.Fatal(err)
	}
}

// ends waits for the command and returns its exit code and what the terminal shows.
func (k *keyboard) ends() (int, string) {
	k.t.Helper()
	k.cmd.Wait()
	if !k.echoes() {
		k.t.Error("the terminal does not echo any more")
	}
	k.slave.Close()
	<-k.read
	if strings.Contains(k.screen(), "heron") {
		k.t.Errorf("the terminal shows the password: %q", k.screen())
	}
	return k.cmd.ProcessState.ExitCode(), k.screen()
}

// A person at a terminal is asked for a password, twice, and does not see it.
func TestPasswordAtATerminal(t *testing.T) {
	t.Parallel()
	database := servertest.SQLite(t)
	create := []string{"user", "create", "ana", "--email", "ana@example.com"}

	k := sitAt(t, database, create...)
	k.asked("Password: ").types(servertest.Password)
	k.asked("Once more: ").types("another " + servertest.Password)
	if code, text := k.ends(); code != 1 || !strings.Contains(text, "not the same twice") {
		t.Errorf("two different passwords: exit code %d, %q", code, text)
	}

	k = sitAt(t, database, create...)
	k.asked("Password: ").types(servertest.Password)
	k.asked("Once more: ").types(servertest.Password)
	if code, text := k.ends(); code != 0 || !strings.Contains(text, "created user ana") {
		t.Errorf("a password: exit code %d, %q", code, text)
	}

	k = sitAt(t, database, "user", "update", "ana", "--password-file", "-")
	k.asked("Password: ")
	k.cmd.Process.Signal(os.Interrupt)
	if code, text := k.ends(); code != 1 || !strings.Contains(text, "interrupted; nothing has changed") {
		t.Errorf("interrupted: exit code %d, %q", code, text)
	}
}
