package zitadel

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

func TestZitadel(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		site := servertest.Elsewhere(t, server.URL)
		site.Clock.Advance(-time.Hour) // the library goes by the computer's, and takes no time that is to come
		keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
		if err != nil {
			t.Fatal(err)
		}
		p, err := newProgram(server.URL, site.Clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{program: p}
		h.steps, err = step.New(step.Config{
			Origin: server.URL, Prefix: "/step", Host: h, LogIn: "/login", LogOut: "/logout", Store: db, Keys: keys,
			Memory: 64, Passes: 1, Now: site.Clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		h.register(mux)
		mux.HandleFunc("GET /login/username", h.username)
		mux.Handle("/step/", h.steps)
		app := servertest.OtherApp{
			Site: site, ID: "app", Secret: "secret of the app", Redirect: redirect, Scope: "openid offline_access", User: "id1", Subject: "id1", Other: "id2",
			Authorize: "/authorize", Token: "/oauth/token",
		}
		app.Walk(t)
	})
}

// TestForeignRequest: nobody picks up the answer to a request that another browser was sent to.
func TestForeignRequest(t *testing.T) {
	p, err := newProgram("http://127.0.0.1", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	p.put("x", &request{})
	visit := func(browser string) error {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "browser", Value: browser})
		_, err := p.own(httptest.NewRecorder(), r, "x")
		return err
	}
	if err := visit("one"); err != nil {
		t.Error(err)
	}
	if visit("another") == nil || visit("one") != nil {
		t.Error("a request is not that of the first browser alone")
	}
}

// TestLines holds the host to what the documents say of it.
func TestLines(t *testing.T) {
	data, err := os.ReadFile("host_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(data), "\n)\n")
	n := 0
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	if n == 0 || n >= 40 {
		t.Errorf("a program on zitadel/oidc writes %d lines, want less than 40", n)
	}
}
