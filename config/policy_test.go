package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTwoSteps(t *testing.T) {
	january, march := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	for value, want := range map[string][]TwoSteps{
		"optional":                                      {},
		"required":                                      {{Must: "required"}},
		" required ":                                    {{Must: "required"}},
		"required after 2027-01-31":                     {{"required", january}},
		"optional, required after 2027-01-31":           {{"required", january}},
		"phishing-resistant":                            {{Must: "phishing-resistant"}},
		"phishing-resistant after 2027-01-31":           {{"phishing-resistant", january}},
		"required  after  2027-01-31T18:00:00+01:00":    {{"required", january.Add(17 * time.Hour)}},
		"required, phishing-resistant after 2027-03-01": {{Must: "required"}, {"phishing-resistant", march}},
		"phishing-resistant after 2027-03-01,required":  {{Must: "required"}, {"phishing-resistant", march}},
		"required after 2027-01-31\nphishing-resistant after 2027-03-01\n":         {{"required", january}, {"phishing-resistant", march}},
		"phishing-resistant after 2027-03-01, optional, required after 2027-01-31": {{"required", january}, {"phishing-resistant", march}},
	} {
		c := Config{TwoSteps: []TwoSteps{{"required", time.Unix(1, 0)}}} // of the file; the flag wins
		if err := twoSteps(&c, value); err != nil || !slices.Equal(c.TwoSteps, want) {
			t.Errorf("two_steps %q: %v, %v; want %v", value, c.TwoSteps, err, want)
		}
	}
}

// TestTwoStepsFaults: whoever writes what cannot be meant is told what to do.
func TestTwoStepsFaults(t *testing.T) {
	for value, want := range map[string]string{
		"":                           "should be optional, required or phishing-resistant",
		" , ":                        "should be optional, required or phishing-resistant",
		"yes":                        "should be optional, required or phishing-resistant",
		"phishing-resistant after":   "should be optional, required or phishing-resistant",
		"required after":             "should be optional, required or phishing-resistant",
		"required before 2027-01-31": "should be optional, required or phishing-resistant",
		"required after 2027-01-31 phishing-resistant":                   "should be optional, required or phishing-resistant",
		"required after tomorrow":                                        "tomorrow is not a date; write it like 2027-01-31",
		"required, phishing-resistant after 2027-02-30":                  "2027-02-30 is not a date; write it like 2027-01-31",
		"optional after 2027-01-31":                                      "rules can only become stricter, so take that one out",
		"required, optional after 2027-01-31":                            "rules can only become stricter, so take that one out",
		"required, required after 2027-01-31":                            "says required twice; keep the one that holds first",
		"required, required":                                             "says required twice",
		"required, phishing-resistant":                                   "has two rules without a date, required and phishing-resistant; keep one of them, or give the stricter one a date",
		"optional, required":                                             "has two rules without a date, optional and required",
		"phishing-resistant, required after 2027-01-31":                  "asks with required after 2027-01-31 for less than with phishing-resistant, which holds by then; take it out",
		"phishing-resistant after 2027-01-31, required after 2027-03-01": "asks with required after 2027-03-01 for less",
		"phishing-resistant after 2027-01-31, required after 2027-01-31": "from the same time on; keep the stricter one",
	} {
		if err := twoSteps(&Config{}, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("two_steps %q: %v, want %q", value, err, want)
		}
	}
}

// TestTwoStepsList: the file may have a list, as for other settings with commas.
func TestTwoStepsList(t *testing.T) {
	path := write(t, "issuer: "+testIssuer+"\nsecret_keys: "+testKey+"\ntwo_steps:\n- required\n- phishing-resistant after 2027-03-01\n")
	c, err := Load(path, nil, nil)
	if err != nil || len(c.TwoSteps) != 2 || c.TwoSteps[0].Must != "required" || c.TwoSteps[1].Must != "phishing-resistant" {
		t.Errorf("Load = %v, %v", c.TwoSteps, err)
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
