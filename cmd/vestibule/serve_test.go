package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/storage"
)

func testApp(t *testing.T, log *slog.Logger, options ...func(*config.Config)) (*app, config.Config) {
	t.Helper()
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", sqliteDatabase(t), []string{mfa.NewKey()}
	for _, option := range options {
		option(&c)
	}
	a, err := newApp(t.Context(), c, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() }) // some tests close it themselves
	return a, c
}

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	return w
}

func TestHealth(t *testing.T) {
	var lines bytes.Buffer
	a, _ := testApp(t, newLogger(&lines, "json", "warn"))
	for _, tt := range []struct{ path, want string }{
		{"/healthz", `{"status":"ok"}`},
		{"/readyz", `{"status":"ok","checks":{"clock":"ok","database":"ok","schema":"ok","secret_keys":"ok","signing_key":"ok","writing":"ok"}}`},
	} {
		if w := get(t, a.admin, tt.path); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != tt.want {
			t.Errorf("%s: %d %s, want %s", tt.path, w.Code, w.Body, tt.want)
		}
	}
	if w := get(t, a.handler, "/readyz"); w.Code != http.StatusNotFound {
		t.Errorf("health on the public address: %d, want 404", w.Code)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	if w := get(t, a.admin, "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"status":"unavailable"`) {
		t.Errorf("readyz without a database: %d %s", w.Code, w.Body)
	}
	for _, name := range []string{"database", "schema", "signing_key", "secret_keys", "writing", "clock"} {
		if want := `"msg":"not ready","check":"` + name + `","error":"`; !strings.Contains(lines.String(), want) {
			t.Errorf("the log has not %s: %s", want, &lines)
		}
	}
	if w := get(t, a.admin, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz without a database: %d", w.Code)
	}
}

// A request is logged under an id of ours, without what its query, cookies and body say.
func TestRequestLog(t *testing.T) {
	var lines bytes.Buffer
	a, _ := testApp(t, newLogger(&lines, "json", "info"))
	lines.Reset()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/jwks?code=tell-nobody", nil)
	r.Header.Set("Cookie", "a=tell-nobody")
	r.Header.Set(requestHeader, "tell-nobody")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	if strings.Contains(lines.String(), "tell-nobody") {
		t.Errorf("the log holds a query, a cookie or the client's id: %s", &lines)
	}
	var line struct {
		Msg, Method, Path string
		Status            int
		ID                string `json:"request_id"`
	}
	if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, &lines)
	}
	if line.Msg != "request" || line.Method != "GET" || line.Path != "/jwks" || line.Status != 200 || line.ID == "" || line.ID != w.Header().Get(requestHeader) {
		t.Errorf("line %+v, answer's id %q", line, w.Header().Get(requestHeader))
	}
}

func TestPanics(t *testing.T) {
	explode := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			io.WriteString(w, "half")
		}
		panic("secret detail")
	})
	for _, tt := range []struct {
		name string
		show func(http.ResponseWriter, *http.Request, error)
		want string
	}{
		{"page", func(w http.ResponseWriter, _ *http.Request, _ error) { http.Error(w, "a page", 500) }, "a page"},
		{"page panics too", func(http.ResponseWriter, *http.Request, error) { panic("again") }, "Something went wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines bytes.Buffer
			h := recoverPanics(newLogger(&lines, "text", "info"), tt.show, explode)
			w := get(t, h, "/")
			if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if !strings.Contains(lines.String(), "secret detail") {
				t.Errorf("the cause is not logged: %s", &lines)
			}
		})
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("half an answer ended with %v, want it cut off", err)
		}
	}()
	get(t, recoverPanics(slog.New(slog.DiscardHandler), nil, explode), "/late")
}

// A request under way is answered when the server stops.
func TestStop(t *testing.T) {
	a, _ := testApp(t, slog.New(slog.DiscardHandler))
	entered, leave := make(chan struct{}), make(chan struct{})
	a.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		io.WriteString(w, "done")
	})
	ctx, cancel := context.WithCancel(t.Context())
	main, health := listener(t), listener(t)
	ended := make(chan error, 1)
	go func() { ended <- a.serveOn(ctx, main, health) }()
	answer := make(chan string, 1)
	go func() { answer <- fetch("http://" + main.Addr().String()) }()
	<-entered
	cancel()
	close(leave)
	if got := <-answer; got != "done" {
		t.Errorf("answer %q, want done", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// When one address fails, all of the server ends and says why.
func TestListenerFails(t *testing.T) {
	a, _ := testApp(t, slog.New(slog.DiscardHandler))
	main, health := listener(t), listener(t)
	health.Close()
	if err := a.serveOn(t.Context(), main, health); err == nil || !strings.Contains(err.Error(), health.Addr().String()) {
		t.Errorf("serve: %v, want an error about %s", err, health.Addr())
	}
}

// An address that is taken comes with the flag to change.
func TestServeTakenAddress(t *testing.T) {
	a, _ := testApp(t, slog.New(slog.DiscardHandler))
	taken := listener(t).Addr().String()
	for _, tt := range []struct{ public, admin, want string }{
		{taken, "127.0.0.1:0", "set --listen to another address"},
		{"127.0.0.1:0", taken, "set --admin-listen to another address"},
		{"192.0.2.1:1", "127.0.0.1:0", "--listen: "},
	} {
		if err := a.serve(t.Context(), tt.public, tt.admin); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("serve on %s and %s: %v, want %q", tt.public, tt.admin, err, tt.want)
		}
	}
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // the server has closed it, or never got it
	return l
}

func fetch(address string) string {
	resp, err := http.Get(address)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// Commands work on the SQLite file of a server in another process, which sees at once what they did.
func TestCommandsBesideServer(t *testing.T) {
	folder := t.TempDir()
	environ := append(os.Environ(), "VESTIBULE_ISSUER=http://127.0.0.1:8080", "VESTIBULE_LISTEN=127.0.0.1:0", "VESTIBULE_ADMIN_LISTEN=127.0.0.1:0",
		"VESTIBULE_DATABASE=sqlite:"+filepath.Join(folder, "test.db"), "VESTIBULE_SECRET_KEYS="+mfa.NewKey())
	server := exec.CommandContext(t.Context(), "vestibule", "serve")
	server.Env = environ
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	stderr, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	addresses := waitListening(t, lines)

	var stdout bytes.Buffer
	w := &env{environ, strings.NewReader(password), &stdout, t.Output()}
	for _, args := range [][]string{
		{"user", "create", "ada", "--email", "ada@example.com", "--password-file", "-"},
		{"client", "create", "app", "--redirect-uri", "https://app.example.com/cb"},
	} {
		if err := run(t.Context(), args, w); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	query := "/authorize?response_type=code&client_id=app&scope=openid&prompt=none&state=12345678&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb"
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get("http://" + addresses[0] + query)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Location"); !strings.HasPrefix(got, "https://app.example.com/cb?") {
		t.Errorf("the server does not know the new client: %s to %q", resp.Status, got)
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // Wait closes the pipe
	}
	if err := server.Wait(); err != nil {
		t.Errorf("serve ended with %v", err)
	}
}

// waitListening reads the log up to the line that names the addresses.
func waitListening(t *testing.T, lines *bufio.Scanner) [2]string {
	t.Helper()
	var seen []string
	for lines.Scan() {
		seen = append(seen, lines.Text())
		var line struct {
			Msg    string
			Listen string
			Admin  string `json:"admin_listen"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			return [2]string{line.Listen, line.Admin}
		}
	}
	t.Fatalf("the server does not listen:\n%s", strings.Join(seen, "\n"))
	return [2]string{}
}

// A shared database is not migrated behind the back of the other servers on it.
func TestUnmigratedPostgres(t *testing.T) {
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", postgresDatabase(t), []string{mfa.NewKey()}
	_, err := newApp(t.Context(), c, slog.New(slog.DiscardHandler), time.Now)
	if !errors.Is(err, storage.ErrSchemaOld) || !strings.Contains(err.Error(), "vestibule migrate up") {
		t.Errorf("newApp: %v, want a word about vestibule migrate up", err)
	}
	w := &env{[]string{"VESTIBULE_DATABASE=" + c.Database}, strings.NewReader(""), io.Discard, io.Discard}
	if err := run(t.Context(), []string{"user", "list"}, w); !errors.Is(err, storage.ErrSchemaOld) {
		t.Errorf("user list: %v, want %v", err, storage.ErrSchemaOld)
	}
	if err := run(t.Context(), []string{"migrate", "up"}, w); err != nil {
		t.Fatalf("migrate up: %v", err)
	}
	a, err := newApp(t.Context(), c, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatalf("newApp: %v", err)
	}
	if err := a.close(); err != nil {
		t.Error(err)
	}
}

// TestKeysServeOnePurpose: what one key has made is never taken for what another makes.
func TestKeysServeOnePurpose(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		apps := *s.servers.Load()
		pages := apps[0].pageKeys
		seen := map[string]string{}
		for name, keys := range map[string][][]byte{
			"known browsers": pages.Devices, "browsers of sign-ins": {pages.Binding}, "links": pages.Links,
		} {
			for _, key := range keys {
				if other := seen[string(key)]; len(key) < 32 || other != "" {
					t.Errorf("the key of %d bytes for %s is that for %s too", len(key), name, other)
				}
				seen[string(key)] = name
			}
		}
		if string(apps[1].pageKeys.Binding) != string(pages.Binding) {
			t.Error("two servers bind sign-ins by different keys")
		}
	})
}
