package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"vestibule/provider/spelling"
)

// largestSecret is far above any ring of keys: a wrong path should not fill the memory.
const largestSecret = 64 << 10

// readSecret returns what the file at path holds, without the newline that editors put at the
// end. A faulty path is not repeated if it may be the secret itself, put into the wrong variable.
func readSecret(name, path string) (string, error) {
	if looksSecret(path) {
		return "", fmt.Errorf("should be the path of a file but holds the value itself; put it into %s", variable(name))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no file %s", path)
	case err != nil:
		return "", fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	case info.IsDir():
		return "", fmt.Errorf("%s is a directory; it should be the file that holds the value", path)
	}
	return readSmall(path)
}

// isExposed reports whether others than its owner may read a file that holds a secret, and whoever runs the program could
// change that. What a cluster or a container mounts is another's, and has the mode that its program needs there.
func isExposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Perm()&0o077 != 0 && isOwn(info)
}

func readSmall(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, largestSecret+1))
	switch text := strings.TrimRight(string(content), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	case len(content) > largestSecret:
		return "", fmt.Errorf("%s is too large to be this setting", path)
	case strings.TrimSpace(text) == "":
		return "", fmt.Errorf("%s is empty", path)
	default:
		return text, nil
	}
}

// looksSecret reports whether value is a database address or a key, and so not a path.
func looksSecret(value string) bool {
	for key := range strings.SplitSeq(value, ",") {
		if validKey(strings.TrimSpace(key)) {
			return true
		}
	}
	return strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://") || strings.HasPrefix(value, "sqlite:")
}

// validKey reports whether key is 32 bytes in base64, of either alphabet, padded or not, or in hex.
func validKey(key string) bool { return len(spelling.DecodeKey(key)) == 32 }

// repeats reports whether two of the keys are the same, however they are written.
func repeats(keys []string) bool {
	seen := map[string]bool{}
	for _, key := range keys {
		raw := string(spelling.DecodeKey(key))
		if seen[raw] {
			return true
		}
		seen[raw] = true
	}
	return false
}

func hasPassword(database string) bool {
	u, err := url.Parse(database)
	if err != nil {
		return strings.Contains(database, "@")
	}
	_, ok := u.User.Password()
	return ok || u.Query().Has("password")
}
