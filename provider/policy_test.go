package provider_test

import (
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/client"
)

// TestPolicyIsHeldAtTheEnd: whatever the pages do, a login of one step does not satisfy a demand of the policy, and no
// wish of the client changes that.
func TestPolicyIsHeldAtTheEnd(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	one := provider.PasswordLogin("ana", 0, now)
	code, recovered := one.Clone(), one.Clone()
	code.Authentications = append(code.Authentications, authentication(methodOTP, now))
	recovered.Authentications = append(recovered.Authentications, authentication(provider.MethodRecovery, now))
	for name, tt := range map[string]struct {
		login  *provider.Login
		demand provider.Demand
		want   bool
	}{
		"one step, no policy":                   {one, provider.Demand{}, true},
		"one step":                              {one, provider.Demand{Policy: client.LevelTwo}, false},
		"one step, silent":                      {one, provider.Demand{Policy: client.LevelTwo, PromptNone: true}, false},
		"a code":                                {code, provider.Demand{Policy: client.LevelTwo}, true},
		"a recovery code":                       {recovered, provider.Demand{Policy: client.LevelTwo}, true},
		"a recovery code, which does not count": {recovered, provider.Demand{Policy: client.LevelTwo, WeakRecovery: true}, false},
		"a recovery code, which does not count, no policy": {recovered, provider.Demand{WeakRecovery: true}, true},
		"a code, recovery codes do not count":              {code, provider.Demand{Policy: client.LevelTwo, WeakRecovery: true}, true},
		"a code before prompt=login":                       {code, provider.Demand{Policy: client.LevelTwo, PromptLogin: true, RequestedAt: now.Add(time.Second)}, false},
	} {
		if got := tt.login.Satisfies(tt.demand, now); got != tt.want {
			t.Errorf("%s: Satisfies = %v, want %v", name, got, tt.want)
		}
	}
}
