package web

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
		{"authenticator", with(func(f *facts) { f.enrolled = true }), stepTOTP},
		{"authenticator, consent owed too", with(func(f *facts) { f.enrolled, f.consent = true, true }), stepTOTP},
		{"authenticator, wish", with(func(f *facts) { f.enrolled, f.wish = true, true }), stepTOTP},
		{"authenticator, password long ago", with(func(f *facts) { f.enrolled, f.late = true, true }), stepLogin},
		{"code given, password long ago", with(func(f *facts) { f.second, f.late = true, true }), stepDone},
		{"no authenticator, password long ago", with(func(f *facts) { f.late = true }), stepDone},
		{"code given", with(func(f *facts) { f.second, f.enrolled = true, true }), stepDone},
		{"two steps demanded, none there", with(func(f *facts) { f.twoSteps = true }), stepSetup},
		{"two steps demanded, none there, password of this morning", with(func(f *facts) { f.twoSteps, f.recent = true, false }), stepLogin},
		{"two steps demanded and there", with(func(f *facts) { f.twoSteps, f.enrolled = true, true }), stepTOTP},
		{"two steps demanded and given", with(func(f *facts) { f.twoSteps, f.second = true, true }), stepDone},
		{"account to be chosen", with(func(f *facts) { f.choose, f.second = true, true }), stepContinue},
		{"account to be chosen, password old", facts{known: true, choose: true}, stepContinue},
		{"recovery code used", with(func(f *facts) { f.second, f.used, f.consent = true, true, true }), stepUsed},
		{"wish after a recovery code", with(func(f *facts) { f.second, f.used, f.wish = true, true, true }), stepSetup},
		{"consent", with(func(f *facts) { f.consent = true }), stepConsent},
	} {
		if got := next(tt.facts); got != tt.want {
			t.Errorf("%s: next(%+v) = %v, want %v", tt.name, tt.facts, got, tt.want)
		}
	}
}

// TestNextNeverSkips tries every combination of facts against what must never happen.
func TestNextNeverSkips(t *testing.T) {
	for bits := range 1 << 11 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		f := facts{on(0), on(1), on(2), on(3), on(4), on(5), on(6), on(7), on(8), on(9), on(10)}
		got := next(f)
		if got.signedIn() && (!f.known || f.choose || !f.password || f.enrolled && !f.second) {
			t.Errorf("next(%+v) = %v lets somebody in", f, got)
		}
		if got == stepSetup && !f.second && !f.recent {
			t.Errorf("next(%+v) lets an old session enrol", f)
		}
		if got == stepDone && (f.twoSteps && !f.second || f.consent || f.used || f.wish) {
			t.Errorf("next(%+v) = %v leaves something out", f, got)
		}
	}
}
