package config

import (
	"slices"
	"testing"
	"time"
)

func TestTwoSteps(t *testing.T) {
	for value, want := range map[string]struct {
		on   string
		from time.Time
	}{
		"optional":                            {},
		"required":                            {on: "required"},
		" required ":                          {on: "required"},
		"required after 2027-01-31":           {"required", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
		"phishing-resistant":                  {on: "phishing-resistant"},
		"phishing-resistant after 2027-01-31": {"phishing-resistant", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
		"required  after  2027-01-31T18:00:00+01:00": {"required", time.Date(2027, 1, 31, 17, 0, 0, 0, time.UTC)},
	} {
		c := Config{TwoSteps: "required", TwoStepsFrom: time.Unix(1, 0)} // of the file; the flag wins
		if err := twoSteps(&c, value); err != nil || c.TwoSteps != want.on || !c.TwoStepsFrom.Equal(want.from) {
			t.Errorf("two_steps %q: %q from %v, %v; want %q from %v", value, c.TwoSteps, c.TwoStepsFrom, err, want.on, want.from)
		}
	}
	for _, value := range []string{"", "yes", "phishing-resistant after", "required after", "required after tomorrow", "required before 2027-01-31", "optional after 2027-01-31"} {
		if err := twoSteps(&Config{}, value); err == nil {
			t.Errorf("two_steps %q was accepted", value)
		}
	}
}

func TestPolicySettings(t *testing.T) {
	path := write(t, "issuer: "+testIssuer+"\nsecret_keys: "+testKey+"\ntwo_steps_groups: [staff, finance]\ntwo_steps_report_only: true\n")
	c, err := Load(path, []string{"VESTIBULE_CODES_AFTER_RECOVERY=require"}, map[string]string{"remember-browser": "720h"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.TwoStepsGroups, []string{"staff", "finance"}) || !c.TwoStepsReportOnly || c.CodesAfterRecovery != "require" || c.RememberBrowser != 720*time.Hour {
		t.Errorf("Load = %v, %v, %s, %s", c.TwoStepsGroups, c.TwoStepsReportOnly, c.CodesAfterRecovery, c.RememberBrowser)
	}
}
