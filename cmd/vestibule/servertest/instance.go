package servertest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule/cmd/vestibule/server"
	"vestibule/storage"
)

// Instance is one of the servers of a site.
type Instance struct {
	*server.Server // nil: it is another process
	handler        http.Handler
	observer       atomic.Pointer[func(storage.Trip)]
}

// NewRemote is a server of another process, at this host:port.
func NewRemote(address string) *Instance {
	return &Instance{handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})}
}

// ServeHTTP answers as the server does.
func (i *Instance) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

// Observe has f told of each round trip to the database, in the place of any other; nil: nobody is told.
func (i *Instance) Observe(f func(storage.Trip)) { i.observer.Store(&f) }

func (i *Instance) trip(t storage.Trip) {
	if f := i.observer.Load(); f != nil && *f != nil {
		(*f)(t)
	}
}

// wrap puts a handler before the server's own until the test ends.
func (i *Instance) wrap(t testing.TB, f func(http.Handler) http.Handler) {
	inner := i.handler
	i.handler = f(inner)
	t.Cleanup(func() { i.handler = inner })
}

// Do does one of the server's jobs once, by its name.
func (i *Instance) Do(ctx context.Context, name string) error {
	for _, job := range i.Jobs() {
		if job.Name == name {
			return job.Do(ctx)
		}
	}
	return errors.New("the server has no job " + name)
}

// Metrics are the lines of /metrics.
func (i *Instance) Metrics(t testing.TB) []string {
	t.Helper()
	w := httptest.NewRecorder()
	i.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("/metrics answers %d with %s", w.Code, w.Header().Get("Content-Type"))
	}
	return strings.Split(w.Body.String(), "\n")
}

// During sends a form to the first server and calls meanwhile as soon as that has sent the query to its database for the
// nth time. cancel is the browser going away. It returns the page that the answer leads to, or nil if there is no answer.
func (b *Browser) During(query string, nth int, address string, form url.Values, meanwhile func(cancel func())) *Page {
	b.T.Helper()
	ctx, cancel := context.WithCancel(b.T.Context())
	defer cancel()
	app := b.Site.First()
	var seen atomic.Int64
	app.Observe(func(trip storage.Trip) {
		if strings.Contains(trip.Queries[0], query) && seen.Add(1) == int64(nth) {
			meanwhile(cancel)
		}
	})
	defer app.Observe(nil)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.Site.Origin())
	for _, c := range b.HTTP.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if seen.Load() < int64(nth) {
		b.T.Errorf("%s asks %q %d times, want %d", r.URL.Path, query, seen.Load(), nth)
	}
	b.HTTP.Jar.SetCookies(r.URL, w.Result().Cookies())
	if ctx.Err() != nil || w.Header().Get("Location") == "" {
		return nil
	}
	return b.Open(w.Header().Get("Location"))
}

// Stranger is the address that during sends from.
const Stranger = "192.0.2.1"

// Arrivals tells of each form that reaches the server from now on: its context, which ends when whoever has sent it hangs up.
func (s *Site) Arrivals(t testing.TB) <-chan context.Context {
	t.Helper()
	arrived := make(chan context.Context, 64)
	app := s.First()
	app.wrap(t, func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				arrived <- r.Context()
			}
			inner.ServeHTTP(w, r)
		})
	})
	return arrived
}

// AtOnce calls f from many goroutines at the same moment.
func AtOnce[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return results
}
