package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestKeysFromAPipe: the keys of an app may come from a pipe, as <(...) of a shell makes one, which can be read once.
func TestKeysFromAPipe(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	keys := `{"keys":[{"kty":"EC","kid":"k1","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`
	pipe := func(text string) string {
		t.Helper()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		go func() {
			w.WriteString(text) // who does not read it all has closed the pipe
			w.Close()
		}()
		return fmt.Sprintf("/dev/fd/%d", r.Fd())
	}
	runCommand(t, s, "", "client", "create", "shop", "--redirect-uri", "https://shop.example.com/cb", "--token-endpoint-auth-method", "private_key_jwt", "--jwks-file", pipe(keys))
	c, err := s.Store.Client(t.Context(), "shop")
	if err != nil || !strings.Contains(string(c.JWKS), `"k1"`) {
		t.Errorf("the app has the keys %s (%v)", c.JWKS, err)
	}
	runCommand(t, s, "", "client", "update", "shop", "--jwks-file", pipe(strings.Replace(keys, "k1", "k2", 1)))
	if c, err = s.Store.Client(t.Context(), "shop"); err != nil || !strings.Contains(string(c.JWKS), `"k2"`) {
		t.Errorf("after the update the app has the keys %s (%v)", c.JWKS, err)
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "no such file", pipe("not JSON"): "it is no JSON", pipe(strings.Repeat(" ", 1<<20+1)): "longer than 1 MiB", "": "no such file",
	} {
		if _, _, err := tryCommand(t, s, "client", "update", "shop", "--jwks-file", path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--jwks-file %q: %v, want %s", path, err, want)
		}
	}
	runCommand(t, s, "", "client", "update", "shop", "--no-jwks-file", "--jwks-uri", "https://shop.example.com/keys")
	if c, err = s.Store.Client(t.Context(), "shop"); err != nil || c.JWKS != nil {
		t.Errorf("the keys are taken away and the app has %s (%v)", c.JWKS, err)
	}
}
