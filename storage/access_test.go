package storage_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/storage"
)

// TestAccesses goes through what a client may have: a consent that is remembered, a code, an access token, a refresh token, and each
// of these when it is over.
func TestAccesses(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		begin := func(id, subject, sid string, offline, exchanged bool, allowed ...string) {
			f := family{id: id, client: id, subject: subject}
			code := f.code(id) // good for a minute
			code.Session, code.Allowed = sid, allowed
			save(t, s, code)
			made := f.pair(0) // an access token for ten minutes, a refresh token for 14 days
			if !offline {
				made = made[:1]
			}
			if exchanged {
				must(t, s.Exchange(t.Context(), id, made))
			}
		}
		begin("both", "ana", "sid-ana", true, true, "openid", "profile")
		must(t, s.AddScopes(t.Context(), "ana", registered("both"), []string{"openid", "email"}, noon.Add(time.Hour)))
		begin("kept", "ana", "sid-ana", false, false, "openid")
		must(t, s.AddScopes(t.Context(), "ana", registered("kept"), []string{"openid"}, noon.Add(-time.Hour)))
		begin("offline", "ana", "sid-ana", true, true, "offline_access")
		begin("open", "ana", "sid-ana", false, true, "openid")
		begin("ended", "ana", "sid-ana", false, true, "openid")
		must(t, s.RevokeAccessToken(t.Context(), "ended-access-0"))
		begin("waiting", "ana", "sid-over", false, false, "openid", "api=x:books")
		begin("revoked", "ana", "sid-ana", true, true, "openid")
		must(t, s.RevokeFamily(t.Context(), "family-revoked"))
		begin("gone", "ana", "sid-ana", true, true, "openid")
		must(t, s.DeleteClient(t.Context(), "gone", noon))
		begin("bens", "ben", "sid-ben", true, true, "openid")
		must(t, (family{id: "offline", client: "offline", subject: "ana"}).rotate(t.Context(), s, 0))

		both := consent.Access{Client: registered("both"), Scopes: []string{"email", "openid", "profile"}, Allowed: noon, Used: noon, Remembered: true, Offline: true}
		kept := consent.Access{Client: registered("kept"), Scopes: []string{"openid"}, Allowed: noon.Add(-time.Hour), Remembered: true}
		offline := consent.Access{Client: registered("offline"), Scopes: []string{"offline_access"}, Allowed: noon, Used: noon, Offline: true}
		open := consent.Access{Client: registered("open"), Scopes: []string{"openid"}, Allowed: noon, Used: noon}
		waiting := consent.Access{Client: registered("waiting"), Scopes: []string{"api=x:books", "openid"}, Allowed: noon} // has got nothing yet
		forgotten := both                                                                                                  // what its tokens could do ended with them
		forgotten.Scopes, forgotten.Offline, forgotten.Allowed = []string{"email", "openid"}, false, noon.Add(time.Hour)
		for after, want := range map[time.Duration][]consent.Access{
			30 * time.Second:    {both, kept, offline, open, waiting},
			time.Minute:         {both, kept, offline, open},
			10 * time.Minute:    {both, kept, offline},
			14 * 24 * time.Hour: {forgotten, kept},
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
		for _, id := range []string{"revoked", "ended", "gone", "bens", "none"} {
			if err := s.RevokeAccess(t.Context(), "ana", id, noon); !errors.Is(err, consent.ErrNotFound) {
				t.Errorf("RevokeAccess of %s: %v, want ErrNotFound", id, err)
			}
		}
		for id, at := range map[string]time.Time{"both": noon, "kept": noon, "offline": noon.Add(10 * 24 * time.Hour), "open": noon, "waiting": noon} {
			must(t, s.RevokeAccess(t.Context(), "ana", id, at))
			if err := s.RevokeAccess(t.Context(), "ana", id, at); !errors.Is(err, consent.ErrNotFound) {
				t.Errorf("RevokeAccess of %s once more: %v, want ErrNotFound", id, err)
			}
			if f := (family{id: id, client: id, subject: "ana"}); has(t, s, f.pair(0)[0]) || has(t, s, f.pair(1)[0]) || f.alive(t, s) {
				t.Errorf("tokens of %s are there", id)
			}
		}
		for _, id := range []string{"kept", "waiting"} {
			if err := s.Exchange(t.Context(), id, nil); err == nil {
				t.Errorf("the code of %s, which was not exchanged yet, is good", id)
			}
		}
		left, err := s.Accesses(t.Context(), "ben", noon)
		must(t, err)
		if len(left) != 1 || left[0].Client != registered("bens") {
			t.Errorf("ben's apps are %+v", left)
		}
	})
}

// TestRevokeAccessFindsWhatCameBefore: a consent that is committed while the ending waits for its commit is ended as well, though
// there was none when the ending began.
func TestRevokeAccessFindsWhatCameBefore(t *testing.T) {
	t.Parallel()
	s, dsn := onPostgres(t)
	ana := newUser("ana", "")
	must(t, s.CreateAccount(t.Context(), ana, ""))
	(family{id: "shop", client: "shop", subject: ana.Subject}).begin(t, s)
	allow := `WITH held AS (SELECT 1 FROM account WHERE subject = $1 FOR SHARE)
		INSERT INTO consent (subject, client, registration, scopes, created_at, updated_at) SELECT $1, 'shop', $2, ' openid ', 0, 0 FROM held`
	waitsFor(t, s, dsn, func() error { return s.RevokeAccess(t.Context(), ana.Subject, "shop", noon) }, allow, ana.Subject, registered("shop").Registration)
	if g, err := s.Grant(t.Context(), ana.Subject, registered("shop")); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("the consent is %+v (%v), want none", g, err)
	}
}

// TestRevokeAccessOfMany: what a client had long ago costs nothing, however much that is.
func TestRevokeAccessOfMany(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("shop")))
		of, err := s.Client(t.Context(), "shop")
		must(t, err)
		fillRows(t, s, `INSERT INTO code (signature, family, client, registration, offline, subject, session, allowed, created_at, expires_at, used, revoked, keep_until)
			SELECT 'c' || n, 'f' || n, 'shop', '`+of.Registration+`', FALSE, 'ana', 's' || n, 'openid', 0, n, TRUE, FALSE, n FROM numbers`, 20000)
		(family{id: "one", client: "shop", subject: "ana"}).begin(t, s)
		must(t, s.RevokeAccess(t.Context(), "ana", "shop", noon))
		if n := number(t, s, `SELECT count(*) FROM code WHERE revoked = TRUE`); n != 1 {
			t.Errorf("%d codes were marked, want the one that lives", n)
		}
	})
}

// TestRevokeAccessAtOnce: of many who end the same, one does.
func TestRevokeAccessAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		ana.Subject = "ana"
		must(t, s.CreateAccount(t.Context(), ana, ""))
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
