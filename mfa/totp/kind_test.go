package totp_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	mfatotp "vestibule/mfa/totp"
)

// app is an authenticator app that takes what the QR code says.
type app struct{ key *otp.Key }

func (a *app) Enrol(t testing.TB, offer any, now time.Time) url.Values {
	t.Helper()
	key, err := otp.NewKeyFromURL(offer.(mfatotp.Offer).URI("ana"))
	if err != nil {
		t.Fatal(err)
	}
	a.key = key
	return a.Answer(t, nil, now)
}

func (a *app) Answer(t testing.TB, _ any, now time.Time) url.Values {
	t.Helper()
	code, err := totp.GenerateCodeCustom(a.key.Secret(), now, totp.ValidateOpts{
		Period: uint(a.key.Period()), Digits: a.key.Digits(), Algorithm: a.key.Algorithm(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return mfatotp.Form(code)
}

func (a *app) Wrong(t testing.TB, _ url.Values, now time.Time) url.Values {
	t.Helper()
	near := map[string]bool{}
	for at := now.Add(-2 * time.Hour); at.Before(now.Add(2 * time.Hour)); at = at.Add(30 * time.Second) {
		near[a.Answer(t, nil, at).Get("code")] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%0*d", a.key.Digits().Length(), n); !near[code] {
			return mfatotp.Form(code)
		}
	}
}

func TestKind(t *testing.T) {
	for name, options := range map[string]mfatotp.Options{
		"usual": {},
		"other": {Algorithms: []string{"SHA512"}, Digits: []int{8}, Periods: []int{60}},
	} {
		t.Run(name, func(t *testing.T) {
			mfatest.TestKind(t, mfatotp.Kind{Issuer: "Example", Options: options}, mfatest.KindFixture{
				New: func() mfatest.Device { return &app{} }, Pause: 2 * time.Minute, Work: true,
				Malformed: []url.Values{
					mfatotp.Form("12345"), mfatotp.Form("1234567"), mfatotp.Form("12a456"), mfatotp.Form("K7QF2-M9XPT-4D8WH"),
				},
			})
		})
	}
}

// What a kind prints is no secret.
func TestCredentialsDoNotPrintSecrets(t *testing.T) {
	draft, err := mfatotp.Kind{}.Enrol(mfa.User{Subject: "ana"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := strings.ToLower(sprint(verb, draft)); strings.Contains(text, "secret") || strings.Contains(text, string(draft.Secret)) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// sprint also prints it inside of something else.
func sprint(verb string, c mfa.Credential) string {
	return fmt.Sprintf(verb+verb, c, []mfa.Credential{c})
}
