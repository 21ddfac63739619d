package main

import (
	"errors"
	"io"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vestibule/cmd/vestibule/terminal"
)

// newEnv is what a command sees that a test runs, in English.
func newEnv(environ []string, stdin io.Reader, stdout, stderr io.Writer) *env {
	return &env{terminal.Terminal{Stdin: stdin, Stdout: stdout, Stderr: stderr}, environ}
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"vestibule": main})
}

// TestScripts runs the commands as processes, with their output and exit codes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// exits CODE COMMAND ARG... runs a command that must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}
