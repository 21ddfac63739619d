package fetch_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/fetch"
)

// host serves a document that changes, and counts who asks.
type host struct {
	*httptest.Server
	asked  atomic.Int64
	broken atomic.Bool
	header atomic.Value
	hold   chan struct{} // nil: it answers at once
}

func newHost(t *testing.T) *host {
	h := &host{}
	h.header.Store("")
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := h.asked.Add(1)
		if h.hold != nil {
			<-h.hold
		}
		if h.broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Header().Set("Cache-Control", h.header.Load().(string))
		fmt.Fprint(w, n)
	}))
	t.Cleanup(h.Close)
	return h
}

// clock is the time of a cache.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func newCache() (*fetch.Cache[string], *clock) {
	c := &clock{}
	c.advance(time.Hour)
	return &fetch.Cache[string]{Fetcher: fetch.New(fetch.Config{Loopback: true}), Accept: "*/*", Now: c.now,
		Parse: func(d fetch.Document) (string, error) { return string(d.Body), nil }}, c
}

// TestCacheKeeps tells a story of one address.
func TestCacheKeeps(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	cache, clock := newCache()
	for _, step := range []struct {
		what   string
		after  time.Duration
		header string
		broken bool
		renew  bool
		want   string // empty: an error
		asked  int64
	}{
		{"the host is down", 0, "", true, false, "", 1},
		{"it is not asked again at once", 5 * time.Second, "", false, false, "", 1},
		{"it is up", 6 * time.Second, "no-store", false, false, "2", 2},
		{"what must not be kept is kept for a minute", 59 * time.Second, "", false, false, "2", 2},
		{"and no longer", 2 * time.Second, "max-age=9000000", false, false, "3", 3},
		{"a day is the most", 24*time.Hour - time.Second, "", false, false, "3", 3},
		{"then it is old", 2 * time.Second, "", false, false, "4", 4},
		{"what is missed is not fetched again at once", 9 * time.Second, "", false, true, "4", 4},
		{"but soon", 2 * time.Second, "", false, true, "5", 5},
		{"it fails when it is old", 6 * time.Minute, "", true, false, "5", 6},
		{"and is not asked again at once", time.Second, "", true, false, "5", 6},
		{"and still does", 23 * time.Hour, "", true, false, "5", 7},
		{"until nobody knows any more", time.Hour, "", true, false, "", 8},
	} {
		clock.advance(step.after)
		h.header.Store(step.header)
		h.broken.Store(step.broken)
		get := cache.Get
		if step.renew {
			get = cache.Renew
		}
		got, err := get(t.Context(), h.URL)
		if got != step.want || (err == nil) != (step.want != "") || h.asked.Load() != step.asked {
			t.Fatalf("%s: %q, %v, asked %d times; want %q, %d times", step.what, got, err, h.asked.Load(), step.want, step.asked)
		}
	}
}

// TestCacheFetchesOnce has many ask at the same time, the first of whom goes away.
func TestCacheFetchesOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.hold = make(chan struct{})
	cache, _ := newCache()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := cache.Get(t.Context(), h.URL); got != "1" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	for h.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(h.hold)
	all.Wait()
	if h.asked.Load() != 1 {
		t.Errorf("asked %d times, want once", h.asked.Load())
	}
}

// TestCacheIsBounded asks at many addresses, that all fail.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	cache, _ := newCache()
	for i := range 3000 {
		if _, err := cache.Get(t.Context(), fmt.Sprintf("http://shop.example/%d", i)); !errors.Is(err, fetch.ErrAddress) {
			t.Fatal(err)
		}
	}
	if n := cache.Known(); n > 1000 {
		t.Errorf("%d addresses are known", n)
	}
}
