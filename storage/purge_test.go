package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/provider/store"
	"vestibule/storage"
)

func purge(t *testing.T, s *storage.Store, now time.Time) int64 {
	t.Helper()
	n, err := s.Purge(t.Context(), now)
	must(t, err)
	return n
}

const day = 24 * time.Hour

func TestPurgeOfInteractionsAndSessions(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveInteraction(t.Context(), someInteraction("i")))
		must(t, s.SaveSession(t.Context(), nil, session("a", "alice")))
		for _, tt := range []struct {
			at   time.Duration
			want int64
		}{
			{12 * time.Hour, 0},             // the session is at its end, not over
			{12*time.Hour + time.Second, 1}, // the session
			{day + 10*time.Minute, 0},
			{day + 11*time.Minute, 1}, // the interaction
			{365 * day, 0},
		} {
			if got := purge(t, s, noon.Add(tt.at)); got != tt.want {
				t.Errorf("Purge after %v = %d, want %d", tt.at, got, tt.want)
			}
		}
	})
}

// A used code or refresh token is remembered for 90 days, and as long as its family can live: if it comes again the family must
// die.
func TestPurgeDoesNotUnspend(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0)) // an hour after noon
		long := family{id: "long", client: "rp", subject: "alice"}
		long.begin(t, s)
		must(t, long.rotate(t.Context(), s, 0))
		must(t, s.Renew(t.Context(), long.pair(1)[1].Key(), noon.Add(120*day), nil))
		for _, tt := range []struct {
			at         time.Duration
			known, old bool
		}{
			{13 * day, true, true},
			{90 * day, true, true},
			{91 * day, false, true},
			{120 * day, false, true},
			{121 * day, false, false},
		} {
			purge(t, s, noon.Add(tt.at))
			_, err := s.Code(t.Context(), "one")
			if got := err == nil; got != tt.known {
				t.Errorf("after %v there is the code: %v, want %v", tt.at, got, tt.known)
			}
			for f, want := range map[family]bool{rp: tt.known, long: tt.old} {
				for n := range 2 {
					got, err := s.Token(t.Context(), f.pair(n)[1].Key())
					if there := err == nil; there != want || there && got.Used != (n == 0) {
						t.Errorf("after %v refresh token %d of the family %s is %+v, %v, want it there: %v", tt.at, n, f.id, got, err, want)
					}
				}
			}
			if err := s.Exchange(t.Context(), "one", rp.pair(5)); !errors.Is(err, store.ErrConflict) {
				t.Errorf("after %v the code can be exchanged again: %v", tt.at, err)
			}
			if err := rp.rotate(t.Context(), s, 0); !errors.Is(err, store.ErrConflict) {
				t.Errorf("after %v the token can be used again: %v", tt.at, err)
			}
		}
	})
}

// A family that was revoked stays so as long as a token of it could be left.
func TestPurgeKeepsRevokedFamiliesDead(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, s.Exec(t.Context(), store.ErrConflict, `UPDATE code SET revoked = TRUE WHERE family = $1`, "family-one"))
		must(t, s.Exec(t.Context(), store.ErrConflict, `UPDATE access_token SET expires_at = expires_at * 2`))
		purge(t, s, noon.Add(91*day))
		if has(t, s, rp.pair(0)[0]) || has(t, s, rp.pair(0)[1]) {
			t.Error("a token of a revoked family came to life")
		}
	})
}

// The answer to a refresh goes after a minute, and with it a token that the next refresh has replaced; what is live stays.
func TestPurgeForgetsReplays(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0)) // an hour after noon
		brief := family{id: "brief", client: "rp", subject: "alice"}
		brief.begin(t, s)
		made := brief.pair(1)
		made[0].Expires = made[0].Created.Add(time.Second)
		must(t, s.Rotate(t.Context(), brief.pair(0)[1].Key(), []byte("replay"), made))
		twice := family{id: "twice", client: "rp", subject: "alice"}
		twice.begin(t, s)
		for n := range 2 {
			made := twice.pair(n + 1)
			made[0].Created = noon.Add(time.Hour)
			must(t, s.Rotate(t.Context(), twice.pair(n)[1].Key(), []byte("replay"), made))
		}
		for _, tt := range []struct {
			at   time.Duration
			want string
			rows int64
		}{{time.Hour + time.Minute, "replay", 2}, {time.Hour + time.Minute + time.Second, "", 1}} {
			purge(t, s, noon.Add(tt.at))
			for _, f := range []family{rp, brief, twice} {
				got, err := s.Token(t.Context(), f.pair(0)[1].Key())
				if err != nil || string(got.Replay) != tt.want || !got.Used {
					t.Errorf("%v after noon the used token of %s = %+v, %v, want replay %q", tt.at, f.id, got, err, tt.want)
				}
			}
			if rows := number(t, s, `SELECT count(*) FROM access_token WHERE family = 'family-twice'`); rows != tt.rows {
				t.Errorf("%v after noon a family that was refreshed twice has %d access tokens, want %d", tt.at, rows, tt.rows)
			}
		}
	})
}

// More than a batch, and several processes that purge at once: each row goes once.
func TestPurgeInBatches(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		const rows = 2*storage.PurgeBatch + 10
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			for i := range rows {
				must(t, s.SaveSession(ctx, nil, session(fmt.Sprintf("old%d", i), "alice")))
			}
			fresh := session("fresh", "alice")
			fresh.Expires = noon.Add(2 * day)
			return s.SaveSession(ctx, nil, fresh)
		}))
		purged := make([]int64, 3)
		race(t, len(purged), nil, func(i int) (err error) {
			purged[i], err = s.Purge(t.Context(), noon.Add(day))
			return err
		})
		if got := purged[0] + purged[1] + purged[2]; got != rows {
			t.Errorf("%d rows were purged, want %d", got, rows)
		}
		if !hasSession(t, s, "fresh") {
			t.Error("a live session is gone")
		}
	})
}
