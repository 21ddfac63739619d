package webauthn_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/webauthn"
	"vestibule/mfa/webauthn/webauthntest"
)

const (
	issuer = "https://id.example:8443/sso"
	origin = "https://id.example:8443"
	rpID   = "id.example"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newKind(t testing.TB) *webauthn.Kind {
	t.Helper()
	k, err := webauthn.New(issuer, "Example ID")
	must(t, "New", err)
	return k
}

// device is an authenticator in the hand of mfatest.
type device struct{ *webauthntest.Authenticator }

func (d device) Enrol(t testing.TB, offer any, _ time.Time) url.Values {
	t.Helper()
	answer, err := d.Create(offer.(webauthn.Offer).Options("ana@example.com"))
	must(t, "Create", err)
	return webauthn.Form(answer)
}

func (d device) Answer(t testing.TB, view any, _ time.Time) url.Values {
	t.Helper()
	answer, err := d.Get(view.(webauthn.Ask).Options)
	if errors.Is(err, webauthntest.ErrNotAllowed) { // mfatest wants an answer of a key that was not asked for
		other := view.(webauthn.Ask)
		return d.uninvited(t, other)
	}
	must(t, "Get", err)
	return webauthn.Form(answer)
}

// uninvited answers with a key that the page did not list.
func (d device) uninvited(t testing.TB, ask webauthn.Ask) url.Values {
	t.Helper()
	var options map[string]any
	must(t, "Unmarshal", json.Unmarshal([]byte(ask.Options), &options))
	var allowed []map[string]string
	for _, id := range d.IDs() {
		allowed = append(allowed, map[string]string{"type": "public-key", "id": id})
	}
	options["allowCredentials"] = allowed
	text, err := json.Marshal(options)
	must(t, "Marshal", err)
	answer, err := d.Get(string(text))
	must(t, "Get", err)
	return webauthn.Form(answer)
}

// Wrong is a signature of another key, or a new key for another relying party.
func (d device) Wrong(t testing.TB, right url.Values, _ time.Time) url.Values {
	t.Helper()
	a := parse(t, right)
	if a.Response["signature"] == nil {
		hash := sha256.Sum256([]byte(rpID))
		a.edit(t, "attestationObject", func(object []byte) []byte { return flip(object, bytes.Index(object, hash[:])) })
		return a.form(t)
	}
	k, other := newKind(t), &webauthntest.Authenticator{Origin: origin, Algorithm: d.Algorithm}
	_, theirs := enrol(t, k, "b1", other)
	_, form := challenged(t, k, other, theirs)
	a.Response["signature"] = parse(t, form).Response["signature"]
	return a.form(t)
}

func TestKind(t *testing.T) {
	for name, setting := range map[string]webauthntest.Authenticator{
		"security key":    {},
		"verifies":        {Verifies: true},
		"synced passkey":  {Verifies: true, Synced: true, BackedUp: true, Silent: true, Algorithm: webauthntest.EdDSA},
		"not synced yet":  {Verifies: true, Synced: true, Silent: true},
		"RS256 in a chip": {Verifies: true, Algorithm: webauthntest.RS256},
	} {
		t.Run(name, func(t *testing.T) {
			mfatest.TestKind(t, newKind(t), mfatest.KindFixture{
				New: func() mfatest.Device {
					a := setting
					a.Origin = origin
					return device{&a}
				},
				Pause: time.Minute, Malformed: malformed(t),
				Work: setting.Algorithm != webauthntest.EdDSA, // which allocates next to nothing
			})
		})
	}
}

// malformed are answers that are none: of the other form, cut off, too long, with bad CBOR or without a part.
func malformed(t *testing.T) []url.Values {
	k := newKind(t)
	draft, created := create(t, k, webauthntest.New(origin))
	var forms []url.Values
	for _, text := range []string{
		"null", "[]", `{"id":"AA"}`, "{", created.Get("response")[:200], created.Get("response") + "x", strings.Repeat(" ", 20<<10) + created.Get("response"),
	} {
		forms = append(forms, webauthn.Form(text))
	}
	for what, change := range map[string]func(answer){
		"another type": func(a answer) { a.top["type"] = "password" },
		"no id":        func(a answer) { delete(a.top, "id") },
		"other raw id": func(a answer) { a.top["rawId"] = "AAAA" },
		"empty object": func(a answer) { a.Response["attestationObject"] = "" },
		"no client":    func(a answer) { delete(a.Response, "clientDataJSON") },
		"bad CBOR":     func(a answer) { a.edit(t, "attestationObject", func(b []byte) []byte { return b[:len(b)-1] }) },
		"more CBOR":    func(a answer) { a.edit(t, "attestationObject", func(b []byte) []byte { return append(b, 0) }) },
		"endless CBOR": func(a answer) { a.edit(t, "attestationObject", func(b []byte) []byte { return []byte{0xbf, 0xff} }) },
		"nested CBOR": func(a answer) {
			a.edit(t, "attestationObject", func([]byte) []byte { return slices.Repeat([]byte{0x81}, 5000) })
		},
		"no client JSON": func(a answer) { a.edit(t, "clientDataJSON", func([]byte) []byte { return []byte("{") }) },
	} {
		a := parse(t, created)
		change(a)
		if _, err := k.Confirm(draft, a.form(t)); !errors.Is(err, mfa.ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", what, err)
		}
		forms = append(forms, a.form(t))
	}
	return forms
}

func TestNew(t *testing.T) {
	for _, good := range []string{
		"https://id.example", "https://ID.Example:443/", "https://id.example:8443/sso", "https://sso", "https://xn--bcher-kva.example",
		"http://localhost:8080", "https://localhost", "http://vestibule.localhost/x", "https://1.id2.example", "https://a_b.example",
	} {
		if _, err := webauthn.New(good, "Example"); err != nil {
			t.Errorf("New(%s): %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "id.example", "http://id.example", "https://192.0.2.1", "https://127.0.0.1", "http://127.0.0.1:8080", "https://[::1]:8443",
		"https://[fe80::1%25eth0]/", "https://127.1", "https://0x7f000001", "https://2130706433", "https://id.09", "https://bücher.example",
		"https://id.example.", "https://.example", "https://id..example", "https://id example", "https://" + strings.Repeat("a", 64) + ".example",
		"https://" + strings.Repeat("a.", 130) + "example", "ftp://id.example", "http://localhost.example", "mailto:a@b.example", "https://",
	} {
		if _, err := webauthn.New(bad, "Example"); !errors.Is(err, webauthn.ErrIssuer) {
			t.Errorf("New(%s): %v, want ErrIssuer", bad, err)
		}
	}
	if _, err := webauthn.New(issuer, ""); err == nil {
		t.Error("a relying party may be without a name")
	}
}

// The options are those that browsers read, with nothing personal in the user handle.
func TestOptions(t *testing.T) {
	k := newKind(t)
	a := webauthntest.New(origin)
	_, first := enrol(t, k, "a1", a)
	draft, err := k.Enrol(mfa.User{Subject: "ana@example.com", Others: []mfa.Credential{without(first)}}, nil)
	must(t, "Enrol", err)
	offer, err := k.Offer(draft)
	must(t, "Offer", err)
	var created struct {
		RP                     struct{ ID, Name string }
		User                   struct{ ID, Name, DisplayName string }
		Challenge, Attestation string
		PubKeyCredParams       []struct {
			Type string
			Alg  int
		}
		Timeout            int
		ExcludeCredentials []struct {
			Type, ID   string
			Transports []string
		}
		AuthenticatorSelection struct{ UserVerification, ResidentKey string }
	}
	must(t, "Unmarshal", json.Unmarshal([]byte(offer.(webauthn.Offer).Options("ana@example.com")), &created))
	var algorithms []int
	for _, p := range created.PubKeyCredParams {
		algorithms = append(algorithms, p.Alg)
	}
	switch {
	case created.RP.ID != rpID, created.RP.Name != "Example ID", created.User.Name != "ana@example.com", created.User.DisplayName == "":
		t.Errorf("it names %+v and %+v", created.RP, created.User)
	case len(created.Challenge) != 43, len(created.User.ID) != 86, strings.Contains(created.User.ID, "ana"):
		t.Errorf("challenge %q, user handle %q", created.Challenge, created.User.ID)
	case created.Attestation != "none", created.AuthenticatorSelection.UserVerification != "preferred", created.Timeout < 300_000:
		t.Errorf("%+v", created)
	case !slices.Equal(algorithms, []int{-7, -8, -257}):
		t.Errorf("algorithms %v", algorithms)
	case len(created.ExcludeCredentials) != 1, !slices.Equal(created.ExcludeCredentials[0].Transports, []string{"usb", "nfc"}):
		t.Errorf("it excludes %+v", created.ExcludeCredentials)
	}
	if p, err := webauthn.ParseParams(first.Params); err != nil || created.User.ID != base64url(p.Handle) {
		t.Errorf("the second key has the user handle %q, the first %+v, %v", created.User.ID, p, err)
	}
	if _, err := a.Create(offer.(webauthn.Offer).Options("ana")); !errors.Is(err, webauthntest.ErrInvalidState) {
		t.Errorf("a device that has a key makes a second: %v", err)
	}
}

// What a store has in the open says what the key is, and what is sealed does not change.
func TestParams(t *testing.T) {
	k := newKind(t)
	a := &webauthntest.Authenticator{Origin: origin, Synced: true, Silent: true}
	_, c := enrol(t, k, "a1", a)
	p, err := webauthn.ParseParams(c.Params)
	must(t, "ParseParams", err)
	if !p.Synced || p.BackedUp || len(p.ID) != 20 || p.AAGUID != strings.Repeat("0", 32) || !slices.Equal(p.Transports, []string{"usb", "nfc"}) {
		t.Errorf("Params = %+v", p)
	}
	a.BackedUp = true
	m, err := sign(t, k, a, c)
	must(t, "answer of a key that was copied since", err)
	if p, err = webauthn.ParseParams(m.Credential.Params); err != nil || !p.BackedUp || m.Detail["backed_up"] != "yes" || m.Detail["was_backed_up"] != "no" {
		t.Errorf("Params = %+v, %v, Detail = %v", p, err, m.Detail)
	}
	if string(m.Credential.Secret) != string(c.Secret) {
		t.Error("what is sealed has changed")
	}
	m, err = sign(t, k, a, m.Credential)
	if _, changed := m.Detail["was_backed_up"]; err != nil || changed {
		t.Errorf("Detail = %v, %v, want no change", m.Detail, err)
	}
	if _, err := webauthn.ParseParams("?"); err == nil {
		t.Error("ParseParams reads what is none")
	}
}

// What is earned is what the ceremony proved, in a set-up as in a sign-in.
func TestAMR(t *testing.T) {
	for _, tt := range []struct {
		a    webauthntest.Authenticator
		want string
	}{
		{webauthntest.Authenticator{}, "hwk"},
		{webauthntest.Authenticator{Verifies: true}, "hwk user"},
		{webauthntest.Authenticator{Synced: true}, "swk"},
		{webauthntest.Authenticator{Synced: true, BackedUp: true, Verifies: true}, "swk user"},
	} {
		k := newKind(t)
		tt.a.Origin = origin
		m, c := enrol(t, k, "a1", &tt.a)
		again, err := sign(t, k, &tt.a, c)
		must(t, "answer", err)
		for what, got := range map[string]mfa.Match{"set-up": m, "answer": again} {
			if strings.Join(got.AMR, " ") != tt.want {
				t.Errorf("%+v: %s earns %v, want %s", tt.a, what, got.AMR, tt.want)
			}
		}
		tt.a.Verifies = !tt.a.Verifies
		other, err := sign(t, k, &tt.a, again.Credential)
		if err != nil || slices.Equal(other.AMR, again.AMR) {
			t.Errorf("%+v: it earns %v, %v", tt.a, other.AMR, err)
		}
	}
}

// Only what a key of the user's has signed has a reason; whoever has none gets the same for everything.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		reason string
		change func(*webauthntest.Authenticator)
	}{
		{webauthn.ReasonOrigin, func(a *webauthntest.Authenticator) { a.Origin = "https://id-example.test" }},
		{webauthn.ReasonOrigin, func(a *webauthntest.Authenticator) { a.Origin = "https://id.example" }},
		{webauthn.ReasonOrigin, func(a *webauthntest.Authenticator) { a.Origin = origin + "/sso" }},
		{webauthn.ReasonOrigin, func(a *webauthntest.Authenticator) { a.Origin = "http://id.example:8443" }},
		{webauthn.ReasonOrigin, func(a *webauthntest.Authenticator) { a.Origin = "" }},
		{webauthn.ReasonRelyingParty, func(a *webauthntest.Authenticator) { a.RPID = "example" }},
		{webauthn.ReasonFrame, func(a *webauthntest.Authenticator) { a.Framed = true }},
		{webauthn.ReasonFrame, func(a *webauthntest.Authenticator) { a.EditClient = func(c map[string]any) { c["topOrigin"] = origin } }},
		{webauthn.ReasonFrame, func(a *webauthntest.Authenticator) { a.EditClient = func(c map[string]any) { c["crossOrigin"] = true } }},
		{webauthn.ReasonType, func(a *webauthntest.Authenticator) {
			a.EditClient = func(c map[string]any) { c["type"] = "payment.get" }
		}},
		{webauthn.ReasonPresence, func(a *webauthntest.Authenticator) { a.Absent = true }},
		{webauthn.ReasonBackup, func(a *webauthntest.Authenticator) { a.BackedUp = true }},
	} {
		k := newKind(t)
		a := webauthntest.New(origin)
		_, c := enrol(t, k, "a1", a)
		tt.change(a)
		_, err := sign(t, k, a, c)
		wantRefused(t, "answer", err, tt.reason)
		state, form := challenged(t, k, a, c)
		forged := parse(t, form)
		forged.edit(t, "signature", func(b []byte) []byte { return flip(b, len(b)-1) })
		if _, err := checked(k, state, forged.form(t), c); err != mfa.ErrCode {
			t.Errorf("%s that the key has not signed: %v, want ErrCode alone", tt.reason, err)
		}
		draft, form := create(t, k, a)
		_, err = confirmed(k, draft, form)
		wantRefused(t, "set-up", err, tt.reason)
	}
}

// The two ceremonies do not stand for each other.
func TestOtherCeremony(t *testing.T) {
	k := newKind(t)
	a := webauthntest.New(origin)
	_, c := enrol(t, k, "a1", a)
	a.EditClient = func(c map[string]any) { c["type"] = "webauthn.create" }
	_, err := sign(t, k, a, c)
	wantRefused(t, "answer that says it is a set-up", err, webauthn.ReasonType)
	a.EditClient = func(c map[string]any) { c["type"] = "webauthn.get" }
	draft, form := create(t, k, a)
	_, err = confirmed(k, draft, form)
	wantRefused(t, "set-up that says it is an answer", err, webauthn.ReasonType)
	a.EditClient = nil
	_, form = challenged(t, k, a, c)
	if _, err := k.Confirm(draft, form); !errors.Is(err, mfa.ErrFormat) {
		t.Errorf("Confirm of an answer to a challenge: %v, want ErrFormat", err)
	}
}

// A new key is one that was asked for: in this set-up, with an algorithm that was offered, and not there yet.
func TestSetupRefused(t *testing.T) {
	k := newKind(t)
	a := webauthntest.New(origin)
	_, c := enrol(t, k, "a1", a)
	draft, form := create(t, k, webauthntest.New(origin))
	other, _ := create(t, k, a)
	_, err := confirmed(k, other, form)
	wantRefused(t, "answer to another set-up", err, webauthn.ReasonChallenge)
	if m, err := confirmed(k, draft, form); err != nil || m.Credential.Params == "" {
		t.Errorf("answer to its own: %v, %v", m, err)
	}

	for _, algorithm := range []int{webauthntest.ES384} {
		draft, form := create(t, k, &webauthntest.Authenticator{Origin: origin, Algorithm: algorithm, Obliging: true})
		_, err = confirmed(k, draft, form)
		wantRefused(t, "algorithm that was not offered", err, webauthn.ReasonAttestation)
	}

	p, err := webauthn.ParseParams(c.Params)
	must(t, "ParseParams", err)
	draft, err = k.Enrol(mfa.User{Subject: "ana", Others: []mfa.Credential{without(c)}}, nil)
	must(t, "Enrol", err)
	a = &webauthntest.Authenticator{Origin: origin, Obliging: true, ID: p.ID}
	_, err = confirmed(k, draft, device{a}.Enrol(t, offerOf(t, k, draft), now))
	wantRefused(t, "key of an ID that is there", err, webauthn.ReasonKnown)
}

// A counter that does not rise is that of a clone, whichever of the two comes second.
func TestCloned(t *testing.T) {
	k := newKind(t)
	a := webauthntest.New(origin)
	_, c := enrol(t, k, "a1", a)
	twin := a.Clone()
	m, err := sign(t, k, a, c)
	must(t, "answer", err)
	m, err = sign(t, k, a, m.Credential)
	must(t, "second answer", err)
	for range 2 {
		_, err = sign(t, k, twin, m.Credential)
		var cloned *webauthn.Cloned
		if !errors.As(err, &cloned) || !errors.Is(err, mfa.ErrUsed) || cloned.Last != 3 || cloned.Counter > 3 {
			t.Errorf("answer of the clone: %v, want Cloned", err)
		}
	}
	m, err = sign(t, k, twin, m.Credential)
	must(t, "answer of the clone, whose counter is ahead now", err)
	if _, err = sign(t, k, a, m.Credential); !errors.Is(err, mfa.ErrUsed) {
		t.Errorf("answer of the first: %v, want it to show that there are two", err)
	}
	a.Silent = true
	if _, err = sign(t, k, a, m.Credential); !errors.Is(err, mfa.ErrUsed) {
		t.Errorf("answer without a counter of a key that counts: %v, want it refused", err)
	}
}

// Whether a key may be copied never changes.
func TestBackupEligibility(t *testing.T) {
	for _, synced := range []bool{false, true} {
		k := newKind(t)
		a := &webauthntest.Authenticator{Origin: origin, Synced: synced}
		_, c := enrol(t, k, "a1", a)
		a.Synced = !synced
		_, err := sign(t, k, a, c)
		wantRefused(t, "answer", err, webauthn.ReasonBackup)
	}
}

// A key of another user is worth nothing, even under the ID of one of the user's.
func TestOtherUser(t *testing.T) {
	k := newKind(t)
	a, b := webauthntest.New(origin), webauthntest.New(origin)
	_, ours := enrol(t, k, "a1", a)
	enrol(t, k, "b1", b)
	state, ask, err := k.Challenge([]mfa.Credential{ours})
	must(t, "Challenge", err)
	theirs := parse(t, device{b}.uninvited(t, ask.(webauthn.Ask)))
	if _, err := checked(k, state, theirs.form(t), ours); err != mfa.ErrCode {
		t.Errorf("key of another user: %v, want ErrCode", err)
	}
	theirs.top["id"], theirs.top["rawId"] = a.IDs()[0], a.IDs()[0]
	if _, err := checked(k, state, theirs.form(t), ours); err != mfa.ErrCode {
		t.Errorf("key of another user that says it is ours: %v, want ErrCode", err)
	}
	right := parse(t, device{a}.Answer(t, ask, now))
	right.Response["userHandle"] = theirs.Response["userHandle"]
	_, err = checked(k, state, right.form(t), ours)
	wantRefused(t, "our key that says it is of another user", err, webauthn.ReasonUser)
	delete(right.Response, "userHandle")
	if _, err := checked(k, state, right.form(t), ours); err != nil {
		t.Errorf("a key that does not say whose it is: %v", err)
	}
}

// An answer is to its challenge alone, and to another one it is no guess.
func TestReplayedChallenge(t *testing.T) {
	k := newKind(t)
	a := &webauthntest.Authenticator{Origin: origin, Silent: true}
	_, c := enrol(t, k, "a1", a)
	old, form := challenged(t, k, a, c)
	state, _ := challenged(t, k, a, c)
	if _, err := k.Check([]mfa.Credential{c}, state, form); !errors.Is(err, mfa.ErrChallenge) {
		t.Errorf("answer to another challenge: %v, want ErrChallenge", err)
	}
	if _, err := checked(k, old, form, c); err != nil {
		t.Errorf("answer to its own: %v", err)
	}
}

// Each byte of an answer, and each bit of what it carries, is either right or refused.
func TestAlteredAnswers(t *testing.T) {
	k := newKind(t)
	a := webauthntest.New(origin)
	_, c := enrol(t, k, "a1", a)
	state, form := challenged(t, k, a, c)
	harmless(t, form.Get("response"), func(f url.Values) (mfa.Match, error) { return checked(k, state, f, c) }, func(a, b mfa.Match) bool {
		return fmt.Sprint(a) == fmt.Sprint(b) && string(a.Credential.Secret) == string(b.Credential.Secret)
	})
	draft, form := create(t, k, a)
	harmless(t, form.Get("response"), func(f url.Values) (mfa.Match, error) { return confirmed(k, draft, f) }, func(a, b mfa.Match) bool {
		p, q := paramsOf(t, a), paramsOf(t, b)
		return string(p.ID) == string(q.ID) && string(p.Handle) == string(q.Handle)
	})

	for _, part := range []string{"clientDataJSON", "authenticatorData", "signature"} {
		state, form := challenged(t, k, a, c)
		original := parse(t, form).bytes(t, part)
		for i := range 8 * len(original) {
			changed := parse(t, form)
			changed.edit(t, part, func(b []byte) []byte { b[i/8] ^= 1 << (i % 8); return b })
			if m, err := checked(k, state, changed.form(t), c); err == nil {
				t.Errorf("%s with bit %d altered is taken: %v", part, i, m)
			}
		}
	}
}

// harmless flips bits in each byte of the JSON. What is still taken is the same. Of a new key, which has no attestation,
// nothing but its ID is sure: whoever alters the rest alters a key of their own.
func harmless(t *testing.T, text string, give func(url.Values) (mfa.Match, error), same func(a, b mfa.Match) bool) {
	t.Helper()
	right, err := give(webauthn.Form(text))
	must(t, "right answer", err)
	for i := range len(text) {
		for _, bit := range []byte{1, 0x20} {
			changed := flipBit([]byte(text), i, bit)
			m, err := give(webauthn.Form(string(changed)))
			known := errors.Is(err, mfa.ErrCode) || errors.Is(err, mfa.ErrFormat) || errors.Is(err, mfa.ErrChallenge) || errors.Is(err, mfa.ErrUsed)
			if err != nil && !known || err == nil && !same(m, right) {
				t.Errorf("byte %d altered, %.40q: %v, %v", i, changed[max(0, i-20):], m, err)
			}
		}
	}
}

func paramsOf(t *testing.T, m mfa.Match) webauthn.Params {
	t.Helper()
	p, err := webauthn.ParseParams(m.Credential.Params)
	must(t, "ParseParams", err)
	return p
}

func FuzzConfirm(f *testing.F) {
	k := newKind(f)
	draft, form := create(f, k, webauthntest.New(origin))
	f.Add(form.Get("response"))
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := confirmed(k, draft, webauthn.Form(text)); err == nil && (len(m.Credential.Secret) == 0 || m.Credential.Params == "") {
			t.Errorf("%q makes a key of nothing", text)
		}
	})
}

func FuzzCheck(f *testing.F) {
	k := newKind(f)
	a := webauthntest.New(origin)
	_, c := enrol(f, k, "a1", a)
	state, form := challenged(f, k, a, c)
	f.Add(form.Get("response"))
	f.Add(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := checked(k, state, webauthn.Form(text), c); err == nil && m.Credential.ID != "a1" {
			t.Errorf("%q is taken for that of %q", text, m.Credential.ID)
		}
	})
}

// A Service with this kind: several keys, a clone, a refused answer, and what a proof leaves in the store.
func TestWithService(t *testing.T) {
	s := newService(t)
	a, b := webauthntest.New(origin), &webauthntest.Authenticator{Origin: origin, Synced: true, Silent: true, Verifies: true}
	s.enrol(t, a, "Blue key")
	s.enrol(t, b, "")
	status, err := s.Status(ctx, "ana")
	must(t, "Status", err)
	if all := status.Authenticators; len(all) != 2 || all[0].Name != "Blue key" || all[1].Name != "Passkey" || all[0].Kind != webauthn.Name {
		t.Errorf("Status = %+v", status)
	}
	p, err := s.verify(s.answer(t, b))
	if err != nil || p.Method() != webauthn.Method || !slices.Equal(p.AMR(), []string{"swk", "user"}) || p.Detail()["verified"] != "yes" {
		t.Errorf("Verify = %+v, %v", p, err)
	}
	b.BackedUp = true
	p, err = s.verify(s.answer(t, b))
	if err != nil || p.Detail()["was_backed_up"] != "no" {
		t.Errorf("Verify = %v, %v", p.Detail(), err)
	}
	p, err = s.verify(s.answer(t, b))
	if _, changed := p.Detail()["was_backed_up"]; err != nil || changed {
		t.Errorf("Verify = %v, %v, want the change kept", p.Detail(), err)
	}
	twin := a.Clone()
	_, err = s.verify(s.answer(t, a))
	must(t, "Verify", err)
	_, err = s.verify(s.answer(t, twin))
	var failed *mfa.Failed
	var cloned *webauthn.Cloned
	if !errors.As(err, &failed) || !errors.As(err, &cloned) || failed.InARow != 1 || failed.Factor != webauthn.Name {
		t.Errorf("Verify of a clone: %v, want it counted", err)
	}
	b.Origin = "https://id-example.test"
	_, err = s.verify(s.answer(t, b))
	if !errors.As(err, &failed) || failed.InARow != 2 {
		t.Errorf("Verify of an answer for another site: %v, want it counted", err)
	}
	wantRefused(t, "Verify", err, webauthn.ReasonOrigin)
}
