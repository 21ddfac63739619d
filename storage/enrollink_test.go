package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

func link(id, subject string) mfa.EnrolLink {
	return mfa.EnrolLink{ID: []byte(id), Subject: subject, Created: noon, Expires: noon.Add(day)}
}

func TestEnrolLink(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx := t.Context()
		if _, err := s.EnrolLink(ctx, []byte("old")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("EnrolLink of nothing = %v, want %v", err, store.ErrNotFound)
		}
		must(t, s.SaveEnrolLink(ctx, link("old", "ana")))
		must(t, s.SaveEnrolLink(ctx, link("ben's", "ben")))
		newer := link("new", "ana")
		newer.Created, newer.Expires = noon.Add(time.Hour), noon.Add(2*day)
		must(t, s.SaveEnrolLink(ctx, newer))

		now := noon.Add(2 * time.Hour)
		got, err := s.EnrolLinkOf(ctx, "ana", now)
		if err != nil || string(got.ID) != "new" || !got.Created.Equal(newer.Created) || !got.Expires.Equal(newer.Expires) || !got.Used.IsZero() {
			t.Errorf("EnrolLinkOf = %+v, %v, want %+v", got, err, newer)
		}
		for _, tt := range []struct {
			why, id, subject string
			at               time.Time
		}{
			{"there is a newer one", "old", "ana", now},
			{"it is another user's", "ben's", "ana", now},
			{"there is none", "no such", "ana", now},
			{"its time is over", "new", "ana", newer.Expires},
		} {
			if err := s.UseEnrolLink(ctx, []byte(tt.id), tt.subject, tt.at); !errors.Is(err, mfa.ErrLink) {
				t.Errorf("UseEnrolLink, but %s = %v, want %v", tt.why, err, mfa.ErrLink)
			}
		}
		must(t, s.UseEnrolLink(ctx, []byte("new"), "ana", now))
		if err := s.UseEnrolLink(ctx, []byte("new"), "ana", now); !errors.Is(err, mfa.ErrLink) {
			t.Errorf("UseEnrolLink again = %v, want %v", err, mfa.ErrLink)
		}
		if got, err := s.EnrolLink(ctx, []byte("new")); err != nil || !got.Used.Equal(now) {
			t.Errorf("EnrolLink after use = %+v, %v, want used at %v", got, err, now)
		}
		for _, tt := range []struct {
			at   time.Duration
			want int64
		}{{7 * day, 0}, {8*day + time.Hour, 2}, {9*day + time.Hour, 1}} {
			if n := purge(t, s, noon.Add(tt.at)); n != tt.want {
				t.Errorf("Purge after %v = %d, want %d", tt.at, n, tt.want)
			}
		}
	})
}

// A link that is used in many places at once lets one of them enrol.
func TestEnrolLinkOnce(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		must(t, s.SaveEnrolLink(t.Context(), link("link", "ana")))
		stores := three(t, dsn)
		done := race(t, 9, mfa.ErrLink, func(i int) error {
			return stores[i%3].UseEnrolLink(t.Context(), []byte("link"), "ana", noon)
		})
		if done != 1 {
			t.Errorf("%d of the uses succeeded, want 1", done)
		}
	})
}

// Of links that are made in many places at once, one is good.
func TestEnrolLinksAtOnce(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		stores := three(t, dsn)
		for n := range 10 {
			subject := fmt.Sprint("u", n%5) // one who has no row in enrolment yet, and one who has
			race(t, 6, nil, func(i int) error {
				return stores[i%3].SaveEnrolLink(t.Context(), link(fmt.Sprint("link ", n, " ", i), subject))
			})
			live := number(t, s, `SELECT count(*) FROM enrol_link WHERE subject = $1 AND used_at = 0 AND expires_at > $2`, subject, noon.UnixMicro())
			if live != 1 {
				t.Fatalf("%d links of %s are good, want 1", live, subject)
			}
		}
	})
}
