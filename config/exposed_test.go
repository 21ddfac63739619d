package config

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestExposedFiles: a file of a secret is told of if it is one's own and others may read it, and no other.
func TestExposedFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{"VESTIBULE_ISSUER=" + testIssuer, "VESTIBULE_SECRET_KEYS_FILE=" + path}
	for mode, want := range map[os.FileMode][]string{0o600: nil, 0o400: nil, 0o640: {path}, 0o604: {path}} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if c, err := Load("", environ, nil); err != nil || !slices.Equal(c.ExposedFiles, want) {
			t.Errorf("mode %o: %q, %v, want %q", mode, c.ExposedFiles, err, want)
		}
	}
}
