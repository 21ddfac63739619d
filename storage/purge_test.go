package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/provider/store"
	"vestibule/provider/tokens"
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

// A used code or refresh token is remembered for 90 days: if it comes again the family must die.
func TestPurgeDoesNotUnspend(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0)) // an hour after noon
		for _, tt := range []struct {
			at               time.Duration
			code, used, live bool
		}{
			{13 * day, true, true, true},
			{15 * day, true, true, false}, // the successor ends after 14 days
			{90 * day, true, true, false},
			{90*day + time.Hour, true, true, false}, // the code may go, but there is a token of its family
			{91 * day, false, false, false},
		} {
			purge(t, s, noon.Add(tt.at))
			_, err := s.Code(t.Context(), "one")
			if got := err == nil; got != tt.code {
				t.Errorf("after %v there is the code: %v, want %v", tt.at, got, tt.code)
			}
			if got := has(t, s, rp.pair(0)[1]); got != tt.used {
				t.Errorf("after %v there is the used token: %v, want %v", tt.at, got, tt.used)
			}
			if got := has(t, s, rp.pair(1)[1]); got != tt.live {
				t.Errorf("after %v there is the live token: %v, want %v", tt.at, got, tt.live)
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
		must(t, s.Exec(t.Context(), store.ErrConflict, `UPDATE token SET keep_until = keep_until * 2`))
		purge(t, s, noon.Add(91*day))
		if has(t, s, rp.pair(0)[1]) {
			t.Error("a token of a revoked family came to life")
		}
	})
}

func TestPurgeForgetsReplays(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0)) // an hour after noon
		for _, tt := range []struct {
			at   time.Duration
			want string
		}{{time.Hour + time.Minute, "replay"}, {time.Hour + time.Minute + time.Second, ""}} {
			purge(t, s, noon.Add(tt.at))
			got, err := s.Token(t.Context(), tokens.RefreshToken, rp.pair(0)[1].Signature)
			if err != nil || string(got.Replay) != tt.want || got.UsedAt.IsZero() {
				t.Errorf("%v after noon the used token = %+v, %v, want replay %q", tt.at, got, err, tt.want)
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
