package mfa

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

var rawKey = []byte{0xfb, 0xff, 0xfe, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}

func ring(t *testing.T, keys ...string) *Keyring {
	t.Helper()
	k, err := ParseKeyring(keys)
	if err != nil {
		t.Fatalf("ParseKeyring: %v", err)
	}
	return k
}

func TestParseKeyringForms(t *testing.T) {
	sealed := func(k *Keyring) []byte { _, s, _ := k.Seal([]byte("secret"), "x"); return s }
	first := ring(t, base64.StdEncoding.EncodeToString(rawKey))
	for _, text := range []string{
		base64.RawStdEncoding.EncodeToString(rawKey),
		base64.URLEncoding.EncodeToString(rawKey),
		base64.RawURLEncoding.EncodeToString(rawKey),
		hex.EncodeToString(rawKey),
		strings.ToUpper(hex.EncodeToString(rawKey)),
		"  " + hex.EncodeToString(rawKey) + "\n",
	} {
		k := ring(t, text)
		if plain, err := k.Open(first.keys[0].id, sealed(first), "x"); string(plain) != "secret" || err != nil {
			t.Errorf("key written as %q is another key: %v", text, err)
		}
	}
}

func TestParseKeyringFaults(t *testing.T) {
	good := NewKey()
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{nil, "no secret key: run `vestibule secret-key generate` to make one"},
		{[]string{""}, "secret key 1: is empty: run `vestibule secret-key generate` to make one"},
		{[]string{good, "hunter2hunter2"}, "secret key 2: is not 32 bytes in base64 or hex: run `vestibule secret-key generate` to make one"},
		{[]string{hex.EncodeToString(rawKey[1:])}, "secret key 1: is not 32 bytes"},
		{[]string{base64.StdEncoding.EncodeToString(append(rawKey, 1))}, "secret key 1: is not 32 bytes"},
		{[]string{good, good}, "secret key 2: is in the list twice"},
	} {
		_, err := ParseKeyring(tt.keys)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("ParseKeyring(%d keys): %v, want %s", len(tt.keys), err, tt.want)
			continue
		}
		for _, key := range tt.keys {
			if key != "" && strings.Contains(err.Error(), key) {
				t.Errorf("the error tells the key: %v", err)
			}
		}
	}
}

func TestNewKey(t *testing.T) {
	a, b := NewKey(), NewKey()
	if a == b {
		t.Error("two new keys are the same")
	}
	ring(t, a, b)
}

func TestSeal(t *testing.T) {
	k := ring(t, NewKey())
	id, sealed, err := k.Seal([]byte("secret"), "totp|ana|a1")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := k.Open(id, sealed, "totp|ana|a1"); string(plain) != "secret" || err != nil {
		t.Errorf("Open = %q, %v", plain, err)
	}
	if _, again, _ := k.Seal([]byte("secret"), "totp|ana|a1"); bytes.Equal(sealed, again) {
		t.Error("the same plaintext was sealed alike twice")
	}
	if _, err := k.Open(id, sealed, "totp|ben|a1"); err == nil {
		t.Error("it opens for another user")
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := k.Open(id, altered, "totp|ana|a1"); err == nil {
			t.Errorf("it opens with byte %d altered", i)
		}
		if _, err := k.Open(id, sealed[:i], "totp|ana|a1"); err == nil {
			t.Errorf("it opens when cut to %d bytes", i)
		}
	}
}

func TestRotation(t *testing.T) {
	older, newer := NewKey(), NewKey()
	id, sealed, _ := ring(t, older).Seal([]byte("secret"), "x")
	both := ring(t, newer, older)
	if plain, err := both.Open(id, sealed, "x"); string(plain) != "secret" || err != nil {
		t.Errorf("Open with the older key = %q, %v", plain, err)
	}
	if fresh, _, _ := both.Seal([]byte("secret"), "x"); fresh == id {
		t.Error("the older key seals")
	}
	_, err := ring(t, newer).Open(id, sealed, "x")
	if !errors.Is(err, ErrUnknownKey) || !strings.Contains(err.Error(), id) {
		t.Errorf("Open without the key: %v, want ErrUnknownKey that names %s", err, id)
	}
}

func TestDerive(t *testing.T) {
	older, newer := NewKey(), NewKey()
	both := ring(t, newer, older).Derive("tokens")
	if len(both) != 2 || len(both[0]) != 32 || len(both[1]) != 32 {
		t.Fatalf("Derive gave %d keys", len(both))
	}
	if alone := ring(t, older).Derive("tokens"); !bytes.Equal(alone[0], both[1]) {
		t.Error("a key derives otherwise beside another")
	}
	if other := ring(t, newer).Derive("cookies"); bytes.Equal(other[0], both[0]) {
		t.Error("two purposes have the same key")
	}
	raw, _ := base64.StdEncoding.DecodeString(newer)
	if bytes.Equal(raw, both[0]) {
		t.Error("the derived key is the key")
	}
}

func TestAADIsUnambiguous(t *testing.T) {
	of := func(kind, subject, id string) string {
		return SecretAAD(Authenticator{Kind: kind, Subject: subject, ID: id})
	}
	if got := of("totp", "ana", "a1"); got != "totp|ana|a1" {
		t.Errorf("SecretAAD = %q", got)
	}
	if of("totp", "a|b", "c") == of("totp", "a", "b|c") {
		t.Error("two pairs are bound alike")
	}
	if of("totp", "ana", "a1") == of("key", "ana", "a1") {
		t.Error("two kinds are bound alike")
	}
	if challengeAAD("key", "ana", "tab") == challengeAAD("key", "ana|tab", "") {
		t.Error("two challenges are bound alike")
	}
}
