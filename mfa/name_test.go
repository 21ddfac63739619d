package mfa_test

import (
	"slices"
	"strconv"
	"testing"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
)

// twins are names that look like "My Phone 1" or like nothing.
var twins = []string{
	"MY PHONE 1", "my phone 1", " My Phone 1 ", "My  Phone 1", "My\u00a0Phone 1", "My\u2003Phone 1", "My\u2800Phone 1", "My Ph\u200bone 1", "My Ph\u00adone 1", "My Phone 1\ufe0f",
	"My Phone\u3000\uff11", "\uff2dy Phone 1", "My Ph\u034fone 1", "My Ph\u3164one 1", "My \U0001d5e3hone 1", "My Phone \u00b9", "My Phone 1\U000e0031", "M\u202ey Phone 1",
}

func TestNameKey(t *testing.T) {
	for _, twin := range twins {
		if mfa.NameKey(twin) != mfa.NameKey("My Phone 1") {
			t.Errorf("%+q has the key %+q, unlike My Phone 1, which looks the same", twin, mfa.NameKey(twin))
		}
	}
	for _, other := range []string{"My Phone 2", "My Phone", "MyPhone 1", "My Phone 1!", "My Phon\u00e9 1"} {
		if mfa.NameKey(other) == mfa.NameKey("My Phone 1") {
			t.Errorf("%q has the key of My Phone 1", other)
		}
	}
	for _, nothing := range []string{"", " ", "\u200b", "\ufe0f", "\u2800", "\u3164"} {
		if got := mfa.NameKey(nothing); got != "" {
			t.Errorf("%+q has the key %q, want none", nothing, got)
		}
	}
}

// No second authenticator of a user can look like the first.
func TestNamesOfAuthenticatorsLookDifferent(t *testing.T) {
	w := newEnv(t)
	w.enrol(t, "Tablet")
	w.enrol(t, "My Phone 1")
	i := slices.IndexFunc(w.factors(t).Authenticators, func(a mfa.Authenticator) bool { return a.Name == "Tablet" })
	tablet := w.factors(t).Authenticators[i].ID
	for _, twin := range twins {
		check(t, "Rename to "+strconv.QuoteToASCII(twin), w.Rename(ctx, "ana", tablet, twin, nil), mfa.ErrNameTaken)
	}
	v, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
	must(t, "Begin", err)
	for _, twin := range twins[:4] {
		check(t, "Confirm as "+twin, w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), twin), mfa.ErrNameTaken)
	}
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "My Phone 2"))
}
