package hydra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/hydra/hydratest"
	"vestibule/provider/limiter"
)

// TestNoChallenge: what can be no challenge of any Hydra costs no call.
func TestNoChallenge(t *testing.T) {
	h := hydratest.Start(t, hydratest.Config{})
	a := newAdmin(t, AdminConfig{URL: h.AdminURL})
	for _, text := range []string{
		"", "x", strings.Repeat("x", 15), strings.Repeat("x", maxChallenge+1), strings.Repeat("x", 20) + " ", strings.Repeat("x", 20) + "\x00",
		strings.Repeat("x", 20) + "?a=b", strings.Repeat("ü", 20), "<script>alert(1)</script>", strings.Repeat("x", 20) + "\n",
	} {
		for name, call := range calls {
			if err := call(a, t.Context(), text); !errors.Is(err, ErrChallenge) {
				t.Errorf("%s of %.30q: %v", name, text, err)
			}
		}
	}
	if got := h.Calls(); len(got) > 0 {
		t.Errorf("calls %v", got)
	}
	for _, text := range []string{strings.Repeat("0", 32), strings.Repeat("A-_=", 500), strings.Repeat("+/.~", 100)} {
		if _, err := a.Login(t.Context(), text); !errors.Is(err, ErrChallenge) || len(h.Calls()) != 1 {
			t.Errorf("%.30q was not asked for, %v", text, err)
		}
	}
}

// slow is an admin API that answers nothing before it may, and counts who waits for it.
type slow struct {
	*httptest.Server
	release   chan struct{}
	now, most atomic.Int64
	arrive    chan struct{}
}

func newSlow(t *testing.T) *slow {
	s := &slow{release: make(chan struct{}), arrive: make(chan struct{}, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.now.Add(1)
		defer s.now.Add(-1)
		for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
		}
		if strings.HasSuffix(r.URL.Path, "/login") {
			s.arrive <- struct{}{}
			<-s.release
		}
		fmt.Fprint(w, `{"client_id":"shop","client":{"client_id":"shop"},"request_url":"https://hydra.example/"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestTurns has more challenges read than Hydra bears at once: a few are, a few wait, the rest hear so at once; whoever has
// proved something does not wait behind them, and nothing is left behind.
func TestTurns(t *testing.T) {
	s := newSlow(t)
	a := newAdmin(t, AdminConfig{URL: s.URL, AtOnce: 2, Waiting: 3})
	var group sync.WaitGroup
	var read, gone atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 5 {
		from := t.Context()
		if i == 4 {
			from = ctx
		}
		group.Go(func() {
			switch _, err := a.Login(from, challenge); {
			case err == nil:
				read.Add(1)
			case errors.Is(err, context.Canceled):
				gone.Add(1)
			default:
				t.Errorf("read: %v", err)
			}
		})
	}
	<-s.arrive
	<-s.arrive
	for a.reads.InLine("") < 5 {
		time.Sleep(time.Millisecond)
	}
	if _, err := a.Login(t.Context(), challenge); !errors.Is(err, limiter.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := a.Client(t.Context(), "shop"); err != nil {
		t.Errorf("the client, meanwhile: %v", err)
	}
	if err := a.Ready(t.Context()); err != nil {
		t.Errorf("ready, meanwhile: %v", err)
	}
	cancel()
	close(s.release)
	group.Wait()
	if read.Load()+gone.Load() != 5 || s.most.Load() > 5 || a.reads.Lines()+a.others.Lines() != 0 {
		t.Errorf("%d read, %d gone, %d at once, %d lines left", read.Load(), gone.Load(), s.most.Load(), a.reads.Lines()+a.others.Lines())
	}
}

// TestTurnNeverComes waits no longer than a call may take.
func TestTurnNeverComes(t *testing.T) {
	a := newAdmin(t, AdminConfig{URL: "http://127.0.0.1:1", AtOnce: 1, Timeout: 20 * time.Millisecond})
	for _, line := range []*limiter.Limiter{&a.reads, &a.others} {
		done, err := line.Take(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer done()
	}
	for name, call := range calls {
		if err := call(a, t.Context(), challenge); !errors.Is(err, limiter.ErrBusy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNetworksWait has one network send more challenges than it may, while another's are answered.
func TestNetworksWait(t *testing.T) {
	e := &Engine{addresses: limiter.Limiter{AtOnce: 2, Waiting: 1}}
	arrive, release := make(chan struct{}), make(chan struct{})
	h := e.inTurn(func(_ http.ResponseWriter, r *http.Request) error {
		if strings.HasPrefix(r.RemoteAddr, "[2001:db8::") {
			arrive <- struct{}{}
			<-release
		}
		return nil
	})
	from := func(address string) error {
		r := httptest.NewRequest(http.MethodGet, LoginPath, nil)
		r.RemoteAddr = address
		return h(nil, r)
	}
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() {
			if err := from(fmt.Sprintf("[2001:db8::%d]:1", i+1)); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	<-arrive
	<-arrive
	for e.addresses.InLine("2001:db8::/64") < 3 {
		time.Sleep(time.Millisecond)
	}
	if err := from("[2001:db8::9]:1"); !errors.Is(err, limiter.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if err := from("192.0.2.1:1"); err != nil {
		t.Errorf("another network: %v", err)
	}
	close(release)
	<-arrive
	group.Wait()
	if n := e.addresses.Lines(); n != 0 {
		t.Errorf("%d lines left", n)
	}
}
