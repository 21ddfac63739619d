package assurance_test

import (
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/providertest"
)

// TestLevelMatrix tries every level that a client can ask for, by every name of it, essential or not, against every login:
// what is essential is reached or refused, what is told is what was proved, and a level that nobody reaches is not known.
func TestLevelMatrix(t *testing.T) {
	now := time.Unix(1002, 0)
	own := client.Client{ACRNames: map[string][]string{"aal1": {"bronze"}, "aal2": {"gold"}, "phr": {"platinum"}}}
	names := map[string][]string{
		"aal1": {"aal1", "1", "bronze"}, "aal2": {"aal2", "2", refeds, "gold"},
		"phr": {"phr", "3", "http://schemas.openid.net/pape/policies/2007/06/phishing-resistant", "platinum"},
	}
	logins := []struct {
		login *assurance.Login
		level string // with recovery codes that count
		weak  string // and without
	}{
		{providertest.Login(), "aal1", "aal1"}, {providertest.Login("recovery"), "aal2", "aal1"}, {providertest.Login("otp"), "aal2", "aal2"},
		{providertest.Login("key"), "phr", "phr"}, {providertest.Login("otp", "key"), "phr", "phr"}, {providertest.Login("recovery", "key"), "phr", "phr"},
	}
	for _, l := range []assurance.Levels{{}, {PhishingResistant: true}, {WeakRecovery: true, PhishingResistant: true}} {
		for asked, all := range names {
			for _, name := range all {
				for _, essential := range []bool{false, true} {
					d, err := l.Demand(own.ACRNames, []string{name}, essential)
					known := asked != "phr" || l.PhishingResistant
					if (err != nil) != (essential && !known) || (len(d.Names) == 1) != known {
						t.Errorf("%+v: %s, essential %v: %+v, %v", l, name, essential, d, err)
					}
					for _, in := range logins {
						level := in.level
						if l.WeakRecovery {
							level = in.weak
						}
						enough := assurance.Rank(level) >= assurance.Rank(asked)
						if got := l.Level(in.login); got != level {
							t.Errorf("%+v: %+v reaches %q, want %q", l, in.login, got, level)
						}
						if known && in.login.Satisfies(d, now) != enough && !(asked == "aal1") {
							t.Errorf("%+v: %s, essential %v: %+v satisfies: %v", l, name, essential, in.login, !enough)
						}
						want := own.ACRNames[level][0]
						if known && enough {
							want = name
						}
						if got := l.ACR(own.ACRNames, d, in.login); got != want {
							t.Errorf("%+v: %s, essential %v: %+v is told as %q, want %q", l, name, essential, in.login, got, want)
						}
					}
				}
			}
		}
	}
}

// TestLevelsInOrder: of several levels the first is preferred, the lowest is essential, and whoever refuses what is only
// preferred is held to that.
func TestLevelsInOrder(t *testing.T) {
	now := time.Unix(1002, 0)
	l := assurance.Levels{PhishingResistant: true}
	for _, tt := range []struct {
		asked     []string
		essential bool
		waived    bool
		policy    string
		level     string // that must be reached
		waivable  bool
	}{
		{[]string{"phr", "aal2"}, false, false, "", "phr", true},
		{[]string{"phr", "aal2"}, true, false, "", "phr", true},
		{[]string{"phr", "aal2"}, true, true, "", "aal2", false},
		{[]string{"aal2", "phr"}, true, false, "", "aal2", false},
		{[]string{"phr"}, true, true, "", "phr", false},
		{[]string{"phr"}, false, true, "", "", true},
		{[]string{"phr"}, false, true, "aal2", "aal2", false},
		{[]string{"phr"}, false, false, "aal2", "phr", true},
		{[]string{"aal1"}, true, false, "phr", "phr", false},
	} {
		d, err := l.Demand(nil, tt.asked, tt.essential)
		d.Waived, d.Policy = tt.waived, tt.policy
		if err != nil || d.Level() != tt.level || d.Waivable() != tt.waivable {
			t.Errorf("%+v: level %q, waivable %v, %v", tt, d.Level(), d.Waivable(), err)
		}
		for level, login := range map[string]*assurance.Login{"aal2": providertest.Login("otp"), "phr": providertest.Login("key")} {
			if got := login.Satisfies(d, now); got != (assurance.Rank(level) >= assurance.Rank(tt.level)) {
				t.Errorf("%+v: a login of %s satisfies: %v", tt, level, got)
			}
		}
	}
}
