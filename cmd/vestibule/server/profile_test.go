package server

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"vestibule/config"
)

// Profiles are on the admin listener if the settings say so, and never on the other one, nor on the mux that programs share
// which import this package.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		s, _ := testServer(t, NewLogger(t.Output(), "text", "warn"), func(c *config.Config) { c.Profiling = on })
		want := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[on]
		for _, path := range []string{"profile?seconds=1", "heap", "allocs", "goroutine?debug=1"} {
			if w := get(t, s.AdminHandler(), profilePath+path); w.Code != want {
				t.Errorf("profiling %v: %s answers %d, want %d", on, path, w.Code, want)
			} else if on && !strings.Contains(path, "debug") {
				isProfile(t, path, w.Body)
			}
			if w := get(t, s.Handler(), profilePath+path); w.Code != http.StatusNotFound {
				t.Errorf("profiling %v: %s answers %d on the public listener", on, path, w.Code)
			}
			if w := get(t, http.DefaultServeMux, profilePath+path); w.Code != http.StatusNotFound {
				t.Errorf("profiling %v: %s answers %d to whoever imports the package", on, path, w.Code)
			}
		}
	}
}

// isProfile takes what is compressed and has something in it for one.
func isProfile(t *testing.T, path string, body io.Reader) {
	t.Helper()
	packed, err := gzip.NewReader(body)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	if n, err := io.Copy(io.Discard, packed); err != nil || n == 0 {
		t.Errorf("%s has %d bytes: %v", path, n, err)
	}
}

// Only what can be taken is: not for ever, not for no time, and not what is none.
func TestProfilesRefused(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t, NewLogger(t.Output(), "text", "warn"), func(c *config.Config) { c.Profiling = true })
	for path, want := range map[string]int{
		"profile?seconds=0": http.StatusBadRequest, "profile?seconds=3600": http.StatusBadRequest, "profile?seconds=x": http.StatusBadRequest,
		"cmdline": http.StatusNotFound, "passwords": http.StatusNotFound,
	} {
		if w := get(t, s.AdminHandler(), profilePath+path); w.Code != want {
			t.Errorf("%s answers %d, want %d", path, w.Code, want)
		}
	}
}
