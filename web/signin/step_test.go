package signin

import "testing"

func TestNext(t *testing.T) {
	in := facts{known: true, password: true, recent: true}
	with := func(change func(*facts)) facts {
		f := in
		change(&f)
		return f
	}
	for _, tt := range []struct {
		name  string
		facts facts
		want  step
	}{
		{"nobody", facts{}, stepLogin},
		{"nobody, whatever else", facts{password: true, second: true, consent: true}, stepLogin},
		{"password, no authenticator", in, stepDone},
		{"password too old", facts{known: true}, stepLogin},
		{"password too old, code fresh", facts{known: true, second: true}, stepLogin},
		{"authenticator", with(func(f *facts) { f.enrolled = true }), stepFactor},
		{"authenticator, consent owed too", with(func(f *facts) { f.enrolled, f.consent = true, true }), stepFactor},
		{"authenticator, wish", with(func(f *facts) { f.enrolled, f.setupRequested = true, true }), stepFactor},
		{"authenticator, password long ago", with(func(f *facts) { f.enrolled, f.passwordTooOldForCode = true, true }), stepLogin},
		{"recovery code that is too little, password long ago", with(func(f *facts) {
			f.second, f.twoSteps, f.belowRequiredLevel, f.passwordTooOldForCode = true, true, true, true
		}), stepLogin},
		{"code given, password long ago", with(func(f *facts) { f.second, f.passwordTooOldForCode = true, true }), stepDone},
		{"no authenticator, password long ago", with(func(f *facts) { f.passwordTooOldForCode = true }), stepDone},
		{"code given", with(func(f *facts) { f.second, f.enrolled = true, true }), stepDone},
		{"two steps demanded, none there", with(func(f *facts) { f.twoSteps = true }), stepSetup},
		{"two steps demanded, none there, password of this morning", with(func(f *facts) { f.twoSteps, f.recent = true, false }), stepLogin},
		{"two steps demanded and there", with(func(f *facts) { f.twoSteps, f.enrolled = true, true }), stepFactor},
		{"two steps demanded and given", with(func(f *facts) { f.twoSteps, f.second = true, true }), stepDone},
		{"account to be chosen", with(func(f *facts) { f.accountChoice, f.second = true, true }), stepContinue},
		{"account to be chosen, password old", facts{known: true, accountChoice: true}, stepContinue},
		{"recovery code used", with(func(f *facts) { f.second, f.used, f.consent = true, true, true }), stepUsed},
		{"wish after a recovery code", with(func(f *facts) { f.second, f.used, f.setupRequested = true, true, true }), stepSetup},
		{"policy, none there", with(func(f *facts) { f.obliged = true }), stepSetup},
		{"policy, none there, password of this morning", with(func(f *facts) { f.obliged, f.recent = true, false }), stepLogin},
		{"policy, but there is one", with(func(f *facts) { f.obliged, f.enrolled = true, true }), stepFactor},
		{"policy, and given", with(func(f *facts) { f.obliged, f.second = true, true }), stepDone},
		{"policy to come", with(func(f *facts) { f.notice, f.consent = true, true }), stepNotice},
		{"policy to come, wish", with(func(f *facts) { f.notice, f.setupRequested = true, true }), stepSetup},
		{"new codes owed", with(func(f *facts) { f.second, f.codesOwed, f.consent = true, true, true }), stepUsed},
		{"new codes owed, wish", with(func(f *facts) { f.second, f.codesOwed, f.setupRequested = true, true, true }), stepSetup},
		{"remembered browser", with(func(f *facts) { f.enrolled, f.remembered = true, true }), stepDone},
		{"remembered browser, password long ago", with(func(f *facts) { f.enrolled, f.remembered, f.passwordTooOldForCode = true, true, true }), stepDone},
		{"remembered browser, password too old", facts{known: true, enrolled: true, remembered: true}, stepLogin},
		{"remembered browser, two steps demanded", with(func(f *facts) { f.enrolled, f.remembered, f.twoSteps = true, true, true }), stepFactor},
		{"remembered browser, policy of the app", with(func(f *facts) { f.enrolled, f.remembered, f.obliged = true, true, true }), stepFactor},
		{"remembered browser, wish", with(func(f *facts) { f.enrolled, f.remembered, f.setupRequested = true, true, true }), stepFactor},
		{"remembered browser, no authenticator any more, two steps demanded", with(func(f *facts) { f.remembered, f.twoSteps = true, true }), stepSetup},
		{"recovery code that is too little", with(func(f *facts) { f.second, f.twoSteps, f.belowRequiredLevel = true, true, true }), stepFactor},
		{"such a one just now", with(func(f *facts) {
			f.second, f.twoSteps, f.belowRequiredLevel, f.recoveryJustGiven = true, true, true, true
		}), stepSetup},
		{"such a one just now, and not told", with(func(f *facts) {
			f.second, f.twoSteps, f.belowRequiredLevel, f.recoveryJustGiven, f.used = true, true, true, true, true
		}), stepUsed},
		{"consent", with(func(f *facts) { f.consent = true }), stepConsent},
	} {
		if got := next(tt.facts); got != tt.want {
			t.Errorf("%s: next(%+v) = %v, want %v", tt.name, tt.facts, got, tt.want)
		}
	}
}

// TestNextNeverSkips tries every combination of facts against what must never happen.
func TestNextNeverSkips(t *testing.T) {
	for bits := range 1 << 17 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		f := facts{on(0), on(1), on(2), on(3), on(4), on(5), on(6), on(7), on(8), on(9), on(10), on(11), on(12), on(13), on(14), on(15), on(16)}
		got := next(f)
		demanded := f.twoSteps || f.obliged || f.setupRequested
		code := f.enrolled && !f.second && (!f.remembered || demanded)
		if got.signedIn() && (!f.known || f.accountChoice || !f.password || code || f.second && f.belowRequiredLevel && !f.recoveryJustGiven) {
			t.Errorf("next(%+v) = %v lets somebody in", f, got)
		}
		if got == stepFactor && f.passwordTooOldForCode {
			t.Errorf("next(%+v) has a code compared with an old password", f)
		}
		if got == stepSetup && !f.second && !f.recent {
			t.Errorf("next(%+v) lets an old session enrol", f)
		}
		if got == stepDone && (demanded && !f.second || f.consent || f.used || f.setupRequested || f.codesOwed || f.notice || f.second && f.belowRequiredLevel) {
			t.Errorf("next(%+v) = %v leaves something out", f, got)
		}
	}
}
