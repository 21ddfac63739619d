package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// An operator retires the signing keys in the table while two servers run. Both find out without a restart, agree on
// new ones, and publish them before they sign with them. What the old ones have signed stays good.
func TestSigningKeysAreReloaded(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		servers := s.instances()
		s.addUser("ana")
		shop := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := shop.begin()
		first := v.finish(v.signIn(b, "ana").allow())
		old := signerOf(t, first)

		db, _, _ := openDump(t, s.config.Database)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `UPDATE signing_key SET retired_at = 1`); err != nil {
			t.Fatal(err)
		}
		for _, a := range servers { // as the server does every few seconds
			if err := a.Do(t.Context(), "signing keys"); err != nil {
				t.Fatal(err)
			}
		}
		published := publishedKeys(t, servers[0])
		if other := publishedKeys(t, servers[1]); !slices.Equal(published, other) || len(published) != 4 || !slices.Contains(published, old) {
			t.Errorf("the servers publish %q and %q, want the same four, and %q among them", published, other, old)
		}
		for _, a := range servers {
			w := httptest.NewRecorder()
			a.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			if !strings.Contains(w.Body.String(), `"signing_key":"ok"`) { // the clock of the test is another matter
				t.Errorf("/readyz answers %s", w.Body)
			}
		}
		s.clock.advance(5 * time.Second) // some process may not publish the new keys yet
		for range 3 {
			if got := signerOf(t, silent(shop, b)); got != old {
				t.Errorf("a key signs 5 seconds after it was made")
			}
		}

		s.clock.advance(6 * time.Second)
		if err := servers[0].Do(t.Context(), "signing keys"); err != nil {
			t.Fatal(err)
		}
		signed := map[string]tokenResult{}
		for range 6 { // one server is late, and signs with the old key
			r := silent(shop, b)
			signed[signerOf(t, r)] = r
		}
		if len(signed) != 2 {
			t.Errorf("%d keys sign, want 2", len(signed))
		}
		if err := servers[1].Do(t.Context(), "signing keys"); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if got := signerOf(t, silent(shop, b)); got == old || !slices.Contains(published, got) || signed[got].tokens == nil {
				t.Errorf("key %s signs, want the new one on both", got)
			}
		}
		for range 4 { // the old ID token is still a hint, and its access token good
			v = shop.begin("prompt", "none", "id_token_hint", first.tokens.Extra("id_token").(string))
			v.finish(b.open(v.address))
		}
		if status := s.userInfo(first.tokens.AccessToken); status != http.StatusOK {
			t.Errorf("userinfo with an access token from before answers %d", status)
		}
	})
}

// A token that another process has signed with a key that this one has not seen yet is as good as its own.
func TestUnknownKeyIsLookedFor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		shop := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := shop.begin()
		v.finish(v.signIn(b, "ana").allow())
		late := s.first()
		db, _, _ := openDump(t, s.config.Database)
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `DELETE FROM signing_key`); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(2 * time.Second)
		s.start(1) // makes new keys, and there are none that could sign before them
		hint := silent(shop, b).tokens.Extra("id_token").(string)
		s.use(late)
		v = shop.begin("prompt", "none", "id_token_hint", hint)
		v.finish(b.open(v.address))
	})
}

// silent signs in without a page.
func silent(c *client, b *browser) tokenResult {
	c.t.Helper()
	v := c.begin("prompt", "none")
	return v.finish(b.open(v.address))
}

// signerOf is the id of the key that has signed.
func signerOf(t *testing.T, r tokenResult) string {
	t.Helper()
	token, err := jwt.ParseSigned(r.tokens.Extra("id_token").(string), []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return token.Headers[0].KeyID
}

func publishedKeys(t *testing.T, a *Instance) []string {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/jwks", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatalf("/jwks: %v in %s", err, w.Body)
	}
	if strings.Contains(w.Body.String(), `"d":`) {
		t.Error("/jwks has a private key")
	}
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}
