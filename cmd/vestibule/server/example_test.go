package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/store"
)

// staff are the users of a program that has its own, by user name.
type staff map[string]struct{ subject, password string }

func (s staff) Account(_ context.Context, subject string) (account.Account, error) {
	for name, user := range s {
		if user.subject == subject {
			return account.Account{Subject: subject, Username: name}, nil
		}
	}
	return account.Account{}, store.ErrNotFound
}

func (s staff) Authenticate(ctx context.Context, name, password string, count account.Count) (account.Account, error) {
	user := s[name]
	if err := count(ctx, account.Guess{Key: name, Subject: user.subject}); err != nil {
		return account.Account{}, err
	}
	if user.subject == "" || user.password != password { // a real one compares hashes, for as long whoever is asked for
		return account.Account{}, account.ErrPassword
	}
	return s.Account(ctx, user.subject)
}

func (staff) NoteSignIn(context.Context, string, int64, time.Time) error { return nil }

func (staff) RequireAccount(context.Context, string, int64) error { return nil }

// provide makes the program an OpenID Provider below /auth.
func provide(ctx context.Context, mux *http.ServeMux, address, folder, key string, users staff) (*server.Server, error) {
	c := config.Default()
	c.Issuer, c.Name, c.SecretKeys = address+"/auth", "Wiki", []string{key}
	c.Database = "sqlite:" + filepath.Join(folder, "auth.db")
	s, err := server.New(ctx, c, server.Options{Accounts: users})
	if err != nil {
		return nil, err
	}
	return s, s.Register(mux)
}

// A program that has pages and users of its own becomes an OpenID Provider with a second step as well.
func Example() {
	folder, err := os.MkdirTemp("", "wiki")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "The wiki") })
	wiki := httptest.NewServer(mux)
	defer wiki.Close()

	s, err := provide(context.Background(), mux, wiki.URL, folder, mfa.NewKey(), staff{"ana": {"s-ana", "correct horse"}})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.Work(ctx) })
	for _, path := range []string{"/", "/auth/login", "/auth/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/auth"} {
		response, err := http.Get(wiki.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		fmt.Println(response.Status, path)
	}
	stop()
	work.Wait()
	s.Close()
	// Output:
	// 200 OK /
	// 200 OK /auth/login
	// 200 OK /auth/.well-known/openid-configuration
	// 200 OK /.well-known/oauth-authorization-server/auth
}

// TestExampleIsShort counts what such a program writes: its users, and what makes it a provider.
func TestExampleIsShort(t *testing.T) {
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, own, _ := strings.Cut(string(source), "\n// staff are")
	own, _, _ = strings.Cut(own, "\n// A program")
	lines := 0
	for line := range strings.Lines(own) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "//") {
			lines++
		}
	}
	if lines < 20 || lines >= 40 {
		t.Errorf("the program has %d lines of its own, want fewer than 40", lines)
	}
}

// TestNewNamesEveryFault: whoever makes the settings in a program hears of all that is wrong at once.
func TestNewNamesEveryFault(t *testing.T) {
	c := config.Default()
	c.Issuer, c.SigningAlgorithm = "http://id.example.com/", "none"
	_, err := server.New(t.Context(), c, server.Options{})
	for _, name := range []string{"issuer", "secret_keys", "signing_algorithm"} {
		if err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}
