package pairwise_test

import (
	"bytes"
	"strings"
	"testing"

	"vestibule/provider/client"
	"vestibule/provider/pairwise"
)

// app is a client that knows users by pairwise subjects, answered at that host.
func app(id, host string) client.Client {
	return client.Client{ID: id, Registration: "r-" + id, SubjectType: client.SubjectPairwise, RedirectURIs: []string{"https://" + host + "/cb"}}
}

func newKey(t *testing.T, fill byte) *pairwise.Key {
	t.Helper()
	k, err := pairwise.NewKey(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSubjectStays holds the subjects that clients have stored to what they were: a change here makes every user a new one.
func TestSubjectStays(t *testing.T) {
	k := newKey(t, 1)
	for _, tt := range []struct{ name, got, want string }{
		{"subject", k.Subject(app("shop", "shop.example"), "u1"), "8Qek0YFkhYJ7idWRj3DbuMBdJJ_MNqDz4o7YarMaebrn0P2H3rvkTual6h3C1w2x"},
		{"session", k.Session(app("shop", "shop.example"), "s1"), "yAG_s94sjlU1VOC7tf-3XySQ2GAM8bmuKmyyTrgR05QKOcL0kshxKBEbshMi2HPQ"},
		{"long", k.Subject(app("shop", "shop.example"), strings.Repeat("u", 255)), "C6vFfumnWqPah40QBFos6GcIpavOZdc-NAEd2Mahc5w"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

// TestSubjectIsOfItsSector has one user known to several clients: by one subject in a sector and by no other's outside it.
func TestSubjectIsOfItsSector(t *testing.T) {
	k, shop, till, bank := newKey(t, 1), app("shop", "shop.example"), app("till", "shop.example"), app("bank", "bank.example")
	sub := k.Subject(shop, "u1")
	if sub != k.Subject(till, "u1") || sub == k.Subject(bank, "u1") || sub == k.Subject(shop, "u2") || sub == newKey(t, 2).Subject(shop, "u1") || sub == k.Session(shop, "u1") {
		t.Error("subjects do not go by key, sector, user and kind")
	}
	if len(sub) != len(k.Subject(shop, "a user with a longer name")) {
		t.Error("the length of a subject tells of the user's own")
	}
	for _, user := range []string{"u1", "", "\x80", "a\x00", strings.Repeat("u", 31), strings.Repeat("u", 32), strings.Repeat("u", 159)} {
		if got, ok := k.OpenSubject(till, k.Subject(shop, user)); got != user || ok != (user != "") {
			t.Errorf("%q is opened as %q, %v", user, got, ok)
		}
	}
	if got := k.Subject(shop, strings.Repeat("u", 160)); len(got) > 255 {
		t.Errorf("a subject has %d bytes", len(got))
	}
	public := client.Client{ID: "public", RedirectURIs: shop.RedirectURIs}
	if got, ok := k.OpenSubject(public, k.Subject(public, "u1")); got != "u1" || !ok || k.Session(public, "s1") != "s1" {
		t.Error("a public client knows users by other subjects than their own")
	}
	altered := []byte(sub)
	altered[40] ^= 1
	for what, text := range map[string]string{
		"another sector's": k.Subject(bank, "u1"), "the user's own": "u1", "a session": k.Session(shop, "u1"), "altered": string(altered), "cut": sub[:len(sub)-4],
		"with a line break": sub[:8] + "\n" + sub[8:],
		"of another key":    newKey(t, 2).Subject(shop, "u1"), "empty": "", "no base64": "!", "too short": "AAAA",
	} {
		if got, ok := k.OpenSubject(shop, text); ok {
			t.Errorf("%s is opened as %q", what, got)
		}
	}
}

func TestSecretOfAnotherSize(t *testing.T) {
	if _, err := pairwise.NewKey(make([]byte, 31)); err == nil {
		t.Error("a short secret is taken")
	}
}

// FuzzOpenSubject has a client mean anything by a sub: what opens is what was told, to the byte.
func FuzzOpenSubject(f *testing.F) {
	k, err := pairwise.NewKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	shop := app("shop", "shop.example")
	for _, text := range []string{k.Subject(shop, "u1"), k.Session(shop, "s1"), k.Subject(shop, "u1") + "\n", "", "u1", strings.Repeat("A", 64)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if subject, ok := k.OpenSubject(shop, text); ok && k.Subject(shop, subject) != text {
			t.Errorf("%q is opened as %q", text, subject)
		}
	})
}
