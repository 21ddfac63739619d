package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// program runs one command, "vestibule do it NAME", whose action is given, and returns what it prints and how it ends.
func program(t *testing.T, act cli.ActionFunc, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	term := &Terminal{Stdin: strings.NewReader(""), Stdout: &out, Stderr: t.Output()}
	it := &cli.Command{Name: "it", ArgsUsage: "NAME", Usage: "do it", Flags: []cli.Flag{OutputFlag(), &cli.IntFlag{Name: "times"}, &cli.DurationFlag{Name: "for"}}, Action: act}
	do := &cli.Command{Name: "do", Usage: "what is done", Commands: []*cli.Command{it}}
	err = term.Program("1.2.3", do).Run(t.Context(), append([]string{"vestibule"}, args...))
	return out.String(), err
}

func done(context.Context, *cli.Command) error { return nil }

// TestProgram: a command line that cannot be run is refused in words that help, and nothing is done.
func TestProgram(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, want string }{
		{"", "say what to do\n  vestibule do it NAME"},
		{"do", "say what to do with do\n  vestibule do it NAME"},
		{"do its", "there is no command \"do its\"\ndid you mean vestibule do it?"},
		{"dp it", "`vestibule help` lists the commands"},
		{"do it", "NAME is missing\nusage: vestibule do it NAME [flags]\nmore:  vestibule do it --help"},
		{"do it a b", `there is an argument too many: "b"`},
		{"do it a --tims 3", "there is no flag --tims\ndid you mean --times?"},
		{"do it a --times", "--times needs a value"},
		{"do it a --times x", `invalid value "x" for flag --times: it should be a whole number`},
		{"do it a --for ever", `invalid value "ever" for flag --for: it should be a time such as 90s, 30m or 24h`},
		{"do it a --for 7", `invalid value "7" for flag --for: it should be a time such as 90s, 30m or 24h`},
		{"completion", "say what to do with completion\n"},
		{"completion tcsh", "there is no command \"completion tcsh\"\n"},
		{"do it a --output xml", "it should be table or json"},
		{"help do its", `there is no command "do its"`},
	} {
		ran := false
		_, err := program(t, func(context.Context, *cli.Command) error { ran = true; return nil }, strings.Fields(tt.line)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || (&Terminal{Stderr: t.Output()}).Report(err) != 2 || ran {
			t.Errorf("vestibule %s: %v (ran: %v), want wrong usage with %q", tt.line, err, ran, tt.want)
		}
	}
	for line, want := range map[string]string{
		"do it a": "", "version": "vestibule 1.2.3 (go", "--version": "vestibule 1.2.3 (go", "help do it": "usage: vestibule do it NAME [flags]", "do it a --help": "usage: vestibule do it NAME [flags]",
	} {
		if out, err := program(t, done, strings.Fields(line)...); err != nil || !strings.HasPrefix(out, want) && !strings.Contains(out, "\n"+want) {
			t.Errorf("vestibule %s prints %q, %v; want %q", line, out, err, want)
		}
	}
}

// TestFaultsOfOperations: what an operation says of its arguments is said of the flags, with how the command is used.
func TestFaultsOfOperations(t *testing.T) {
	t.Parallel()
	fault := operator.CheckReset("", 0)
	_, err := program(t, func(context.Context, *cli.Command) error { return fault }, "do", "it", "a")
	if fault == nil || err == nil || !strings.HasPrefix(err.Error(), "--reason") || !strings.Contains(err.Error(), "\nusage: vestibule do it") {
		t.Errorf("the fault %v becomes %v", fault, err)
	}
}

// TestReport: an exit code for what went wrong, and a sentence in the place of its cause.
func TestReport(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{nil, 0, ""},
		{errors.New("the disk is full"), 1, "vestibule: the disk is full\n"},
		{fmt.Errorf("do: %w", UsageError("wrong")), 2, "vestibule: do: wrong\n"},
		{UsageErrors(nil, Missing("--name", ""), Exclude(true, "a and b"), Exclude(false, "c"), Missing("--id", "x")), 2, "vestibule: --name is missing\na and b\n"},
		{UsageErrors(nil, nil), 0, ""},
		{Failure("there is no ana", fmt.Errorf("secret: %w", store.ErrNotFound)), 3, "vestibule: there is no ana\n"},
		{Failure("there is one", store.ErrConflict), 4, "vestibule: there is one\n"},
		{Failure("it broke", errors.New("cause")), 1, "vestibule: it broke\n"},
	} {
		var said bytes.Buffer
		if code := (&Terminal{Stderr: &said}).Report(tt.err); code != tt.code || said.String() != tt.says {
			t.Errorf("%v ends with %d and says %q, want %d and %q", tt.err, code, &said, tt.code, tt.says)
		}
	}
}

// TestPrint: a table cannot command a terminal, and JSON has values as they are.
func TestPrint(t *testing.T) {
	t.Parallel()
	name := "a\x1b[31m\u202eb\n"
	print := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		term := &Terminal{Stdout: &out}
		_, err := program(t, func(_ context.Context, c *cli.Command) error {
			return term.Print(c, map[string]string{"name": name}, [][]string{{"NAME", "ID"}, {name, "1"}, {"alone"}})
		}, append([]string{"do", "it", "x"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got, want := print(), "NAME       ID\na\uFFFD[31m\uFFFDb\uFFFD  1\nalone\n"; got != want {
		t.Errorf("the table is %q, want %q", got, want)
	}
	if got, want := print("--output", "json"), "{\n  \"name\": \"a\\u001b[31m\u202eb\\n\"\n}\n"; got != want {
		t.Errorf("the JSON is %q, want %q", got, want)
	}
}

// TestReadSecret reads what no person types. What is read stands in no error.
func TestReadSecret(t *testing.T) {
	t.Parallel()
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(t.TempDir(), "canary")
	for _, tt := range []struct{ flag, path, stdin, want, fault string }{
		{"password-file", "-", "cobalt heron\n", "cobalt heron", ""},
		{"password-file", "-", "two\r\nlines\r\n", "two\r\nlines", ""},
		{"password-file", "-", " spaces \n\n", " spaces \n", ""},
		{"passphrase-file", write("from a file\n"), "", "from a file", ""},
		{"password-file", write(strings.Repeat("x", largestInput)), "", strings.Repeat("x", largestInput), ""},
		{"password-file", write(strings.Repeat("canary", largestInput)), "", "", "--password-file: the input is too large"},
		{"passphrase-file", write("\n"), "", "", "--passphrase-file: the input is empty"},
		{"secret-file", "-", "", "", "--secret-file: the input is empty"},
		{"password-file", missing, "", "", "--password-file: open " + missing},
		{"secret-file", missing, "", "", "--secret-file: the file cannot be opened: no such file"},
	} {
		term := &Terminal{Stdin: strings.NewReader(tt.stdin), Stderr: t.Output()}
		for name, read := range map[string]func(context.Context, string, string) (string, error){"ReadSecret": term.ReadSecret, "ReadNewSecret": term.ReadNewSecret} {
			term.Stdin = strings.NewReader(tt.stdin)
			got, err := read(t.Context(), tt.flag, tt.path)
			if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.HasPrefix(err.Error(), tt.fault) {
				t.Errorf("%s(%s, %s) = %.20q, %v; want %.20q, %s", name, tt.flag, tt.path, got, err, tt.want, tt.fault)
			}
			if err != nil && tt.flag == "secret-file" && strings.Contains(err.Error(), "canary") {
				t.Errorf("%s says the path, which may be the secret: %v", name, err)
			}
		}
		if term.Attended() {
			t.Error("a person sits at a text")
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		90 * 24 * time.Hour: "2160 hours", time.Hour: "1 hours", 30 * time.Minute: "30 minutes", 90 * time.Minute: "90 minutes",
		10 * time.Second: "1 minutes",
	} {
		if got := (&Terminal{}).Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
