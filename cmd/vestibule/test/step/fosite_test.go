package step

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/step"
)

func TestFosite(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		site := servertest.Elsewhere(t, server.URL)
		site.Clock.Advance(-time.Hour) // fosite goes by the computer's, and takes no time that is to come
		keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
		if err != nil {
			t.Fatal(err)
		}
		host := &fositeHost{fositeProgram: newFositeProgram(t, server.URL, site.Clock.Now)}
		host.begin = host.authorize
		host.register(mux)
		host.steps, err = step.New(step.Config{
			Origin: server.URL, Prefix: "/step", Host: host, LogIn: "/login", LogOut: "/logout", Store: db, Keys: keys,
			Memory: 64, Passes: 1, Now: site.Clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		host.steps.Register(mux)
		app := servertest.OtherApp{
			Site: site, ID: "app", Secret: "secret of the app", Redirect: fositeRedirect, Scope: "openid offline", User: "ana", Subject: "ana", Other: "ben",
			Authorize: "/authorize", Token: "/token", Says: true,
		}
		app.Walk(t)
	})
}

// TestLines holds the hosts to what the documents say of them.
func TestLines(t *testing.T) {
	if n := linesOf(t, "fositehost_test.go"); n >= 60 {
		t.Errorf("a program on fosite writes %d lines, want less than 60", n)
	}
}

// linesOf counts the lines of a file from the first declaration on that are neither empty nor comments.
func linesOf(t *testing.T, file string) (n int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(data), "\n)\n")
	if !ok {
		t.Fatalf("%s imports nothing", file)
	}
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}
