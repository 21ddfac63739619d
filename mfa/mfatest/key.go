package mfatest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strconv"
	"testing"
	"time"

	"vestibule/mfa"
)

// Key is a kind of authenticator that works, and is as unlike an app with codes as a kind can be: a key that signs a
// challenge and the number of its signatures, of which the server knows the public half alone.
type Key struct {
	Name string // of the kind and its method; empty: key
}

// KeyView is what a Key shows of a set-up or a challenge: what the key signs.
type KeyView struct{ Challenge []byte }

const keyChallengeSize = 32

// Names implements mfa.Kind.
func (k Key) Names() mfa.Names {
	if k.Name == "" {
		k.Name = "key"
	}
	return mfa.Names{Kind: k.Name, Method: k.Name, Label: "Security key", PhishingResistant: true}
}

// Enrol makes the challenge that the new key signs.
func (Key) Enrol(mfa.User, url.Values) (mfa.Credential, error) {
	return mfa.Credential{Secret: keyChallenge()}, nil
}

// Offer returns a KeyView; empty once the key has signed.
func (Key) Offer(draft mfa.Credential) (any, error) {
	if draft.Params != "" {
		return KeyView{}, nil
	}
	return KeyView{draft.Secret}, nil
}

// Confirm reads the public key and its signature of the draft.
func (Key) Confirm(draft mfa.Credential, answer url.Values) (mfa.Compare, error) {
	a, err := parseKeyAnswer(answer)
	if err != nil || len(a.public) != ed25519.PublicKeySize {
		return nil, mfa.ErrFormat
	}
	return func(time.Time) (mfa.Match, error) {
		if !ed25519.Verify(a.public, signed(draft.Secret, a.counter), a.signature) {
			return mfa.Match{}, mfa.ErrCode
		}
		draft.Secret, draft.Params, draft.Counter = a.public, "ed25519", a.counter
		return keyMatch(draft), nil
	}, nil
}

// Challenge makes what one of the user's keys is to sign.
func (Key) Challenge([]mfa.Credential) (state []byte, view any, err error) {
	state = keyChallenge()
	return state, KeyView{state}, nil
}

// MayAnswer reports false of what is no signature.
func (Key) MayAnswer(answer url.Values) bool {
	_, err := parseKeyAnswer(answer)
	return err == nil
}

// Check reads a signature of the state.
func (Key) Check(all []mfa.Credential, state []byte, answer url.Values) (mfa.Compare, error) {
	if len(state) != keyChallengeSize {
		return nil, mfa.ErrChallenge
	}
	a, err := parseKeyAnswer(answer)
	if err != nil {
		return nil, err
	}
	return func(time.Time) (mfa.Match, error) { return a.find(all, state) }, nil
}

// keyAnswer is what a key sends.
type keyAnswer struct {
	public    []byte // in the answer to a set-up
	counter   int64
	signature []byte
}

func parseKeyAnswer(form url.Values) (a keyAnswer, err error) {
	a.counter, err = strconv.ParseInt(form.Get("counter"), 10, 64)
	if err != nil || a.counter < 0 {
		return keyAnswer{}, mfa.ErrFormat
	}
	a.signature, err = base64.RawURLEncoding.Strict().DecodeString(form.Get("signature"))
	if err != nil || len(a.signature) != ed25519.SignatureSize {
		return keyAnswer{}, mfa.ErrFormat
	}
	a.public, err = base64.RawURLEncoding.Strict().DecodeString(form.Get("key"))
	if err != nil {
		return keyAnswer{}, mfa.ErrFormat
	}
	return a, nil
}

// find looks at all keys, whichever it is. A number that is not higher than the last means that there are two of the key,
// or that the answer came before; 0 is that of a key that does not count.
func (a keyAnswer) find(all []mfa.Credential, state []byte) (mfa.Match, error) {
	at := -1
	for i, c := range all {
		good := 0
		if ed25519.Verify(c.Secret, signed(state, a.counter), a.signature) {
			good = 1
		}
		at = subtle.ConstantTimeSelect(good, i, at)
	}
	switch {
	case at < 0:
		return mfa.Match{}, mfa.ErrCode
	case a.counter <= all[at].Counter && (a.counter != 0 || all[at].Counter != 0):
		return mfa.Match{}, mfa.ErrUsed
	}
	c := all[at]
	c.Counter = a.counter
	return keyMatch(c), nil
}

func keyMatch(c mfa.Credential) mfa.Match {
	return mfa.Match{
		Credential: c, AMR: []string{"hwk"},
		Detail: map[string]string{"counter": strconv.FormatInt(c.Counter, 10)},
	}
}

func keyChallenge() []byte {
	challenge := make([]byte, keyChallengeSize)
	rand.Read(challenge)
	return challenge
}

// signed is what a key signs.
func signed(challenge []byte, counter int64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(nil), challenge...), uint64(counter))
}

// KeyDevice is a key of the kind Key.
type KeyDevice struct {
	Silent  bool // it does not count
	private ed25519.PrivateKey
	counter int64
}

// NewKeyDevice makes a key.
func NewKeyDevice() *KeyDevice {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // the default source never fails
	}
	return &KeyDevice{private: private}
}

// Enrol implements Device.
func (d *KeyDevice) Enrol(t testing.TB, offer any, now time.Time) url.Values {
	form := d.Answer(t, offer, now)
	form.Set("key", base64.RawURLEncoding.EncodeToString(d.private.Public().(ed25519.PublicKey)))
	return form
}

// Wrong implements Device: a signature that no key has made.
func (d *KeyDevice) Wrong(_ testing.TB, right url.Values, _ time.Time) url.Values {
	return with(right, "signature", base64.RawURLEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)))
}

// Answer implements Device.
func (d *KeyDevice) Answer(t testing.TB, view any, _ time.Time) url.Values {
	t.Helper()
	asked, ok := view.(KeyView)
	if !ok {
		t.Fatalf("a key is shown %T", view)
	}
	if !d.Silent {
		d.counter++
	}
	signature := ed25519.Sign(d.private, signed(asked.Challenge, d.counter))
	return url.Values{
		"counter": {strconv.FormatInt(d.counter, 10)}, "signature": {base64.RawURLEncoding.EncodeToString(signature)},
	}
}
