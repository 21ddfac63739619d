package steptest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/interaction/interactiontest"
	"vestibule/provider/store"
	"vestibule/web/step"
)

// TestStore proves that what open returns, an empty store each time that keeps no accounts, keeps the contracts of
// step.Store: those of mfatest.TestStore and of TestSignIns.
func TestStore(t *testing.T, open func(t *testing.T) step.Store) {
	t.Run("factors", func(t *testing.T) {
		mfatest.TestStore(t, func(t *testing.T) mfatest.Stores { return open(t) })
	})
	TestSignIns(t, open)
}

// TestSignIns is TestStore without the factors: interactions, sessions, remembered browsers, and commits over all parts.
func TestSignIns(t *testing.T, open func(t *testing.T) step.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s step.Store)
	}{
		{"all or nothing, of all parts", atomicOverAll},
		{"session is replaced", replacesSessions},
		{"session is replaced once", replacesOnce},
		{"session is in use", touchesSessions},
		{"session ends", endsSessions},
		{"session of a user ends", endsSessionsOf},
		{"others end", endsOthers},
		{"all ends", endsAll},
		{"commit rests on a session", requiresSessions},
		{"commit rests on a live session", usesSessions},
		{"browsers are remembered", remembersBrowsers},
		{"browsers end with the factors", forgetsWithFactors},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	interactiontest.TestStore(t, "host", "ana", func(t *testing.T) interaction.Store { return open(t) })
}

// noon is a time that every store can keep: to the microsecond.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 891011000, time.UTC)

const racers = 16

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// race counts how many of many at once succeed. The others must get lost.
func race(t *testing.T, lost error, do func(i int) error) int {
	t.Helper()
	var won atomic.Int64
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			if err := do(i); err == nil {
				won.Add(1)
			} else if !errors.Is(err, lost) {
				t.Errorf("%v, want %v", err, lost)
			}
		})
	}
	group.Wait()
	return int(won.Load())
}

func begun(id string) *interaction.Interaction {
	return &interaction.Interaction{
		ID: id, Client: "host", Browser: []byte{1, 2}, Request: []byte(`"r"`), UI: []byte(`{"a":1}`), Login: assurance.PasswordLogin("ana", 3, noon),
		Demand: assurance.Demand{HasMaxAge: true, MaxAge: time.Minute, RequestedAt: noon}, Created: noon, Expires: noon.Add(time.Hour),
	}
}

// atomicOverAll: what fails takes back what every other part has written, and a nested call joins.
func atomicOverAll(t *testing.T, s step.Store) {
	fault := errors.New("fault")
	write := func(ctx context.Context) error {
		return errors.Join(s.SaveInteraction(ctx, begun("one")), s.SaveSession(ctx, nil, session("one", "ana")),
			s.SaveSetup(ctx, mfa.Setup{Owner: "one", Subject: "ana", KeyID: "k", Sealed: []byte{1}, Created: noon, Expires: noon.Add(time.Hour)}))
	}
	err := s.Atomic(t.Context(), func(ctx context.Context) error {
		if err := s.Atomic(ctx, write); err != nil {
			return err
		}
		return fault
	})
	want(t, "a commit that fails", err, fault)
	_, err = s.Interaction(t.Context(), "one")
	want(t, "its interaction", err, store.ErrNotFound)
	_, err = s.Session(t.Context(), []byte("one"))
	want(t, "its session", err, store.ErrNotFound)
	_, err = s.Setup(t.Context(), "one")
	want(t, "its set-up", err, mfa.ErrNoSetup)
	must(t, s.Atomic(t.Context(), write))
	_, err = s.Interaction(t.Context(), "one")
	must(t, err)
}

func session(id, subject string) *interaction.Session {
	login := assurance.PasswordLogin(subject, 0, noon)
	login.Session = "sid-" + id
	return &interaction.Session{ID: []byte(id), Login: *login, Agent: "Firefox on Linux", Address: "2001:db8::1", Created: noon, Seen: noon, Expires: noon.Add(12 * time.Hour)}
}

func replacesSessions(t *testing.T, s step.Store) {
	n := session("a", "ana")
	must(t, s.SaveSession(t.Context(), nil, n))
	want(t, "the same again", s.SaveSession(t.Context(), nil, session("a", "ana")), store.ErrConflict)
	n.ID, n.Agent, n.Address = []byte("b"), "Safari on iPad", "192.0.2.1"
	must(t, s.SaveSession(t.Context(), []byte("a"), n))
	_, err := s.Session(t.Context(), []byte("a"))
	want(t, "the old id", err, store.ErrNotFound)
	read, err := s.Session(t.Context(), []byte("b"))
	must(t, err)
	if read.Version != n.Version || read.Login.Session != "sid-a" || read.Agent != n.Agent || read.Address != n.Address || !read.Login.Authentications[0].Time.Equal(noon) || !read.Expires.Equal(n.Expires) {
		t.Errorf("read %+v, saved %+v", read, n)
	}
}

func replacesOnce(t *testing.T, s step.Store) {
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	won := race(t, store.ErrConflict, func(i int) error {
		n := session(string(rune('b'+i)), "ana")
		n.Version = 1
		return s.SaveSession(context.Background(), []byte("a"), n)
	})
	if all, err := s.Sessions(t.Context(), "ana"); won != 1 || len(all) != 1 || err != nil {
		t.Errorf("%d replaced it, and there are %d (%v)", won, len(all), err)
	}
}

func touchesSessions(t *testing.T, s step.Store) {
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	must(t, s.TouchSession(t.Context(), []byte("a"), noon.Add(time.Hour)))
	must(t, s.TouchSession(t.Context(), []byte("gone"), noon))
	if read, err := s.Session(t.Context(), []byte("a")); err != nil || !read.Seen.Equal(noon.Add(time.Hour)) {
		t.Errorf("seen at %s (%v)", read.Seen, err)
	}
}

func endsSessions(t *testing.T, s step.Store) {
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	must(t, s.EndSession(t.Context(), "sid-a"))
	must(t, s.EndSession(t.Context(), "sid-a"))
	_, err := s.Session(t.Context(), []byte("a"))
	want(t, "a session that has ended", err, store.ErrNotFound)
}

func endsSessionsOf(t *testing.T, s step.Store) {
	for id, subject := range map[string]string{"a": "ana", "b": "ana", "c": "ben"} {
		must(t, s.SaveSession(t.Context(), nil, session(id, subject)))
	}
	want(t, "to end a session of somebody else", s.EndSessionOf(t.Context(), "ana", "sid-c"), store.ErrNotFound)
	must(t, s.EndSessionOf(t.Context(), "ana", "sid-a"))
	want(t, "to end it once more", s.EndSessionOf(t.Context(), "ana", "sid-a"), store.ErrNotFound)
	for id, lives := range map[string]bool{"a": false, "b": true, "c": true} {
		if _, err := s.Session(t.Context(), []byte(id)); errors.Is(err, store.ErrNotFound) == lives {
			t.Errorf("session %s lives: %v, want %v", id, !lives, lives)
		}
	}
}

func endsOthers(t *testing.T, s step.Store) {
	for _, id := range []string{"a", "b", "c"} {
		must(t, s.SaveSession(t.Context(), nil, session(id, "ana")))
	}
	must(t, s.SaveSession(t.Context(), nil, session("d", "ben")))
	next, err := s.EndOthers(t.Context(), "ana", 7, "sid-b")
	if err != nil || next != 7 {
		t.Errorf("EndOthers = %d, %v; want the epoch 7 of an account that is kept elsewhere", next, err)
	}
	for id, lives := range map[string]bool{"a": false, "b": true, "c": false, "d": true} {
		if _, err := s.Session(t.Context(), []byte(id)); errors.Is(err, store.ErrNotFound) == lives {
			t.Errorf("session %s lives: %v, want %v", id, !lives, lives)
		}
	}
}

func endsAll(t *testing.T, s step.Store) {
	enrol(t, s, "ana")
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	must(t, s.SaveSession(t.Context(), nil, session("b", "ben")))
	must(t, s.RememberBrowser(t.Context(), nil, remembered("a", "ana")))
	for n := range int64(2) {
		must(t, s.RequireEndings(t.Context(), "ana", n))
		must(t, s.EndAccess(t.Context(), "ana"))
		want(t, "a commit that rests on what has ended", s.RequireEndings(t.Context(), "ana", n), account.ErrPassword)
		if got, err := s.Endings(t.Context(), "ana"); err != nil || got != n+1 {
			t.Errorf("Endings = %d, %v; want %d", got, err, n+1)
		}
	}
	_, err := s.Session(t.Context(), []byte("a"))
	want(t, "a session of whom all has ended", err, store.ErrNotFound)
	_, err = s.Browser(t.Context(), []byte("a"), noon)
	want(t, "a remembered browser of whom all has ended", err, store.ErrNotFound)
	_, err = s.Session(t.Context(), []byte("b"))
	must(t, err)
	must(t, s.RequireEndings(t.Context(), "ben", 0))
}

func requiresSessions(t *testing.T, s step.Store) {
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	commit := func(id string) error {
		return s.Atomic(t.Context(), func(ctx context.Context) error {
			return errors.Join(s.SaveInteraction(ctx, begun(id)), s.RequireSession(ctx, "sid-a"))
		})
	}
	must(t, commit("one"))
	must(t, s.EndSession(t.Context(), "sid-a"))
	want(t, "a commit that rests on a session that has ended", commit("two"), interaction.ErrSessionEnded)
	_, err := s.Interaction(t.Context(), "two")
	want(t, "what it wrote", err, store.ErrNotFound)
}

func usesSessions(t *testing.T, s step.Store) {
	must(t, s.SaveSession(t.Context(), nil, session("a", "ana")))
	a, err := s.Session(t.Context(), []byte("a"))
	must(t, err)
	before := func(at time.Time) time.Time { return at.Add(-time.Microsecond) }
	uses := 0
	use := func(id, sid string, now, since time.Time) error {
		uses++
		return s.Atomic(t.Context(), func(ctx context.Context) error {
			return errors.Join(s.SaveInteraction(ctx, begun(fmt.Sprint("use ", uses))), s.UseSession(ctx, []byte(id), sid, now, since))
		})
	}
	must(t, use("a", "sid-a", before(a.Expires), before(a.Seen)))
	must(t, use("a", "sid-a", a.Seen, before(a.Seen)))
	used, err := s.Session(t.Context(), []byte("a"))
	if must(t, err); !used.Seen.Equal(before(a.Expires)) {
		t.Errorf("it was last used at %s, want %s", used.Seen, before(a.Expires))
	}
	want(t, "one of another id", use("b", "sid-a", a.Seen, before(a.Seen)), interaction.ErrSessionEnded)
	want(t, "one of another sid", use("a", "sid-b", a.Seen, before(a.Seen)), interaction.ErrSessionEnded)
	want(t, "one at its end", use("a", "sid-a", a.Expires, before(a.Seen)), interaction.ErrSessionEnded)
	want(t, "one that was not used for too long", use("a", "sid-a", a.Seen, used.Seen), interaction.ErrSessionEnded)
	must(t, s.EndSession(t.Context(), "sid-a"))
	want(t, "one that has ended", use("a", "sid-a", a.Seen, before(a.Seen)), interaction.ErrSessionEnded)
	_, err = s.Interaction(t.Context(), fmt.Sprint("use ", uses))
	want(t, "what its commit wrote", err, store.ErrNotFound)
}

// enrol gives the subject an authenticator, without which no browser is remembered.
func enrol(t *testing.T, s step.Store, subject string) {
	t.Helper()
	f, err := s.Factors(t.Context(), subject)
	must(t, err)
	must(t, s.Add(t.Context(), f.Generation, mfa.Authenticator{ID: "of " + subject, Subject: subject, Kind: "key", Name: "Key", KeyID: "k", Secret: []byte{1}, Created: noon}))
}

func remembered(id, subject string) interaction.Browser {
	return interaction.Browser{ID: []byte(id), Subject: subject, Agent: "Firefox", Created: noon, Seen: noon, Expires: noon.Add(time.Hour)}
}

func remembersBrowsers(t *testing.T, s step.Store) {
	enrol(t, s, "ana")
	must(t, s.RememberBrowser(t.Context(), nil, remembered("a", "ana")))
	must(t, s.RememberBrowser(t.Context(), []byte("a"), remembered("b", "ana")))
	must(t, s.RememberBrowser(t.Context(), nil, remembered("c", "ana")))
	_, err := s.Browser(t.Context(), []byte("a"), noon)
	want(t, "one in whose place another is", err, store.ErrNotFound)
	_, err = s.Browser(t.Context(), []byte("b"), noon.Add(time.Hour))
	want(t, "one whose time is over", err, store.ErrNotFound)
	must(t, s.TouchBrowser(t.Context(), []byte("b"), noon.Add(time.Minute)))
	if all, err := s.Browsers(t.Context(), "ana", noon); err != nil || len(all) != 2 || string(all[0].ID) != "b" {
		t.Errorf("the browsers are %v (%v), want b, which was used last, and c", all, err)
	}
	want(t, "one of another user", s.ForgetBrowser(t.Context(), "ben", []byte("b")), store.ErrNotFound)
	must(t, s.ForgetBrowser(t.Context(), "ana", []byte("b")))
	must(t, s.ForgetBrowsers(t.Context(), "ana"))
	if all, err := s.Browsers(t.Context(), "ana", noon); err != nil || len(all) != 0 {
		t.Errorf("the browsers are %v (%v), want none", all, err)
	}
}

func forgetsWithFactors(t *testing.T, s step.Store) {
	enrol(t, s, "ana")
	must(t, s.RememberBrowser(t.Context(), nil, remembered("a", "ana")))
	must(t, s.Remove(t.Context(), "ana", "of ana"))
	_, err := s.Browser(t.Context(), []byte("a"), noon)
	want(t, "one of a user whose factors have changed", err, store.ErrNotFound)
}
