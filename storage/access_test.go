package storage_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/storage"
)

// TestAccesses goes through what a client may have: a consent that is remembered, tokens of a session, a refresh token, and each
// of these when it is over.
func TestAccesses(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveSession(t.Context(), nil, session("ana", "ana"))) // for twelve hours, from noon on
		begin := func(id, subject string, offline, exchanged bool, scopes ...string) {
			f := family{id: id, client: id, subject: subject}
			code := f.code(id)
			code.Session, code.Scopes = "sid-ana", scopes
			save(t, s, code)
			made := f.pair(0)
			if !offline {
				made = made[:1]
			}
			if exchanged {
				must(t, s.Exchange(t.Context(), id, made))
			}
		}
		begin("both", "ana", true, true, "openid", "profile")
		must(t, s.AddScopes(t.Context(), "ana", registered("both"), []string{"openid", "email"}, noon.Add(-time.Hour)))
		begin("kept", "ana", false, false, "openid") // the code was not exchanged
		must(t, s.AddScopes(t.Context(), "ana", registered("kept"), []string{"openid"}, noon.Add(-time.Hour)))
		begin("offline", "ana", true, true, "offline_access")
		begin("open", "ana", false, true, "openid")
		begin("waiting", "ana", false, false, "openid")
		begin("revoked", "ana", true, true, "openid")
		must(t, s.RevokeFamily(t.Context(), "family-revoked"))
		begin("gone", "ana", true, true, "openid")
		must(t, s.DeleteClient(t.Context(), "gone", noon))
		begin("bens", "ben", true, true, "openid")
		must(t, (family{id: "offline", client: "offline", subject: "ana"}).rotate(t.Context(), s, 0))

		both := consent.Access{Client: registered("both"), Scopes: []string{"email", "openid", "profile"}, Allowed: noon.Add(-time.Hour), Used: noon, Remembered: true, Offline: true}
		kept := consent.Access{Client: registered("kept"), Scopes: []string{"openid"}, Allowed: noon.Add(-time.Hour), Remembered: true}
		offline := consent.Access{Client: registered("offline"), Scopes: []string{"offline_access"}, Allowed: noon, Used: noon, Offline: true}
		open := consent.Access{Client: registered("open"), Scopes: []string{"openid"}, Allowed: noon, Used: noon}
		forgotten := both // what its tokens could do ended with them
		forgotten.Scopes, forgotten.Offline = []string{"email", "openid"}, false
		for after, want := range map[time.Duration][]consent.Access{
			time.Minute:         {both, kept, offline, open},
			12*time.Hour + 1:    {both, kept, offline},
			14*24*time.Hour + 1: {forgotten, kept},
		} {
			got, err := s.Accesses(t.Context(), "ana", noon.Add(after))
			must(t, err)
			for i := range got {
				got[i].Allowed, got[i].Used = got[i].Allowed.UTC(), got[i].Used.UTC()
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("after %v ana's apps are\n%+v, want\n%+v", after, got, want)
			}
		}
		for _, id := range []string{"waiting", "revoked", "gone", "bens", "none"} {
			if err := s.RevokeAccess(t.Context(), "ana", id, noon); !errors.Is(err, consent.ErrNotFound) {
				t.Errorf("RevokeAccess of %s: %v, want ErrNotFound", id, err)
			}
		}
		for _, id := range []string{"both", "kept", "offline", "open"} {
			must(t, s.RevokeAccess(t.Context(), "ana", id, noon))
			if err := s.RevokeAccess(t.Context(), "ana", id, noon); !errors.Is(err, consent.ErrNotFound) {
				t.Errorf("RevokeAccess of %s once more: %v, want ErrNotFound", id, err)
			}
		}
		if err := s.Exchange(t.Context(), "kept", nil); err == nil {
			t.Error("a code that was not exchanged yet outlives the consent")
		}
		left, err := s.Accesses(t.Context(), "ben", noon)
		must(t, err)
		if len(left) != 1 || left[0].Client != registered("bens") {
			t.Errorf("ben's apps are %+v", left)
		}
	})
}

// TestRevokeAccessAtOnce: of many who end the same, one does.
func TestRevokeAccessAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"remembered", "offline"} {
			(family{id: id, client: id, subject: "ana"}).begin(t, s)
			if id == "remembered" {
				must(t, s.AddScopes(t.Context(), "ana", registered(id), []string{"openid"}, noon))
			}
			if n := race(t, 8, consent.ErrNotFound, func(int) error { return s.RevokeAccess(t.Context(), "ana", id, noon) }); n != 1 {
				t.Errorf("%s was revoked %d times", id, n)
			}
		}
		if all, err := s.Accesses(t.Context(), "ana", noon); err != nil || len(all) > 0 {
			t.Errorf("left are %+v (%v)", all, err)
		}
	})
}
