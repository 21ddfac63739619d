package doctest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// endings has a command line for each exit code of the table, by what the table says that it means.
var endings = map[string][]string{
	"done":           {"version"},
	"failed":         {"config", "check"}, // nothing is set
	"wrong usage":    {"user", "get"},
	"not found":      {"user", "get", "nobody"},
	"exists already": {"client", "create", "shop", "--name", "Shop", "--redirect-uri", "https://shop.example.com/"},
}

// TestExitCodes ends a command in each way.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	if code := exitCode(t, dir, endings["exists already"]); code != 0 {
		t.Fatalf("the client cannot be made: exit code %d", code)
	}
	var found []string
	for _, row := range Open(t, "docs/commands.md").Rows(t, "exit code") {
		found = append(found, row[1])
		args, ok := endings[row[1]]
		if !ok {
			t.Errorf("no command of this test ends with: %s", row[1])
			continue
		}
		if code := exitCode(t, dir, args); strconv.Itoa(code) != row[0] {
			t.Errorf("%s: exit code %d, want %s", row[1], code, row[0])
		}
	}
	for meaning := range endings {
		if !slices.Contains(found, meaning) {
			t.Errorf("docs/commands.md lacks the exit code that means: %s", meaning)
		}
	}
}

func exitCode(t *testing.T, dir string, args []string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Env = append(os.Environ(), "VESTIBULE_DATABASE=sqlite:"+filepath.Join(dir, "vestibule.db"))
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return 0
}
