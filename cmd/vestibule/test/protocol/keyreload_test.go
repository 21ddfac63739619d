package protocol

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/cmd/vestibule/servertest"
)

// An operator retires the signing keys in the table while two servers run. Both find out without a restart, agree on
// new ones, and publish them before they sign with them. What the old ones have signed stays good.
func TestSigningKeysAreReloaded(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		servers := s.Servers()
		s.AddUser("ana")
		shop := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := shop.Begin()
		first := v.Finish(v.SignIn(b, "ana").Allow())
		old := signerOf(t, first)

		db, _, _ := servertest.OpenDump(t, s.Config.Database)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `UPDATE signing_key SET retired_at = 1`); err != nil {
			t.Fatal(err)
		}
		for _, a := range servers { // as the server does every few seconds
			if err := a.Do(t.Context(), "signing keys"); err != nil {
				t.Fatal(err)
			}
		}
		published := servertest.PublishedKeys(t, servers[0])
		if other := servertest.PublishedKeys(t, servers[1]); !slices.Equal(published, other) || len(published) != 4 || !slices.Contains(published, old) {
			t.Errorf("the servers publish %q and %q, want the same four, and %q among them", published, other, old)
		}
		for _, a := range servers {
			w := httptest.NewRecorder()
			a.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			if !strings.Contains(w.Body.String(), `"signing_key":"ok"`) { // the clock of the test is another matter
				t.Errorf("/readyz answers %s", w.Body)
			}
		}
		s.Clock.Advance(5 * time.Second) // some process may not publish the new keys yet
		for range 3 {
			if got := signerOf(t, servertest.SignInSilently(shop, b)); got != old {
				t.Errorf("a key signs 5 seconds after it was made")
			}
		}

		s.Clock.Advance(6 * time.Second)
		if err := servers[0].Do(t.Context(), "signing keys"); err != nil {
			t.Fatal(err)
		}
		signed := map[string]servertest.Tokens{}
		for range 6 { // one server is late, and signs with the old key
			r := servertest.SignInSilently(shop, b)
			signed[signerOf(t, r)] = r
		}
		if len(signed) != 2 {
			t.Errorf("%d keys sign, want 2", len(signed))
		}
		if err := servers[1].Do(t.Context(), "signing keys"); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if got := signerOf(t, servertest.SignInSilently(shop, b)); got == old || !slices.Contains(published, got) || signed[got].Token == nil {
				t.Errorf("key %s signs, want the new one on both", got)
			}
		}
		for range 4 { // the old ID token is still a hint, and its access token good
			v = shop.Begin("prompt", "none", "id_token_hint", first.Token.Extra("id_token").(string))
			v.Finish(b.Open(v.Address))
		}
		if status := s.UserInfo(first.Token.AccessToken); status != http.StatusOK {
			t.Errorf("userinfo with an access token from before answers %d", status)
		}
	})
}

// A token that another process has signed with a key that this one has not seen yet is as good as its own.
func TestUnknownKeyIsLookedFor(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		shop := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := shop.Begin()
		v.Finish(v.SignIn(b, "ana").Allow())
		late := s.First()
		db, _, _ := servertest.OpenDump(t, s.Config.Database)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `DELETE FROM signing_key`); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(2 * time.Second)
		s.Start(1) // makes new keys, and there are none that could sign before them
		hint := servertest.SignInSilently(shop, b).Token.Extra("id_token").(string)
		s.Use(late)
		v = shop.Begin("prompt", "none", "id_token_hint", hint)
		v.Finish(b.Open(v.Address))
	})
}

// signerOf is the id of the key that has signed.
func signerOf(t *testing.T, r servertest.Tokens) string {
	t.Helper()
	token, err := jwt.ParseSigned(r.Token.Extra("id_token").(string), []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return token.Headers[0].KeyID
}
