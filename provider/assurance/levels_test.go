package assurance_test

import (
	"strings"
	"testing"

	"vestibule/provider/assurance"
	"vestibule/provider/providertest"
)

const (
	refeds = "https://refeds.org/profile/mfa"
	pape   = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
	nist   = "http://idmanagement.gov/ns/assurance/aal/"
)

func TestLevel(t *testing.T) {
	strict := assurance.Levels{WeakRecovery: true}
	for _, tt := range []struct {
		name   string
		ladder assurance.Levels
		login  *assurance.Login
		want   string
	}{
		{"nothing", assurance.Levels{}, &assurance.Login{}, ""},
		{"password", assurance.Levels{}, providertest.Login(), "aal1"},
		{"code", assurance.Levels{}, providertest.Login("otp"), "aal2"},
		{"recovery code", assurance.Levels{}, providertest.Login("recovery"), "aal2"},
		{"recovery code that does not count", strict, providertest.Login("recovery"), "aal1"},
		{"code beside it", strict, providertest.Login("recovery", "otp"), "aal2"},
		{"key", strict, providertest.Login("key"), "phr"},
		{"key beside a code", assurance.Levels{}, providertest.Login("otp", "key"), "phr"},
		{"key beside a recovery code that does not count", strict, providertest.Login("key", "recovery"), "phr"},
	} {
		if got := tt.ladder.Level(tt.login); got != tt.want {
			t.Errorf("%s: level %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What the client is told, by the names that it asked with and those that it has.
func TestACR(t *testing.T) {
	asked := func(names ...string) (d assurance.Demand) {
		for _, pair := range names {
			name, level, _ := strings.Cut(pair, "=")
			d.Names = append(d.Names, assurance.ACRName{Name: name, Level: level})
		}
		return d
	}
	own := map[string][]string{"aal1": {"0"}, "aal2": {"gold", "silver"}}
	for _, tt := range []struct {
		name  string
		own   map[string][]string
		asked assurance.Demand
		login *assurance.Login
		want  string
	}{
		{"nothing asked, one", nil, asked(), providertest.Login(), "aal1"},
		{"nothing asked, two", nil, asked(), providertest.Login("otp"), "aal2"},
		{"own names, nothing asked, one", own, asked(), providertest.Login(), "0"},
		{"own names, nothing asked, two", own, asked(), providertest.Login("otp"), "gold"},
		{"the name that was asked with", nil, asked("2=aal2"), providertest.Login("otp"), "2"},
		{"that beside own ones", own, asked("silver=aal2"), providertest.Login("otp"), "silver"},
		{"the first of two for a level", nil, asked("b=aal2", "a=aal2"), providertest.Login("otp"), "b"},
		{"the highest reached", nil, asked("1=aal1", "2=aal2"), providertest.Login("otp"), "2"},
		{"none above what was reached", nil, asked("2=aal2", "1=aal1"), providertest.Login(), "1"},
		{"asked for less than was reached", nil, asked("1=aal1"), providertest.Login("otp"), "1"},
		{"asked for more than was reached", nil, asked("2=aal2"), providertest.Login(), "aal1"},
		{"the same with own names", own, asked("gold=aal2"), providertest.Login(), "0"},
	} {
		got := assurance.Levels{}.ACR(tt.own, tt.asked, tt.login)
		if got != tt.want {
			t.Errorf("%s: acr %q, want %q", tt.name, got, tt.want)
		}
	}
}
