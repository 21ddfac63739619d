package main

import (
	"vestibule/config"
	"vestibule/mfa"
)

// policyOf is the policy that the settings make.
func policyOf(c config.Config) mfa.Policy {
	return mfa.Policy{
		TwoSteps: mfa.Strength(c.TwoSteps), From: c.TwoStepsFrom, Groups: c.TwoStepsGroups, ReportOnly: c.TwoStepsReportOnly,
		PhishingResistantGroups: c.PhishingResistantGroups,
		NewCodes:                c.CodesAfterRecovery == "require",
	}
}
