package assurance_test

import (
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/providertest"
)

// TestPolicyIsHeldAtTheEnd: whatever the pages do, a login of one step does not satisfy a demand of the policy, and no
// wish of the client changes that.
func TestPolicyIsHeldAtTheEnd(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	one := assurance.PasswordLogin("ana", 0, now)
	code, recovered := one.Clone(), one.Clone()
	code.Authentications = append(code.Authentications, providertest.Authentication(providertest.MethodOTP, now))
	recovered.Authentications = append(recovered.Authentications, providertest.Authentication(assurance.MethodRecovery, now))
	for name, tt := range map[string]struct {
		login  *assurance.Login
		demand assurance.Demand
		want   bool
	}{
		"one step, no policy":                   {one, assurance.Demand{}, true},
		"one step":                              {one, assurance.Demand{Policy: assurance.LevelTwo}, false},
		"one step, silent":                      {one, assurance.Demand{Policy: assurance.LevelTwo, PromptNone: true}, false},
		"a code":                                {code, assurance.Demand{Policy: assurance.LevelTwo}, true},
		"a recovery code":                       {recovered, assurance.Demand{Policy: assurance.LevelTwo}, true},
		"a recovery code, which does not count": {recovered, assurance.Demand{Policy: assurance.LevelTwo, WeakRecovery: true}, false},
		"a recovery code, which does not count, no policy": {recovered, assurance.Demand{WeakRecovery: true}, true},
		"a code, recovery codes do not count":              {code, assurance.Demand{Policy: assurance.LevelTwo, WeakRecovery: true}, true},
		"a code before prompt=login":                       {code, assurance.Demand{Policy: assurance.LevelTwo, PromptLogin: true, RequestedAt: now.Add(time.Second)}, false},
	} {
		if got := tt.login.Satisfies(tt.demand, now); got != tt.want {
			t.Errorf("%s: Satisfies = %v, want %v", name, got, tt.want)
		}
	}
}
