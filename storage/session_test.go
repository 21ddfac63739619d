package storage_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
	"vestibule/storage"
)

func session(id, subject string) *interaction.Session {
	return &interaction.Session{
		ID: []byte(id),
		Login: assurance.Login{Subject: subject, Session: "sid-" + id, Authentications: []assurance.Authentication{
			{Method: assurance.MethodPassword, Time: noon},
		}},
		Agent: "Firefox on Linux", Address: "192.0.2.1", Created: noon, Seen: noon, Expires: noon.Add(12 * time.Hour),
	}
}

func hasSession(t *testing.T, s *storage.Store, id string) bool {
	t.Helper()
	_, err := s.Session(t.Context(), []byte(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSessionIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		n := session("a", "alice")
		must(t, s.SaveSession(t.Context(), nil, n))
		if err := s.SaveSession(t.Context(), nil, session("a", "alice")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("insert again: %v, want %v", err, store.ErrConflict)
		}
		n.ID = []byte("b")
		n.Login.Authentications = append(n.Login.Authentications, assurance.Authentication{Method: "otp", Time: noon, AMR: []string{"otp"}})
		must(t, s.SaveSession(t.Context(), []byte("a"), n))
		if hasSession(t, s, "a") {
			t.Error("the old id is alive")
		}
		if got, err := s.Session(t.Context(), []byte("b")); err != nil || !reflect.DeepEqual(got, *n) {
			t.Errorf("Session = %+v, %v, want %+v", got, err, *n)
		}
		for name, old := range map[string]string{"a gone id": "a", "an old version": "b"} {
			stale := session("c", "alice")
			stale.Version = 1
			if err := s.SaveSession(t.Context(), []byte(old), stale); !errors.Is(err, store.ErrConflict) {
				t.Errorf("replace %s: %v, want %v", name, err, store.ErrConflict)
			}
		}
	})
}

func TestOneReplacementWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveSession(t.Context(), nil, session("a", "alice")))
		won := race(t, 16, store.ErrConflict, func(i int) error {
			n := session(string(rune('b'+i)), "alice")
			n.Version = 1
			return s.SaveSession(t.Context(), []byte("a"), n)
		})
		if n := number(t, s, `SELECT count(*) FROM session`); won != 1 || n != 1 {
			t.Errorf("%d won, %d sessions, want 1 and 1", won, n)
		}
	})
}

func TestTouchSession(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveSession(t.Context(), nil, session("a", "alice")))
		later := noon.Add(time.Hour)
		must(t, s.TouchSession(t.Context(), []byte("a"), later))
		must(t, s.TouchSession(t.Context(), []byte("a"), noon.Add(time.Minute))) // a slow request
		got, err := s.Session(t.Context(), []byte("a"))
		if err != nil || !got.Seen.Equal(later) || got.Version != 1 {
			t.Errorf("Session = %+v, %v, want seen %v, version 1", got, err, later)
		}
		must(t, s.TouchSession(t.Context(), []byte("none"), later))
		if hasSession(t, s, "none") {
			t.Error("a touch made a session")
		}
	})
}

// A commit rests on no session that is over, by its end or by its last use, and on none that has another id or sid.
func TestUseSession(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		n := session("a", "alice")
		must(t, s.SaveSession(t.Context(), nil, n))
		const tick = time.Microsecond
		used, end := noon.Add(time.Minute), n.Expires
		for _, tt := range []struct {
			why, id, sid string
			now, since   time.Time
			want         error
			seen         time.Time
		}{
			{"it is live", "a", "sid-a", used, noon.Add(-tick), nil, used},
			{"another server's clock is ahead", "a", "sid-a", noon, noon, nil, used},
			{"it was last used too long ago", "a", "sid-a", used.Add(time.Hour), used, interaction.ErrSessionEnded, used},
			{"its end is now", "a", "sid-a", end, noon, interaction.ErrSessionEnded, used},
			{"it has another id", "b", "sid-a", used.Add(tick), noon, interaction.ErrSessionEnded, used},
			{"it has another sid", "a", "sid-b", used.Add(tick), noon, interaction.ErrSessionEnded, used},
			{"its end comes next", "a", "sid-a", end.Add(-tick), noon, nil, end.Add(-tick)},
		} {
			if err := s.UseSession(t.Context(), []byte(tt.id), tt.sid, tt.now, tt.since); !errors.Is(err, tt.want) {
				t.Errorf("UseSession, and %s: %v, want %v", tt.why, err, tt.want)
			}
			if got, err := s.Session(t.Context(), n.ID); err != nil || !got.Seen.Equal(tt.seen) {
				t.Errorf("after UseSession, and %s, it was seen at %v (%v), want %v", tt.why, got.Seen, err, tt.seen)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for id, subject := range map[string]string{"a2": "alice", "a1": "alice", "b1": "bob"} {
			must(t, s.SaveSession(t.Context(), nil, session(id, subject)))
		}
		got, err := s.Sessions(t.Context(), "alice")
		if err != nil || len(got) != 2 || string(got[0].ID) != "a1" || string(got[1].ID) != "a2" || got[0].Login.Subject != "alice" {
			t.Errorf("Sessions = %+v, %v, want a1 and a2", got, err)
		}
	})
}

func TestEndSessions(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		alice := newUser("alice", "")
		alice.Subject = "alice"
		must(t, s.CreateAccount(t.Context(), alice, ""))
		for id, subject := range map[string]string{"a1": "alice", "a2": "alice", "a3": "alice", "b1": "bob"} {
			must(t, s.SaveSession(t.Context(), nil, session(id, subject)))
		}
		for _, step := range []struct {
			do   func() error
			left string
		}{
			{func() error { return s.EndSession(t.Context(), "sid-a1") }, "a2 a3 b1"},
			{func() error { return s.EndSession(t.Context(), "sid-a1") }, "a2 a3 b1"},
			{func() error { return endOthers(t.Context(), s, "alice", 0, "sid-a2") }, "a2 b1"},
			{func() error { return s.EndAccess(t.Context(), "alice") }, "b1"},
		} {
			must(t, step.do())
			left := ""
			for _, id := range []string{"a1", "a2", "a3", "b1"} {
				if hasSession(t, s, id) {
					left += " " + id
				}
			}
			if left != " "+step.left {
				t.Errorf("sessions left:%s, want %s", left, step.left)
			}
		}
	})
}

// A family lives on without its session if it has refresh tokens, and not because its code had promised some.
func TestEndSessionSparesRefreshTokens(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		short := family{id: "short", client: "rp", subject: "alice"}
		save(t, s, short.code("short"))
		must(t, s.Exchange(t.Context(), "short", short.pair(0)[:1]))
		must(t, s.EndSession(t.Context(), "sid"))
		for token, want := range map[*tokens.Token]bool{&rp.pair(0)[0]: true, &rp.pair(0)[1]: true, &short.pair(0)[0]: false} {
			if got := has(t, s, *token); got != want {
				t.Errorf("after the end of the session there is %s: %v, want %v", token.Signature, got, want)
			}
		}
	})
}

// What the user of a session has allowed a client is asked along with the session.
func TestSessionGrantAlong(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"shop", "wiki"} {
			must(t, s.CreateClient(t.Context(), newClient(id)))
		}
		must(t, s.SaveSession(t.Context(), nil, session("a", "alice")))
		must(t, s.SaveSession(t.Context(), nil, session("b", "ben")))
		must(t, s.AddScopes(t.Context(), "alice", registered("shop"), []string{"openid"}, noon))
		for _, tt := range []struct {
			session string
			client  consent.Client
			want    error
		}{
			{"a", registered("shop"), nil},
			{"a", registered("wiki"), consent.ErrNotFound},
			{"a", consent.Client{ID: "shop", Registration: "anew"}, consent.ErrNotFound},
			{"b", registered("shop"), consent.ErrNotFound},
			{"none", registered("shop"), consent.ErrNotFound},
		} {
			seen := observe(s)
			ctx, found := s.SessionGrantAlong(t.Context(), []byte(tt.session), tt.client)
			if _, err := s.Session(ctx, []byte(tt.session)); err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			g, err := found(ctx)
			s.Observe(nil)
			if !errors.Is(err, tt.want) || err == nil && (g.Subject != "alice" || g.Client != tt.client || !slices.Equal(g.Scopes, []string{"openid"})) {
				t.Errorf("the grant of session %s for %v = %+v, %v, want %v", tt.session, tt.client, g, err, tt.want)
			}
			if len(seen.trips) != 1 {
				t.Errorf("session %s and its grant took %d round trips, want 1", tt.session, len(seen.trips))
			}
		}
		must(t, s.DeleteClient(t.Context(), "shop", noon))
		ctx, found := s.SessionGrantAlong(t.Context(), []byte("a"), registered("shop"))
		if g, err := found(ctx); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("the grant of a client that is gone = %+v, %v, want %v", g, err, consent.ErrNotFound)
		}
	})
}
