package operatortest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// itself is a client that registers itself, from a network that may register three in an hour, where five may be in all.
func itself(network, token string) operator.SelfRegistration {
	return operator.SelfRegistration{
		Client:  client.Client{RedirectURIs: []string{"https://shop.example.com/callback"}, Consent: client.ConsentAsk},
		Network: network, Token: token, Limits: operator.RegistrationLimits{PerHour: 3, Total: 5},
	}
}

func (w *world) register(r operator.SelfRegistration) operator.Registered {
	w.t.Helper()
	done, err := w.operator(acting).RegisterItself(w.t.Context(), r)
	w.must(err)
	return done
}

func (w *world) initialToken(uses int) string {
	w.t.Helper()
	_, secret, err := w.operator(setUp).MakeInitialToken(w.t.Context(), uses, time.Hour)
	w.must(err)
	return secret
}

// atOnce registers from many goroutines, and returns how many were registered. All others are told want.
func (w *world) atOnce(want error, all ...operator.SelfRegistration) (n int) {
	w.t.Helper()
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, r := range all {
		o := w.operator(acting)
		o.Audit = w.place // the recorder is for one goroutine
		running.Go(func() {
			_, err := o.RegisterItself(w.t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				n++
			case !errors.Is(err, want):
				w.t.Errorf("one of many: %v, want %v", err, want)
			}
		})
	}
	running.Wait()
	return n
}

func testInitialTokenUses(t *testing.T, w *world) {
	secret := w.initialToken(2)
	var all []operator.SelfRegistration
	for range 16 {
		all = append(all, itself("192.0.2.1", secret))
	}
	if n := w.atOnce(store.ErrNotFound, all...); n != 2 {
		t.Errorf("a token for two clients has registered %d", n)
	}
	for name, token := range map[string]string{"used up": secret, "unknown": secret + "x"} {
		if _, err := w.operator(acting).RegisterItself(t.Context(), itself("192.0.2.2", token)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a token that is %s: %v, want %v", name, err, store.ErrNotFound)
		}
	}
	fresh := w.initialToken(1)
	w.now = w.now.Add(time.Hour)
	if _, err := w.operator(acting).RegisterItself(t.Context(), itself("192.0.2.2", fresh)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a token that is over: %v, want %v", err, store.ErrNotFound)
	}
	fresh = w.initialToken(1)
	done := w.register(itself("192.0.2.2", fresh))
	if got, err := w.place.Client(t.Context(), done.ID); err != nil || got.RegisteredBy != client.ByInitialToken || !got.Manages(done.Token) || got.Manages("x") {
		t.Errorf("the client is %+v, %v", got, err)
	}
	if err := w.operator(acting).RevokeInitialToken(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("revoke none: %v, want %v", err, store.ErrNotFound)
	}
}

func testRegistrationLimits(t *testing.T, w *world) {
	var all []operator.SelfRegistration
	for range 16 {
		all = append(all, itself("192.0.2.1", ""))
	}
	if n := w.atOnce(operator.ErrManyRegistrations, all...); n != 3 {
		t.Errorf("a network that may register 3 has registered %d", n)
	}
	all = nil
	for _, network := range []string{"192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"} {
		all = append(all, itself(network, ""))
	}
	if n := w.atOnce(operator.ErrFull, all...); n != 2 {
		t.Errorf("with 3 of 5 clients there, %d more were registered", n)
	}
	more := itself("192.0.2.1", "")
	more.Limits.Total = 100
	if _, err := w.operator(acting).RegisterItself(t.Context(), more); !errors.Is(err, operator.ErrManyRegistrations) {
		t.Errorf("a fourth within the hour: %v, want %v", err, operator.ErrManyRegistrations)
	}
	w.now = w.now.Add(time.Hour)
	w.register(more)
}

func testUnused(t *testing.T, w *world) {
	w.shop() // an operator's
	old, kept := w.register(itself("192.0.2.1", "")), w.register(itself("192.0.2.1", ""))
	w.now = w.now.Add(2 * time.Hour)
	changed := kept.Client
	changed.Name = "Kept"
	_, err := w.operator(acting).ChangeItself(t.Context(), kept.Client, changed, "")
	w.must(err)
	if n, err := w.operator(acting).DeleteUnused(t.Context(), time.Hour); n != 1 || err != nil {
		t.Errorf("%d are removed, %v; want 1", n, err)
	}
	if _, err := w.place.Client(t.Context(), old.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old one: %v, want %v", err, store.ErrNotFound)
	}
	for _, id := range []string{kept.ID, "shop"} {
		if _, err := w.place.Client(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := w.operator(acting).ChangeItself(t.Context(), kept.Client, changed, ""); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a change of an older state: %v, want %v", err, store.ErrConflict)
	}
}
