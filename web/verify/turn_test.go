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

	"vestibule/provider/account"
)

func TestTurns(t *testing.T) {
	turns := turns{atOnce: 2, queued: 64}
	take := func(key string) func() {
		t.Helper()
		done, err := turns.take(t.Context(), key)
		if err != nil {
			t.Fatalf("take %s: %v", key, err)
		}
		return done
	}
	one, two := take("ana"), take("ana")
	take("ben")() // another name waits for nobody

	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(over, "ana"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third turn: %v, want to wait", err)
	}
	for i := range turns.queued {
		if _, err := turns.join("ana"); err != nil {
			t.Fatalf("place %d in the line: %v", i, err)
		}
	}
	if _, err := turns.take(t.Context(), "ana"); !errors.Is(err, account.ErrBusy) {
		t.Errorf("a full line: %v, want %v", err, account.ErrBusy)
	}
	for range turns.queued {
		turns.leave("ana", turns.lines["ana"])
	}
	one()
	take("ana")()
	two()
	if len(turns.lines) != 0 {
		t.Errorf("%d lines are left", len(turns.lines))
	}
}

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
	most := s.addresses.atOnce + s.addresses.queued
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
		s.addresses.mu.Lock()
		defer s.addresses.mu.Unlock()
		l := s.addresses.lines["2001:db8:1:2::/64"]
		return l != nil && l.users == most && len(l.free) == s.addresses.atOnce
	})
	if _, err := s.Turn(from("[2001:db8:1:2:3::4]:4000"), "one more"); !errors.Is(err, account.ErrBusy) {
		t.Errorf("a full line of the address: %v, want %v", err, account.ErrBusy)
	}
	if len(s.names.lines) != most {
		t.Errorf("%d names are in a line, want %d: who is turned away must not stay in one", len(s.names.lines), most)
	}
	done, err := s.Turn(from("192.0.2.1:4000"), "name 0")
	if err != nil {
		t.Fatalf("from elsewhere: %v", err)
	}
	done()
	if n := int(under.Load()); n > s.addresses.atOnce {
		t.Errorf("%d passwords of one address are checked at once, at most %d may be", n, s.addresses.atOnce)
	}
	leave()
	all.Wait()
	if len(s.names.lines)+len(s.addresses.lines) != 0 {
		t.Errorf("%d lines are left", len(s.names.lines)+len(s.addresses.lines))
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
