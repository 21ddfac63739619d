package provider_test

import (
	"testing"

	"vestibule/provider"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/providertest"
)

// TestClientPolicyByStrength: what a client obliges its users to is held before tokens are given.
func TestClientPolicyByStrength(t *testing.T) {
	for strength, least := range map[client.TwoSteps]string{client.TwoStepsOptional: "aal1", client.TwoStepsRequired: "aal2", client.TwoStepsPhishingResistant: "phr"} {
		for level, login := range map[string]*assurance.Login{"aal1": providertest.Login(), "aal2": providertest.Login("otp"), "phr": providertest.Login("key")} {
			got, err := provider.ClientPolicy{}.Enough(t.Context(), client.Client{TwoSteps: strength}, login)
			if err != nil || got != (assurance.Rank(level) >= assurance.Rank(least)) {
				t.Errorf("a client with %q, a login of %s: enough %v, %v", strength, level, got, err)
			}
		}
	}
}
