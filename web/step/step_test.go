package step_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/webauthn"
	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/account"
	"vestibule/web/step"
	"vestibule/web/step/steptest"
)

var _ step.Store = (*storage.Store)(nil)

// nobody is a Host that nobody is signed in with; what is asked of it beyond that is nil.
type nobody struct{ step.Host }

func (nobody) SignedIn(*http.Request) (step.Password, error) { return step.Password{}, nil }

func good(t *testing.T, db *storage.Store) step.Config {
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	return step.Config{Origin: "https://id.example.com", Prefix: "/step", Host: nobody{}, LogIn: "/login?tab=1", LogOut: "/logout", Store: db, Keys: keys}
}

// TestNewNamesWhatIsMissing: one error names all of it.
func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := step.New(step.Config{})
	if want := "step: Origin, Prefix, Host, LogIn, LogOut, Store, Keys must be set"; err == nil || err.Error() != want {
		t.Errorf("nothing set: %v, want %s", err, want)
	}
	_, err = step.New(step.Config{Prefix: "/step", Host: nobody{}, LogOut: "/logout", Origin: "https://id.example.com/"})
	for _, part := range []string{"LogIn, Store, Keys must be set", `Origin "https://id.example.com/"`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("some set: %v, want it to say %s", err, part)
		}
	}
}

// noLog is a store that shows what happened, and keeps no log of it.
type noLog struct {
	step.Store
	shown
}

type shown = account.Activity

func TestNewRefuses(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		for name, change := range map[string]func(*step.Config){
			"origin in capitals":                          func(c *step.Config) { c.Origin = "https://ID.example.com" },
			"origin with a port that goes without saying": func(c *step.Config) { c.Origin = "https://id.example.com:443" },
			"prefix":          func(c *step.Config) { c.Prefix = "/step/{x}" },
			"prefix with end": func(c *step.Config) { c.Prefix = "/step/" },
			"origin":          func(c *step.Config) { c.Origin = "id.example.com" },
			"remembered, keys": func(c *step.Config) {
				c.Kinds = []mfa.Kind{}
				c.Policy.Rules = []mfa.Rule{{Must: mfa.PhishingResistant}}
			},
			"log that is written twice": func(c *step.Config) { c.Recorder = db },
			"log in a log":              func(c *step.Config) { c.Recorder = &audit.Log{Store: db, Now: time.Now} },
			"activity that stays empty": func(c *step.Config) { c.Store = noLog{db, db} },
		} {
			c := good(t, db)
			change(&c)
			if _, err := step.New(c); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if _, err := step.New(good(t, db)); err != nil {
			t.Error(err)
		}
	})
}

// keysOf are the passkeys of that origin.
func keysOf(t *testing.T, origin string) []mfa.Kind {
	t.Helper()
	keys, err := webauthn.New(origin, "Example")
	if err != nil {
		t.Fatal(err)
	}
	return []mfa.Kind{keys}
}

// TestPasskeysOfOrigin: passkeys are there where browsers have them; where they are not, the log says why, and what would
// need them is an error.
func TestPasskeysOfOrigin(t *testing.T) {
	db := storagetest.Open(t, "sqlite:"+t.TempDir()+"/step.db")
	must := mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}
	for _, tt := range []struct {
		origin string
		has    bool
	}{
		{"https://id.example.com", true}, {"https://id.example.com:8443", true}, {"http://localhost:8080", true}, {"http://app.localhost", true},
		{"http://127.0.0.1:8080", false}, {"https://127.0.0.1", false}, {"https://[::1]:8443", false}, {"http://id.example.com", false},
	} {
		var log strings.Builder
		c := good(t, db)
		c.Origin, c.Log = tt.origin, slog.New(slog.NewTextHandler(&log, nil))
		h, err := step.New(c)
		if err != nil {
			t.Errorf("%s: %v", tt.origin, err)
			continue
		}
		if has := h.Levels().PhishingResistant; has != tt.has || strings.Contains(log.String(), "no passkeys") == has {
			t.Errorf("at %s there are passkeys: %t, want %t; the log says %s", tt.origin, has, tt.has, &log)
		}
		c.Policy = must
		if _, err := step.New(c); (err == nil) != tt.has || err != nil && !strings.Contains(err.Error(), tt.origin) {
			t.Errorf("at %s a policy that asks for passkeys: %v", tt.origin, err)
		}
	}
	c := good(t, db)
	c.Kinds = keysOf(t, c.Origin)
	if _, err := step.New(c); err != nil {
		t.Errorf("passkeys of the origin: %v", err)
	}
	c.Kinds = keysOf(t, "https://login.example.com")
	if _, err := step.New(c); err == nil || !strings.Contains(err.Error(), "https://login.example.com") {
		t.Errorf("passkeys of another origin: %v", err)
	}
}

// It answers below its own path alone, and adds nothing else to a mux.
func TestPaths(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		h, err := step.New(good(t, db))
		if err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
		mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
		h.Register(mux)
		for path, want := range map[string]int{
			"/": 418, "/login": 418, "/account": 418, "/stepper": 418, "/static/x": 418, "/logout": 418,
			"/step/help/lost-device": 200, "/step/nothing": 404, "/step/login/totp": 400, "/step/account/security": 303,
		} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code != want {
				t.Errorf("%s answers %d, want %d", path, w.Code, want)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/elsewhere", nil))
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Security-Policy") != "" {
			t.Errorf("outside of its path the handler answers %d with %v", w.Code, w.Header())
		}
		for _, form := range []string{"/step/login", "/step/logout"} { // which are the host's
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, form, nil)
			r.Header.Set("Origin", "https://id.example.com")
			if mux.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
				t.Errorf("POST %s answers %d, want 405", form, w.Code)
			}
		}
	})
}

func TestRequestIsBounded(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		h, err := step.New(good(t, db))
		if err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]int{step.MaxRequest: 303, step.MaxRequest + 1: 500} {
			w := httptest.NewRecorder()
			h.SignIn(w, httptest.NewRequest(http.MethodGet, "/authorize", nil), step.SignIn{Request: strings.Repeat("x", size)})
			if w.Code != want {
				t.Errorf("a request of %d bytes is answered with %d, want %d", size, w.Code, want)
			}
		}
	})
}

// TestStorageContract leaves the factors to the tests of package storage.
func TestStorageContract(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + t.TempDir() + "/step.db" },
		"postgres": storagetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steptest.TestSignIns(t, func(t *testing.T) step.Store {
				db := storagetest.Open(t, open(t))
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				return db
			})
		})
	}
}
