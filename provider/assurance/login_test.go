package assurance_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/providertest"
)

// ages are how old a proof may be before a request, in seconds; negative: it was never given.
var ages = []int{-1, 0, 1, 60, 600, 601, 36_000}

// eachLogin calls f with every login that has a password and proofs of those ages. Proofs of age 0 are from the sign-in
// itself, 20 seconds after the request.
func eachLogin(request time.Time, f func(l *assurance.Login)) {
	for _, password := range ages[1:] {
		for _, code := range ages {
			for _, recovery := range ages {
				l := &assurance.Login{Subject: "u1", Session: "s1"}
				for method, age := range map[string]int{assurance.MethodPassword: password, providertest.MethodOTP: code, assurance.MethodRecovery: recovery} {
					at := request.Add(-time.Duration(age) * time.Second)
					if age == 0 {
						at = request.Add(20 * time.Second)
					}
					if age >= 0 {
						l.Authentications = append(l.Authentications, providertest.Authentication(method, at))
					}
				}
				f(l)
			}
		}
	}
}

// eachDemand calls f with every demand of a client, and with those that a policy adds.
func eachDemand(request time.Time, f func(d assurance.Demand)) {
	for bits := range 1 << 5 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		for _, maxAge := range []int{-1, 0, 30, 300, 600, 40_000} {
			d := assurance.Demand{RequestedAt: request, PromptLogin: on(0) || maxAge == 0, Policy: map[bool]string{true: assurance.LevelTwo}[on(1)], WeakRecovery: on(2), Waived: on(3)}
			if maxAge >= 0 {
				d.HasMaxAge, d.MaxAge = true, time.Duration(maxAge)*time.Second
			}
			for _, level := range []string{"", assurance.LevelOne, assurance.LevelTwo, assurance.LevelPhishingResistant} {
				if d.PreferredACR = level; level != "" && on(4) {
					d.EssentialACR = level
				}
				f(d)
			}
		}
	}
}

// TestNothingIsToldThatWasNotProved tries every login against every demand. What is told of one that satisfies it is what
// an API reckons with: each proof that amr names was given at or after auth_time, whatever the client may ask.
func TestNothingIsToldThatWasNotProved(t *testing.T) {
	request := time.Unix(1_800_000_000, 500)
	now := request.Add(30 * time.Second)
	satisfied := 0
	eachLogin(request, func(l *assurance.Login) {
		eachDemand(request, func(d assurance.Demand) {
			if !l.Satisfies(d, now) {
				return
			}
			satisfied++
			told := l.Told(d, now)
			ladder := assurance.Levels{WeakRecovery: d.WeakRecovery}
			amr, acr, at := told.AMR(), ladder.ACR(nil, d, told), told.AuthTime()
			since := func(method string) bool { // was proved at or after auth_time
				proved, ok := l.AuthenticatedAt(method)
				return ok && !proved.Before(at)
			}
			second := since(providertest.MethodOTP) || since(assurance.MethodRecovery) && (!d.WeakRecovery || acr != assurance.LevelTwo)
			switch {
			case at.IsZero() || !since(assurance.MethodPassword):
				t.Fatalf("%+v, %+v: auth_time %v, but the password was given before", l, d, at)
			case slices.Contains(amr, "otp") && !since(providertest.MethodOTP):
				t.Fatalf("%+v, %+v: amr %q, auth_time %v, but the code was given before", l, d, amr, at)
			case slices.Contains(amr, "mfa") && !since(providertest.MethodOTP) && !since(assurance.MethodRecovery):
				t.Fatalf("%+v, %+v: amr %q, auth_time %v, but the second factor was proved before", l, d, amr, at)
			case acr == assurance.LevelTwo && !second:
				t.Fatalf("%+v, %+v: acr %q, auth_time %v, but the second factor was proved before", l, d, acr, at)
			case assurance.Rank(acr) < assurance.Rank(d.EssentialACR):
				t.Fatalf("%+v, %+v: acr %q is less than what is essential", l, d, acr)
			case d.HasMaxAge && at.Before(request) && now.Unix()-at.Unix() > int64(d.MaxAge/time.Second):
				t.Fatalf("%+v, %+v: auth_time %v is older than max_age", l, d, at)
			case d.PromptLogin && at.Before(request):
				t.Fatalf("%+v, %+v: auth_time %v is before the request", l, d, at)
			}
		})
	})
	if satisfied < 1000 {
		t.Errorf("only %d logins satisfied a demand", satisfied)
	}
}

// TestAuthTime: the oldest of the proofs that amr tells of.
func TestAuthTime(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0) }
	for _, tt := range []struct {
		name   string
		proofs []assurance.Authentication
		want   time.Time
		last   time.Time
	}{
		{"nothing", nil, time.Time{}, time.Time{}},
		{"a code alone begins no login", []assurance.Authentication{providertest.Authentication("otp", at(7))}, time.Time{}, at(7)},
		{"password", []assurance.Authentication{providertest.Authentication("pwd", at(5))}, at(5), at(5)},
		{"code given now in an old session", []assurance.Authentication{providertest.Authentication("pwd", at(5)), providertest.Authentication("otp", at(9))}, at(5), at(9)},
		{"password given now with an old code", []assurance.Authentication{providertest.Authentication("otp", at(3)), providertest.Authentication("pwd", at(9))}, at(3), at(9)},
		{"recovery code", []assurance.Authentication{providertest.Authentication("pwd", at(9)), providertest.Authentication("recovery", at(4))}, at(4), at(9)},
		{"code, and an older recovery code that amr does not tell of", []assurance.Authentication{providertest.Authentication("pwd", at(8)), providertest.Authentication("recovery", at(1)), providertest.Authentication("otp", at(9))}, at(8), at(9)},
		{"code, and an older key that amr tells of too", []assurance.Authentication{providertest.Authentication("pwd", at(8)), providertest.Authentication("key", at(1)), providertest.Authentication("otp", at(9))}, at(1), at(9)},
		{"old code, which amr tells of, and a recovery code", []assurance.Authentication{providertest.Authentication("pwd", at(8)), providertest.Authentication("otp", at(2)), providertest.Authentication("recovery", at(9))}, at(2), at(9)},
	} {
		l := &assurance.Login{Subject: "u1", Authentications: tt.proofs}
		if got := l.AuthTime(); !got.Equal(tt.want) {
			t.Errorf("%s: auth_time %v, want %v", tt.name, got, tt.want)
		}
		if got := l.LastAuthentication(); !got.Equal(tt.last) {
			t.Errorf("%s: last proof %v, want %v", tt.name, got, tt.last)
		}
	}
}

// TestAMR: what each of the factors has earned, and mfa for two of them. The table of product.md, and a kind of its own.
func TestAMR(t *testing.T) {
	for _, tt := range []struct{ methods, want string }{
		{"", ""},
		{"pwd", "pwd"},
		{"pwd otp", "pwd otp mfa"},
		{"otp pwd", "pwd otp mfa"},
		{"pwd recovery", "pwd mfa"},
		{"pwd recovery otp", "pwd otp mfa"},
		{"pwd key", "pwd hwk mfa"},
		{"pwd key otp", "pwd hwk otp mfa"},
		{"otp", "otp"},
	} {
		l := &assurance.Login{Subject: "u1"}
		for _, method := range strings.Fields(tt.methods) {
			l.Authentications = append(l.Authentications, providertest.Authentication(method, time.Unix(1, 0)))
		}
		if got := strings.Join(l.AMR(), " "); got != tt.want {
			t.Errorf("%q: amr %q, want %q", tt.methods, got, tt.want)
		}
	}
}

// TestAddIsOfASecondFactor: no proof becomes a password, and none is another user's.
func TestAddIsOfASecondFactor(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, p := range []providertest.Proof{
		{Of: "u1", By: assurance.MethodPassword, At: at}, {Of: "u1", At: at},
		{Of: "u2", By: providertest.MethodOTP, At: at}, {By: providertest.MethodOTP, At: at},
	} {
		l := assurance.PasswordLogin("u1", 0, time.Unix(1, 0))
		if err := l.Add(p); err == nil || len(l.Authentications) != 1 {
			t.Errorf("Add of %+v: %v, and the login is %+v", p, err, l)
		}
	}
}

// TestSealedStaysWithTheLogin: what allows a change of the factors is for the pages, and no client's tokens keep it.
func TestSealedStaysWithTheLogin(t *testing.T) {
	l := providertest.Login(providertest.MethodOTP, providertest.MethodKey)
	if got := l.Sealed(); len(got) != 2 || string(got[0]) != "sealed otp" || string(got[1]) != "sealed key" {
		t.Errorf("the login has %q sealed, want that of both factors", got)
	}
	told := l.Told(assurance.Demand{}, time.Unix(1002, 0))
	if len(told.SecondFactors()) != 2 {
		t.Fatalf("told is %+v, want both factors", told)
	}
	for _, sealed := range told.Sealed() {
		if sealed != nil {
			t.Errorf("the client is told of %q", sealed)
		}
	}
	if got := l.Clone().Sealed(); len(got) != 2 || got[0] == nil {
		t.Errorf("a copy of the login has %q sealed", got)
	}
}
