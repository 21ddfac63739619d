package signin

import (
	"context"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/web/browser"
)

// began is when the sign-ins of the tests of decide began.
var began = time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)

// ago is a proof of so long before the sign-in began.
func ago(method string, d time.Duration) assurance.Authentication {
	return assurance.Authentication{Method: method, Time: began.Add(-d), AMR: []string{method}}
}

// keeps is a store in which ana's browser has been remembered for five minutes.
type keeps struct{ browser.RememberedStore }

func (keeps) Browser(context.Context, []byte, time.Time) (interaction.Browser, error) {
	return interaction.Browser{Subject: "s-ana", Created: began.Add(-5 * time.Minute)}, nil
}

// deciderFor decides for ana, who has an authenticator of each of the kinds.
func deciderFor(t *testing.T, kinds ...string) decider {
	t.Helper()
	now := func() time.Time { return began.Add(time.Second) }
	memory := mfatest.New()
	for i, kind := range kinds {
		if err := memory.Add(t.Context(), int64(i), mfa.Authenticator{ID: kind, Subject: "s-ana", Name: kind, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	return decider{
		factors:  &mfa.Service{Store: memory, Kinds: []mfa.Kind{totp.Kind{}, mfatest.Key{}}, Now: now},
		browsers: &browser.Remembered{Store: keeps{}, For: time.Hour, Now: now}, now: now,
	}
}

// TestDecide: what is found out of a sign-in says what is true of it, each where another check would hide that it does not.
func TestDecide(t *testing.T) {
	const app, key, recovery = totp.Name, "key", assurance.MethodRecovery
	pwd := ago(assurance.MethodPassword, 5*time.Minute)
	reauth := assurance.Demand{HasMaxAge: true, MaxAge: reauthTime}
	resistant := assurance.Demand{EssentialACR: assurance.LevelPhishingResistant}
	for _, tt := range []struct {
		name   string
		kinds  []string
		demand assurance.Demand
		proved []assurance.Authentication
		state  flowState
		want   step
		spared bool // the code, by the browser
	}{
		{"remembered browser", []string{app}, assurance.Demand{}, []assurance.Authentication{pwd},
			flowState{}, stepDone, true},
		{"remembered browser, but its user has to prove to be there", []string{app}, reauth, []assurance.Authentication{pwd},
			flowState{ownState: ownState{Reauth: true}}, stepFactor, false},
		{"remembered browser, but its user wants to set something up", []string{app}, assurance.Demand{}, []assurance.Authentication{pwd},
			flowState{setupState: setupState{SetupRequested: app}}, stepFactor, false},
		{"somebody else than the client asks for", []string{app}, assurance.Demand{Subject: "s-ben"}, []assurance.Authentication{pwd, ago("otp", time.Minute)},
			flowState{}, stepLogin, false},
		{"wish, with a code of a moment ago", []string{app}, assurance.Demand{}, []assurance.Authentication{pwd, ago("otp", 9*time.Minute)},
			flowState{setupState: setupState{SetupRequested: app}}, stepSetup, false},
		{"wish, with a code of before", []string{app}, assurance.Demand{}, []assurance.Authentication{pwd, ago("otp", 11*time.Minute)},
			flowState{setupState: setupState{SetupRequested: app}}, stepFactor, false},
		{"code in place of a password of today", []string{app}, reauth, []assurance.Authentication{ago(assurance.MethodPassword, passwordTime-time.Minute), ago("otp", time.Minute)},
			flowState{ownState: ownState{Reauth: true}}, stepDone, false},
		{"code in place of a password of yesterday", []string{app}, reauth, []assurance.Authentication{ago(assurance.MethodPassword, passwordTime), ago("otp", time.Minute)},
			flowState{ownState: ownState{Reauth: true}}, stepLogin, false},
		{"key that is missing, with a code of a moment ago", []string{app}, resistant, []assurance.Authentication{pwd, ago("otp", 9*time.Minute)},
			flowState{}, stepSetup, false},
		{"key that is missing, with a code of before", []string{app}, resistant, []assurance.Authentication{pwd, ago("otp", 11*time.Minute)},
			flowState{}, stepFactor, false},
		{"key that is not given, with a recovery code of this sign-in", []string{app, key}, resistant, []assurance.Authentication{pwd, ago(recovery, 0)},
			flowState{}, stepSetup, false},
		{"key that is not given, with a recovery code of another sign-in", []string{app, key}, resistant, []assurance.Authentication{pwd, ago(recovery, time.Minute)},
			flowState{}, stepFactor, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fl := &flow{ix: &interaction.Interaction{Demand: tt.demand, Created: began, FirstParty: true}, state: tt.state, rememberToken: []byte("hash")}
			fl.ix.Login = &assurance.Login{Subject: "s-ana", Session: "sid", Authentications: tt.proved}
			d, err := deciderFor(t, tt.kinds...).decide(t.Context(), fl)
			if err != nil || d.owed != tt.want || d.remembered != tt.spared {
				t.Errorf("decide = step %d, spared the code: %v, %v; want step %d, %v", d.owed, d.remembered, err, tt.want, tt.spared)
			}
		})
	}
}
