package server_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/store"
)

// staff are the users of a program that has its own.
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
	user, ok := s[name]
	if err := count(ctx, account.Guess{Key: name, Subject: user.subject}); err != nil {
		return account.Account{}, err
	}
	if !ok || user.password != password { // a real one compares hashes, in the same time for names that nobody has
		return account.Account{}, account.ErrPassword
	}
	return s.Account(ctx, user.subject)
}

func (staff) NoteSignIn(context.Context, string, int64, time.Time) error { return nil }

func (staff) RequireAccount(context.Context, string, int64) error { return nil }

// A program that has pages and users of its own is an OpenID Provider as well, with a second step.
func Example() {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "The wiki") })
	web := httptest.NewServer(mux)
	defer web.Close()

	c := config.Default()
	c.Issuer, c.Name = web.URL+"/auth", "Wiki"
	c.Database, c.SecretKeys = "sqlite:"+filepath.Join(folder, "auth.db"), []string{mfa.NewKey()} // keep the key
	auth, err := server.New(context.Background(), c, server.Options{Accounts: staff{"ana": {"s-ana", "correct horse"}}})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	if err := auth.Register(mux); err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go auth.Work(ctx)

	for _, path := range []string{"/", "/auth/login", "/auth/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/auth"} {
		response, err := http.Get(web.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		fmt.Println(path, response.Status)
	}
	// Output:
	// / 200 OK
	// /auth/login 400 Bad Request
	// /auth/.well-known/openid-configuration 200 OK
	// /.well-known/oauth-authorization-server/auth 200 OK
}
