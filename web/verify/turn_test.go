package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/limiter"
)

// Whoever asks from one address, under however many names, leaves the hash to others.
func TestTurnsOfAnAddress(t *testing.T) {
	s := NewPasswords(nil, nil, nil, Limits{}, nil, time.Now)
	from := func(address string) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", nil)
		r.RemoteAddr = address
		return r
	}
	var all sync.WaitGroup
	defer all.Wait()
	crowd, leave := context.WithCancel(t.Context())
	defer leave()
	most := s.addresses.AtOnce + s.addresses.Waiting
	var under atomic.Int64
	for i := range most {
		all.Go(func() {
			done, err := s.Turn(from(fmt.Sprintf("[2001:db8:1:2::%x]:4000", i)).WithContext(crowd), fmt.Sprint("name ", i))
			if err == nil {
				under.Add(1)
				<-crowd.Done()
				done()
			}
		})
	}
	waitFor(t, func() bool {
		return s.addresses.InLine("2001:db8:1:2::/64") == most && int(under.Load()) == s.addresses.AtOnce
	})
	if _, err := s.Turn(from("[2001:db8:1:2:3::4]:4000"), "one more"); !errors.Is(err, limiter.ErrBusy) {
		t.Errorf("a full line of the address: %v, want %v", err, limiter.ErrBusy)
	}
	if s.names.Lines() != most {
		t.Errorf("%d names are in a line, want %d: who is turned away must not stay in one", s.names.Lines(), most)
	}
	done, err := s.Turn(from("192.0.2.1:4000"), "name 0")
	if err != nil {
		t.Fatalf("from elsewhere: %v", err)
	}
	done()
	if n := int(under.Load()); n > s.addresses.AtOnce {
		t.Errorf("%d passwords of one address are checked at once, at most %d may be", n, s.addresses.AtOnce)
	}
	leave()
	all.Wait()
	if s.names.Lines()+s.addresses.Lines() != 0 {
		t.Errorf("%d lines are left", s.names.Lines()+s.addresses.Lines())
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("waited for too long")
}
