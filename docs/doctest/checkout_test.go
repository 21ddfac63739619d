package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fromCheckout is how a program of its own module imports this one.
const fromCheckout = "go mod edit -replace=vestibule=../vestibule\ngo get vestibule@v0.0.0\n"

// TestCheckout does it, and builds a program that imports what brings most.
func TestCheckout(t *testing.T) {
	if !strings.Contains(Open(t, "docs/importers.md").Text, fromCheckout) {
		t.Error("docs/importers.md does not say how to import the module from a checkout")
	}
	folder := t.TempDir()
	own := filepath.Join(folder, "wiki")
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(Root(t), filepath.Join(folder, "vestibule")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  "module wiki.test\n",
		"main.go": "package main\n\nimport _ \"vestibule/web/step\"\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(own, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", fromCheckout+"go vet .")
	cmd.Dir = own
	// What this module needs was fetched and verified for it; what is missing yet comes from where other modules do.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOSUMDB=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
