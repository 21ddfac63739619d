package audit_test

import (
	"testing"

	"vestibule/provider/audit"
)

// TestProofEvents: what operators search their logs for is called as it ever was, and a new kind of authenticator has its
// events by its name alone.
func TestProofEvents(t *testing.T) {
	for _, tt := range []struct{ factor, ok, failed, locked string }{
		{"password", audit.EventPassword, audit.EventPasswordFailed, audit.EventPasswordLocked},
		{"totp", audit.EventTOTP, audit.EventTOTPFailed, audit.EventTOTPLocked},
		{"recovery", audit.EventRecoveryUsed, audit.EventRecoveryFailed, audit.EventRecoveryLocked},
		{"key", "auth.key.ok", "auth.key.failed", "auth.key.locked"},
	} {
		for kind, want := range map[string]struct{ made, result string }{
			tt.ok:     {audit.Proved(tt.factor), audit.ResultOK},
			tt.failed: {audit.ProofFailed(tt.factor), audit.ResultFailed},
			tt.locked: {audit.ProofLocked(tt.factor), audit.ResultLocked},
		} {
			if want.made != kind {
				t.Errorf("the event of %s, %s, is %s, want %s", tt.factor, want.result, want.made, kind)
			}
			factor, result, ok := audit.Proof(kind)
			if factor != tt.factor || result != want.result || !ok {
				t.Errorf("Proof(%s) = %s, %s, %v, want %s, %s", kind, factor, result, ok, tt.factor, want.result)
			}
		}
	}
	for _, kind := range []string{
		"", "auth", "auth.totp", "auth.totp.ok.again", "auth.recovery.ok", "auth.totp.refused", audit.EventSignedIn, audit.EventFactorAdded, audit.EventAdminReset,
	} {
		if factor, result, ok := audit.Proof(kind); ok {
			t.Errorf("Proof(%q) = %s, %s, want none", kind, factor, result)
		}
	}
}
