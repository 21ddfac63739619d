package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

func testServer(t *testing.T, log *slog.Logger, options ...func(*config.Config)) (*Server, config.Config) {
	t.Helper()
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", "sqlite:"+filepath.Join(t.TempDir(), "test.db"), []string{mfa.NewKey()}
	for _, option := range options {
		option(&c)
	}
	s, err := New(t.Context(), c, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // some tests close it themselves
	return s, c
}

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	return w
}

func TestHealth(t *testing.T) {
	var lines bytes.Buffer
	s, _ := testServer(t, NewLogger(&lines, "json", "warn"))
	for _, tt := range []struct{ path, want string }{
		{"/healthz", `{"status":"ok"}`},
		{"/readyz", `{"status":"ok","checks":{"clock":"ok","database":"ok","schema":"ok","secret_keys":"ok","signing_key":"ok","writing":"ok"}}`},
	} {
		if w := get(t, s.admin, tt.path); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != tt.want {
			t.Errorf("%s: %d %s, want %s", tt.path, w.Code, w.Body, tt.want)
		}
	}
	if w := get(t, s.handler, "/readyz"); w.Code != http.StatusNotFound {
		t.Errorf("health on the public address: %d, want 404", w.Code)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if w := get(t, s.admin, "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"status":"unavailable"`) {
		t.Errorf("readyz without a database: %d %s", w.Code, w.Body)
	}
	for _, name := range []string{"database", "schema", "signing_key", "secret_keys", "writing", "clock"} {
		if want := `"msg":"not ready","check":"` + name + `","error":"`; !strings.Contains(lines.String(), want) {
			t.Errorf("the log has not %s: %s", want, &lines)
		}
	}
	if w := get(t, s.admin, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz without a database: %d", w.Code)
	}
}

// A request is logged under an id of ours, without what its query, cookies and body say.
func TestRequestLog(t *testing.T) {
	var lines bytes.Buffer
	s, _ := testServer(t, NewLogger(&lines, "json", "info"))
	lines.Reset()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/jwks?code=tell-nobody", nil)
	r.Header.Set("Cookie", "a=tell-nobody")
	r.Header.Set(requestHeader, "tell-nobody")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
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
			h := recoverPanics(NewLogger(&lines, "text", "info"), tt.show, explode)
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
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	entered, leave := make(chan struct{}), make(chan struct{})
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		io.WriteString(w, "done")
	})
	ctx, cancel := context.WithCancel(t.Context())
	main, health := listener(t), listener(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, main, health) }()
	answer := make(chan string, 1)
	go func() { answer <- getText("http://" + main.Addr().String()) }()
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
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	main, health := listener(t), listener(t)
	health.Close()
	if err := s.Serve(t.Context(), main, health); err == nil || !strings.Contains(err.Error(), health.Addr().String()) {
		t.Errorf("serve: %v, want an error about %s", err, health.Addr())
	}
}

// An address that is taken comes with the flag to change.
func TestServeTakenAddress(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	taken := listener(t).Addr().String()
	for _, tt := range []struct{ public, admin, want string }{
		{taken, "127.0.0.1:0", "set --listen to another address"},
		{"127.0.0.1:0", taken, "set --admin-listen to another address"},
		{"192.0.2.1:1", "127.0.0.1:0", "--listen: "},
	} {
		s.config.Listen, s.config.AdminListen = tt.public, tt.admin
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("serve on %s and %s: %v, want %q", tt.public, tt.admin, err, tt.want)
		}
	}
}

// TestKeysServeOnePurpose: what one key has made is never taken for what another makes.
func TestKeysServeOnePurpose(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		if err := storagetest.Open(t, dsn).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		pages, second := serverOn(t, dsn, nil).pageKeys, serverOn(t, dsn, nil).pageKeys
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
		if string(second.Binding) != string(pages.Binding) {
			t.Error("two servers bind sign-ins by different keys")
		}
	})
}

// testKey opens what an earlier server of the same test sealed.
const testKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// serverOn is a server on a database that others may have.
func serverOn(t *testing.T, dsn string, now func() time.Time, options ...func(*config.Config)) *Server {
	t.Helper()
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", dsn, []string{testKey}
	for _, option := range options {
		option(&c)
	}
	s, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
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

func getText(address string) string {
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

// A program that does the jobs by itself finds them all, and may do each at any time.
func TestJobs(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		if err := storagetest.Open(t, dsn).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		silent := serverOn(t, dsn, nil)
		sends := serverOn(t, dsn, nil, func(c *config.Config) { c.MailServer, c.MailFrom = "127.0.0.1:1", "id@example.com" })
		for want, s := range map[string]*Server{
			"purge, signing keys, audit links, planned resets, logout tokens, unused registrations":          silent,
			"purge, signing keys, audit links, planned resets, logout tokens, unused registrations, notices": sends,
		} {
			var names []string
			for _, job := range s.Jobs() {
				names = append(names, job.Name)
				if err := job.Do(t.Context()); err != nil || job.Every <= 0 {
					t.Errorf("%s, every %s: %v", job.Name, job.Every, err)
				}
			}
			if got := strings.Join(names, ", "); got != want {
				t.Errorf("the jobs are %s, want %s", got, want)
			}
		}
	})
}

// Whoever wants to hear of round trips to the database hears of those that the metrics count.
func TestTripsAreTold(t *testing.T) {
	var writes, reads atomic.Int64
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", "sqlite:"+filepath.Join(t.TempDir(), "test.db"), []string{testKey}
	s, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler), Trip: func(trip storage.Trip) {
		if trip.Writes {
			writes.Add(1)
		} else {
			reads.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	told := []string{
		fmt.Sprintf(`vestibule_store_operation_duration_seconds_count{op="write"} %d`, writes.Load()),
		fmt.Sprintf(`vestibule_store_operation_duration_seconds_count{op="read"} %d`, reads.Load()+3), // /metrics asks for the time, the keys and the ends of sessions that apps are to hear of
	}
	hasLines(t, scrape(t, s), told...)
	if writes.Load() == 0 || reads.Load() == 0 {
		t.Errorf("%d writes and %d reads were told", writes.Load(), reads.Load())
	}
}

// A program that has no use for New's defaults may leave all options out.
func TestNoOptions(t *testing.T) {
	c := config.Default()
	c.Issuer, c.Database, c.SecretKeys = "http://127.0.0.1:8080", "sqlite:"+filepath.Join(t.TempDir(), "test.db"), []string{testKey}
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if w := get(t, s.AdminHandler(), "/readyz"); w.Code != http.StatusOK {
		t.Errorf("/readyz: %d %s", w.Code, w.Body)
	}
	if w := get(t, s.Handler(), "/.well-known/openid-configuration"); w.Code != http.StatusOK {
		t.Errorf("discovery: %d %s", w.Code, w.Body)
	}
}
