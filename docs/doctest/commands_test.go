package doctest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// folder is for the program that these tests run.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "doctest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

var build = sync.OnceValue(func() error {
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", folder, "vestibule/cmd/vestibule").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
})

// program builds the program once and returns its path.
func program(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, "vestibule")
}

// vestibule returns what a command prints, and whether it ended well.
func vestibule(t *testing.T, args ...string) (string, bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t), args...).CombinedOutput()
	return string(out), err == nil
}

// commands are those of the table, which TestCommandTable compares with the program, and what each explains of itself.
func commands(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, row := range Open(t, "docs/commands.md").Rows(t, "command") {
		command := strings.Join(plain(strings.Fields(Code(row[0])[0])[1:]), " ")
		help, ok := vestibule(t, append(strings.Fields(command), "--help")...)
		if !ok || !strings.Contains(help, "vestibule "+command) {
			t.Errorf("%s does not explain itself:\n%s", command, help)
		}
		all[command] = help
	}
	return all
}

var listed = regexp.MustCompile(`(?m)^ +(vestibule .+?)(?:  .*)?$`)

// TestCommandTable compares the table with what the program lists.
func TestCommandTable(t *testing.T) {
	text, ok := vestibule(t, "help")
	if !ok {
		t.Fatal(text)
	}
	var has, want []string
	for _, row := range Open(t, "docs/commands.md").Rows(t, "command") {
		has = append(has, Code(row[0])...)
	}
	for _, match := range listed.FindAllStringSubmatch(text, -1) {
		want = append(want, match[1])
	}
	compare(t, "docs/commands.md", has, want)
}

// compare reports what one of two lists has and the other lacks.
func compare(t *testing.T, name string, has, want []string) {
	t.Helper()
	for _, one := range has {
		if !slices.Contains(want, one) {
			t.Errorf("%s has %q, which the program has not", name, one)
		}
	}
	for _, one := range want {
		if !slices.Contains(has, one) {
			t.Errorf("%s lacks %q", name, one)
		}
	}
}

var (
	lowerWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
	flagWord  = regexp.MustCompile(`--[a-z][a-z-]*`)
)

// TestCommands: each command that the prose names is there, and has the flags that stand beside it.
func TestCommands(t *testing.T) {
	helps, seen := commands(t), 0
	for _, d := range All(t) {
		for _, code := range Code(d.Prose()) {
			words := strings.Fields(strings.TrimPrefix(code, "vestibule "))
			if !isCommand(helps, code, words) {
				continue
			}
			seen++
			if fault := commandFault(helps, words); fault != "" {
				t.Errorf("%s: %s: %s", d.Name, code, fault)
			}
		}
	}
	if seen < 2*len(helps) {
		t.Errorf("only %d commands were found in the prose; does the test still know them?", seen)
	}
}

// isCommand tells a command from other code: it begins with vestibule, or with the first word of several of one.
func isCommand(helps map[string]string, code string, words []string) bool {
	if strings.HasPrefix(code, "vestibule ") {
		return words[0] != "help"
	}
	begins := func(command string) bool { return strings.Fields(command)[0] == words[0] }
	return len(words) > 1 && slices.ContainsFunc(slices.Collect(maps.Keys(helps)), begins)
}

// commandFault says what is wrong with a command line, or nothing.
func commandFault(helps map[string]string, words []string) string {
	n := len(plain(words))
	for n > 0 && helps[strings.Join(words[:n], " ")] == "" {
		n--
	}
	if n == 0 {
		return "there is no such command"
	}
	command := strings.Join(words[:n], " ")
	for _, flag := range flagWord.FindAllString(strings.Join(words, " "), -1) {
		if !strings.Contains(helps[command], flag+" ") {
			return command + " has no flag " + flag
		}
	}
	return ""
}

// plain returns the words before the first that is neither a command's nor a name's.
func plain(words []string) []string {
	for i, word := range words {
		if !lowerWord.MatchString(word) {
			return words[:i]
		}
	}
	return words
}

// TestFlags: a flag that the prose names alone is one of some command.
func TestFlags(t *testing.T) {
	all := strings.Join(slices.Collect(maps.Values(commands(t))), "\n")
	for _, d := range All(t) {
		for _, code := range Code(d.Prose()) {
			if flag := flagWord.FindString(code); flag != "" && strings.HasPrefix(code, flag) && flag != "--help" && !strings.Contains(all, flag+" ") {
				t.Errorf("%s: no command has the flag %s", d.Name, flag)
			}
		}
	}
}
