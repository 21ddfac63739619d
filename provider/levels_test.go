package provider_test

import (
	"strings"
	"testing"
	"time"

	"vestibule/provider"
)

const (
	refeds = "https://refeds.org/profile/mfa"
	pape   = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
	nist   = "http://idmanagement.gov/ns/assurance/aal/"
)

// proof is a second factor of any method.
type proof struct {
	totp
	method string
}

func (p proof) Method() string { return p.method }
func (p proof) AMR() []string  { return earned[p.method] }

// PhishingResistant implements provider.Proof.
func (p proof) PhishingResistant() bool { return p.method == "key" }

func login(methods ...string) *provider.Login {
	l := provider.PasswordLogin("u1", 0, time.Unix(1000, 0))
	for _, method := range methods {
		if err := l.Add(proof{totp{"u1", time.Unix(1001, 0)}, method}); err != nil {
			panic(err)
		}
	}
	return l
}

func TestLevel(t *testing.T) {
	strict := provider.Levels{WeakRecovery: true}
	for _, tt := range []struct {
		name   string
		ladder provider.Levels
		login  *provider.Login
		want   string
	}{
		{"nothing", provider.Levels{}, &provider.Login{}, ""},
		{"password", provider.Levels{}, login(), "aal1"},
		{"code", provider.Levels{}, login("otp"), "aal2"},
		{"recovery code", provider.Levels{}, login("recovery"), "aal2"},
		{"recovery code that does not count", strict, login("recovery"), "aal1"},
		{"code beside it", strict, login("recovery", "otp"), "aal2"},
		{"key", strict, login("key"), "phr"},
		{"key beside a code", provider.Levels{}, login("otp", "key"), "phr"},
		{"key beside a recovery code that does not count", strict, login("key", "recovery"), "phr"},
	} {
		if got := tt.ladder.Level(tt.login); got != tt.want {
			t.Errorf("%s: level %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What the client is told, by the names that it asked with and those that it has.
func TestACR(t *testing.T) {
	asked := func(names ...string) (d provider.Demand) {
		for _, pair := range names {
			name, level, _ := strings.Cut(pair, "=")
			d.Names = append(d.Names, provider.ACRName{Name: name, Level: level})
		}
		return d
	}
	own := map[string][]string{"aal1": {"0"}, "aal2": {"gold", "silver"}}
	for _, tt := range []struct {
		name  string
		own   map[string][]string
		asked provider.Demand
		login *provider.Login
		want  string
	}{
		{"nothing asked, one", nil, asked(), login(), "aal1"},
		{"nothing asked, two", nil, asked(), login("otp"), "aal2"},
		{"own names, nothing asked, one", own, asked(), login(), "0"},
		{"own names, nothing asked, two", own, asked(), login("otp"), "gold"},
		{"the name that was asked with", nil, asked("2=aal2"), login("otp"), "2"},
		{"that beside own ones", own, asked("silver=aal2"), login("otp"), "silver"},
		{"the first of two for a level", nil, asked("b=aal2", "a=aal2"), login("otp"), "b"},
		{"the highest reached", nil, asked("1=aal1", "2=aal2"), login("otp"), "2"},
		{"none above what was reached", nil, asked("2=aal2", "1=aal1"), login(), "1"},
		{"asked for less than was reached", nil, asked("1=aal1"), login("otp"), "1"},
		{"asked for more than was reached", nil, asked("2=aal2"), login(), "aal1"},
		{"the same with own names", own, asked("gold=aal2"), login(), "0"},
	} {
		got := provider.Levels{}.ACR(tt.own, tt.asked, tt.login)
		if got != tt.want {
			t.Errorf("%s: acr %q, want %q", tt.name, got, tt.want)
		}
	}
}
