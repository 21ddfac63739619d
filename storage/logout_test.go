package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/provider/backchannel/backchanneltest"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
	"vestibule/storage"
)

func TestLogoutOutbox(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		backchanneltest.TestOutbox(t, func(t *testing.T) backchanneltest.Box {
			emptied(t, s, "logout_notice", "session", "code", "client")
			return backchanneltest.Box{Outbox: s, Owe: func(session, client string) {
				must(t, s.SaveSession(t.Context(), nil, sessionOf(session, "alice", client)))
				answered(t, s, session, "alice", client, true)
				must(t, s.EndSession(t.Context(), session))
			}}
		})
	})
}

// sessionOf is a session with that sid. There may be one for each id.
func sessionOf(sid, subject, id string) *interaction.Session {
	n := session(sid+" "+id, subject)
	n.Login.Session = sid
	return n
}

// answered has the client get a code in the session, which it exchanges or not.
func answered(t *testing.T, s *storage.Store, sid, subject, client string, exchanges bool) {
	t.Helper()
	signature := fmt.Sprint(sid, " ", subject, " ", client, " ", time.Now().UnixNano())
	code := tokens.Code{
		Signature: signature, Family: "family " + signature, Client: client, Subject: subject, Session: sid, Created: noon, Expires: noon.Add(time.Minute),
	}
	if err := s.CreateClient(t.Context(), listening(client)); err != nil && !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	must(t, saveAgain(t, s, code))
	if exchanges {
		must(t, s.Exchange(t.Context(), signature, nil))
	}
}

// listening is a client that hears of the ends of sessions.
func listening(id string) client.Client {
	c := newClient(id)
	c.BackchannelLogoutURI = "https://" + id + ".example/logout"
	return c
}

// owed is what clients are to hear of, and is forgotten.
func owed(t *testing.T, s *storage.Store) string {
	t.Helper()
	ids, err := s.DueClients(t.Context(), noon, 100)
	must(t, err)
	var all []string
	for _, id := range ids {
		notices, err := s.DueLogouts(t.Context(), id, noon, 100)
		must(t, err)
		for _, n := range notices {
			all = append(all, n.Client+" of "+n.Session+" of "+n.Subject)
			must(t, s.DeleteLogout(t.Context(), n))
		}
	}
	return strings.Join(all, ", ")
}

// TestEndingsOweNotices: whatever ends a session, each client that had an answer in it is to hear of that once, and no other.
func TestEndingsOweNotices(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		ana.Subject = "ana"
		must(t, s.CreateAccount(t.Context(), ana, ""))
		for name, tt := range map[string]struct {
			end  func(ctx context.Context) error
			want string
		}{
			"EndSession": {func(ctx context.Context) error { return s.EndSession(ctx, "a") }, "shop of a of ana, till of a of ana"},
			"EndOthers": {func(ctx context.Context) error {
				user, err := s.Account(ctx, "ana")
				if err == nil {
					_, err = s.EndOthers(ctx, "ana", user.Epoch, "a")
				}
				return err
			}, "shop of b of ana"},
			"EndAllElse": {func(ctx context.Context) error {
				user, err := s.Account(ctx, "ana")
				if err == nil {
					_, err = s.EndAllElse(ctx, "ana", user.Epoch, "a", false)
				}
				return err
			}, "shop of b of ana"},
			"EndAccess":      {func(ctx context.Context) error { return s.EndAccess(ctx, "ana") }, "shop of a of ana, shop of b of ana, till of a of ana"},
			"ChangePassword": {func(ctx context.Context) error { return s.ChangePassword(ctx, "ana", "x", noon) }, "shop of a of ana, shop of b of ana, till of a of ana"},
			"DisableAccount": {func(ctx context.Context) error { return s.DisableAccount(ctx, "ana", noon) }, "shop of a of ana, shop of b of ana, till of a of ana"},
			"Purge": {func(ctx context.Context) error {
				_, err := s.Purge(ctx, noon.Add(12*time.Hour+time.Second))
				return err
			}, ""}, // its time was over, and nobody has ended it
		} {
			emptied(t, s, "logout_notice", "session", "code", "client", "gone_client")
			must(t, s.EnableAccount(t.Context(), "ana", noon))
			for sid, subject := range map[string]string{"a": "ana", "b": "ana", "c": "ben"} {
				must(t, s.SaveSession(t.Context(), nil, sessionOf(sid, subject, "")))
				answered(t, s, sid, subject, "shop", true)
			}
			answered(t, s, "a", "ana", "shop", true) // once more
			answered(t, s, "a", "ana", "till", true)
			answered(t, s, "a", "ana", "slow", false)
			answered(t, s, "a", "ana", "gone", true)
			deaf := listening("deaf")
			deaf.BackchannelLogoutURI = ""
			must(t, s.CreateClient(t.Context(), deaf))
			answered(t, s, "a", "ana", "deaf", true)
			must(t, s.DeleteClient(t.Context(), "gone", noon))
			anew := listening("gone")
			anew.Registration = "another"
			must(t, s.CreateClient(t.Context(), anew))
			answered(t, s, "over", "ana", "shop", true) // of a session that has ended long ago
			must(t, tt.end(t.Context()))
			must(t, tt.end(t.Context()))
			if got := owed(t, s); got != tt.want {
				t.Errorf("%s: to be told are %q, want %q", name, got, tt.want)
			}
		}
	})
}

// TestEndingThatFailsOwesNothing: the notices are part of the commit.
func TestEndingThatFailsOwesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveSession(t.Context(), nil, sessionOf("a", "ana", "")))
		answered(t, s, "a", "ana", "shop", true)
		failed := errors.New("failed")
		err := s.Atomic(t.Context(), func(ctx context.Context) error { return errors.Join(s.EndSession(ctx, "a"), failed) })
		if got := owed(t, s); !errors.Is(err, failed) || got != "" {
			t.Errorf("an ending that fails (%v) owes %q", err, got)
		}
	})
}

// TestEndingsAtOnce: of many that end a session, one owes the notice; and what is exchanged at that moment is told of or ends.
func TestEndingsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for round := range 10 {
			sid := fmt.Sprint("s", round)
			must(t, s.SaveSession(t.Context(), nil, sessionOf(sid, "ana", "")))
			answered(t, s, sid, "ana", "shop", true)
			code := tokens.Code{Signature: sid, Family: sid, Client: "shop", Subject: "ana", Session: sid, Created: noon, Expires: noon.Add(time.Minute)}
			code.Client = "late"
			if round == 0 {
				must(t, s.CreateClient(t.Context(), listening("late")))
			}
			must(t, saveAgain(t, s, code))
			exchanged := race(t, 8, store.ErrConflict, func(i int) error {
				if i == 0 {
					return s.Exchange(t.Context(), sid, nil)
				}
				return errors.Join(s.EndSession(t.Context(), sid), store.ErrConflict)
			})
			want := "shop of " + sid + " of ana"
			if exchanged > 0 {
				want = "late of " + sid + " of ana, " + want
			}
			if got := owed(t, s); got != want {
				t.Errorf("round %d: to be told are %q, want %q", round, got, want)
			}
		}
	})
}

// TestSessionsEndInOnePlace: who ends a session in a way of its own owes nobody anything.
func TestSessionsEndInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	must(t, err)
	var places []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		for range strings.Count(string(text), "DELETE FROM session"+" ") {
			places = append(places, name)
		}
	}
	if fmt.Sprint(places) != "[ending.go]" {
		t.Errorf("sessions are deleted in %v", places)
	}
}
