//go:build costly

package clients

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// module builds a package of a module of testdata, and returns the path.
func module(t *testing.T, name, pack string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, pack)
	cmd.Dir = filepath.Join("testdata", name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// file writes the next block of a language to a file, and returns its path.
func (r *recipe) file(language, folder, name string) string {
	r.t.Helper()
	return write(r.t, folder, name, r.next(language))
}
