package webauthn_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"testing"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/webauthn"
	"vestibule/mfa/webauthn/webauthntest"
)

var ctx = context.Background()

// create begins a set-up and has the authenticator make a key for it.
func create(t testing.TB, k *webauthn.Kind, a *webauthntest.Authenticator) (mfa.Credential, url.Values) {
	t.Helper()
	draft, err := k.Enrol(mfa.User{Subject: "ana"}, nil)
	must(t, "Enrol", err)
	return draft, device{a}.Enrol(t, offerOf(t, k, draft), now)
}

func offerOf(t testing.TB, k *webauthn.Kind, draft mfa.Credential) webauthn.Offer {
	t.Helper()
	offer, err := k.Offer(draft)
	must(t, "Offer", err)
	return offer.(webauthn.Offer)
}

func confirmed(k *webauthn.Kind, draft mfa.Credential, form url.Values) (mfa.Match, error) {
	compare, err := k.Confirm(draft, form)
	if err != nil {
		return mfa.Match{}, err
	}
	return compare(now)
}

func enrol(t testing.TB, k *webauthn.Kind, id string, a *webauthntest.Authenticator) (mfa.Match, mfa.Credential) {
	t.Helper()
	draft, form := create(t, k, a)
	m, err := confirmed(k, draft, form)
	must(t, "Confirm", err)
	m.Credential.ID, m.Credential.Kind = id, webauthn.Name
	return m, m.Credential
}

// challenged has the authenticator answer a new challenge.
func challenged(t testing.TB, k *webauthn.Kind, a *webauthntest.Authenticator, all ...mfa.Credential) ([]byte, url.Values) {
	t.Helper()
	state, ask, err := k.Challenge(all)
	must(t, "Challenge", err)
	return state, device{a}.Answer(t, ask, now)
}

func checked(k *webauthn.Kind, state []byte, form url.Values, all ...mfa.Credential) (mfa.Match, error) {
	compare, err := k.Check(all, state, form)
	if err != nil {
		return mfa.Match{}, err
	}
	return compare(now)
}

func sign(t testing.TB, k *webauthn.Kind, a *webauthntest.Authenticator, c mfa.Credential) (mfa.Match, error) {
	t.Helper()
	state, form := challenged(t, k, a, c)
	return checked(k, state, form, c)
}

// without is the credential as Enrol gets it.
func without(c mfa.Credential) mfa.Credential {
	c.Secret = nil
	return c
}

// answer is the JSON of an answer, to be changed.
type answer struct {
	top      map[string]any
	Response map[string]any
}

func parse(t testing.TB, form url.Values) answer {
	t.Helper()
	var top map[string]any
	must(t, "Unmarshal", json.Unmarshal([]byte(form.Get("response")), &top))
	return answer{top, top["response"].(map[string]any)}
}

func (a answer) form(t testing.TB) url.Values {
	t.Helper()
	text, err := json.Marshal(a.top)
	must(t, "Marshal", err)
	return webauthn.Form(string(text))
}

func (a answer) bytes(t testing.TB, part string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(a.Response[part].(string))
	must(t, part, err)
	return b
}

func (a answer) edit(t testing.TB, part string, change func([]byte) []byte) {
	t.Helper()
	a.Response[part] = base64url(change(a.bytes(t, part)))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func flip(b []byte, i int) []byte { return flipBit(b, i, 1) }

func flipBit(b []byte, i int, bit byte) []byte {
	changed := append([]byte(nil), b...)
	changed[i] ^= bit
	return changed
}

// service is a Service on a store in memory with the kind.
type service struct{ *mfa.Service }

func newService(t *testing.T) service {
	t.Helper()
	ring, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, "ParseKeyring", err)
	m := mfatest.New()
	return service{&mfa.Service{
		Store: m, Attempts: m, Setups: m, Keys: ring, Kinds: []mfa.Kind{newKind(t)}, Atomic: m.Atomic, Memory: 8, Passes: 1,
	}}
}

func (s service) enrol(t *testing.T, a *webauthntest.Authenticator, name string) {
	t.Helper()
	view, err := mfatest.Begin(t, s.Service, "ana", "tab", webauthn.Name)
	must(t, "Begin", err)
	must(t, "Confirm", s.Confirm(ctx, "ana", "tab", device{a}.Enrol(t, view.Offer, now), name))
	must(t, "Activate", s.Activate(ctx, "ana", "tab", nil))
}

func (s service) answer(t *testing.T, a *webauthntest.Authenticator) mfa.Answer {
	t.Helper()
	state, view, err := s.Challenge(ctx, "ana", "sign-in", webauthn.Name)
	must(t, "Challenge", err)
	return mfa.Answer{Kind: webauthn.Name, Owner: "sign-in", State: state, Form: device{a}.Answer(t, view, now)}
}

func (s service) verify(a mfa.Answer) (p mfa.Proof, err error) {
	err = s.Verify(ctx, "ana", a, now, func(_ context.Context, got mfa.Proof) error {
		p = got
		return nil
	})
	return p, err
}

func wantRefused(t testing.TB, what string, err error, reason string) {
	t.Helper()
	var refused *webauthn.Refused
	if !errors.As(err, &refused) || refused.Reason != reason || !errors.Is(err, mfa.ErrCode) {
		t.Errorf("%s: %v, want it refused for %s", what, err, reason)
	}
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
