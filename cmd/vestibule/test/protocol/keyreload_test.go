package protocol

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
)

// The keys replace themselves while two servers run. Both publish the next ones two days before they sign, agree on which
// sign, and what the old ones have signed stays good: no client that keeps the published keys for a day fails.
func TestSigningKeysReplaceThemselves(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		k := newKeyRotation(t, s)
		s.Clock.Advance(k.age(88) - time.Minute)
		k.reload()
		if got := k.published(); len(got) != k.algorithms {
			t.Errorf("%d keys are published before it is time, want %d", len(got), k.algorithms)
		}
		s.Clock.Advance(time.Minute)
		k.reload()
		kept := k.published()
		if len(kept) != 2*k.algorithms {
			t.Errorf("%d keys are published two days before the next ones sign, want %d", len(kept), 2*k.algorithms)
		}
		k.wantSigner(k.first, kept)
		s.Clock.Advance(k.age(90) - time.Minute)
		k.reload()
		k.wantSigner(k.first, kept)
		s.Clock.Advance(time.Minute)
		k.reload()
		second := k.signer()
		k.wantSigner(second, kept)
		if second == k.first {
			t.Error("the first key still signs")
		}
		s.Clock.Advance(7*24*time.Hour - time.Minute)
		k.reload()
		if !slices.Contains(k.published(), k.first) {
			t.Error("a key is not published for a week after it has signed")
		}
		s.Clock.Advance(2 * time.Minute)
		k.reload()
		if got := k.published(); len(got) != k.algorithms || slices.Contains(got, k.first) {
			t.Errorf("%d keys are published a week later, want %d", len(got), k.algorithms)
		}
		k.wantHint(true)
		s.Clock.Advance(82 * 24 * time.Hour)
		k.reload()
		k.wantHint(true)
		s.Clock.Advance(2 * 24 * time.Hour)
		k.reload()
		k.reload() // what was removed is not read again
		k.wantHint(false)
	})
}

// An operator has new keys sign, and takes one away, while two servers run.
func TestSigningKeysOfAnOperator(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		k := newKeyRotation(t, s)
		o := s.Operator()
		next, err := o.RotateSigningKeys(t.Context(), []string{client.RS256}, jwks.MinAnnounce)
		if err != nil {
			t.Fatal(err)
		}
		k.reload()
		kept := k.published()
		s.Clock.Advance(5 * time.Second) // some server may not publish the new key yet
		k.reload()
		k.wantSigner(k.first, kept)
		s.Clock.Advance(6 * time.Second)
		if err := k.servers[0].Do(t.Context(), "signing keys"); err != nil {
			t.Fatal(err)
		}
		for range 6 { // one server is late, and signs with the old key
			if got := k.signer(); !slices.Contains(kept, got) {
				t.Errorf("key %s signs, and was not published", got)
			}
		}
		k.reload()
		k.wantSigner(next[0].ID, kept)
		k.wantHint(true)

		if _, err := o.RetireSigningKey(t.Context(), next[0].ID); err != nil {
			t.Fatal(err)
		}
		k.reload()
		if got := k.published(); slices.Contains(got, next[0].ID) || !slices.Contains(got, k.signer()) {
			t.Errorf("key %s was retired, and %v are published", next[0].ID, got)
		}
		if _, err := o.RetireSigningKey(t.Context(), k.first); err != nil {
			t.Fatal(err)
		}
		k.reload()
		k.wantHint(false)
		if status := s.UserInfo(k.tokens.Token.AccessToken); status != http.StatusOK {
			t.Errorf("userinfo with an access token from before answers %d", status)
		}
	})
}

// keyRotation is a session at two servers.
type keyRotation struct {
	t          *testing.T
	site       *servertest.Site
	servers    []*servertest.Instance
	shop       *servertest.Client
	browser    *servertest.Browser
	tokens     servertest.Tokens // of the first sign-in
	start      time.Time
	first      string // the key that has signed its ID token
	algorithms int
}

func newKeyRotation(t *testing.T, s *servertest.Site) *keyRotation {
	k := &keyRotation{t: t, site: s, start: s.Clock.Now(), algorithms: len(client.Algorithms)}
	s.Start(2)
	k.servers = s.Servers()
	s.AddUser("ana")
	k.shop = s.NewClient(t, "shop")
	k.tokens = k.signIn()
	k.first = signerOf(t, k.tokens)
	return k
}

// age is how long it is until the first keys are that many days old.
func (k *keyRotation) age(days int) time.Duration {
	return k.start.Add(time.Duration(days) * 24 * time.Hour).Sub(k.site.Clock.Now())
}

// reload is what each server does every few seconds.
func (k *keyRotation) reload() {
	k.t.Helper()
	for _, a := range k.servers {
		if err := a.Do(k.t.Context(), "signing keys"); err != nil {
			k.t.Fatal(err)
		}
	}
}

// published are the ids of the keys that both servers publish.
func (k *keyRotation) published() []string {
	k.t.Helper()
	all := servertest.PublishedKeys(k.t, k.servers[0])
	if other := servertest.PublishedKeys(k.t, k.servers[1]); !slices.Equal(all, other) {
		k.t.Errorf("the servers publish %q and %q", all, other)
	}
	return all
}

func (k *keyRotation) signIn() servertest.Tokens {
	k.t.Helper()
	k.browser = k.site.NewBrowser(k.t)
	v := k.shop.Begin("prompt", "consent")
	return v.Finish(v.SignIn(k.browser, "ana").Allow())
}

func (k *keyRotation) signer() string {
	k.t.Helper()
	return signerOf(k.t, k.signIn())
}

// wantSigner signs in at both servers.
func (k *keyRotation) wantSigner(want string, published []string) {
	k.t.Helper()
	for range 2 {
		if got := k.signer(); got != want || !slices.Contains(published, got) {
			k.t.Errorf("key %s signs, want %s of %v", got, want, published)
		}
	}
}

// wantHint uses the first ID token as a hint.
func (k *keyRotation) wantHint(good bool) {
	k.t.Helper()
	k.signIn()
	v := k.shop.Begin("prompt", "none", "id_token_hint", k.tokens.Token.Extra("id_token").(string))
	if p := k.browser.Open(v.Address); (p.Left != nil && p.Left.Query().Get("code") != "") != good {
		k.t.Errorf("with the first ID token as a hint the browser ends at %v, want a code: %v", p.Left, good)
	}
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
	token, err := jwt.ParseSigned(r.Token.Extra("id_token").(string), []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.PS256, jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	return token.Headers[0].KeyID
}
