package main

import (
	"vestibule/config"
	"vestibule/mfa"
)

// policyOf is the policy that the settings make.
func policyOf(c config.Config) mfa.Policy {
	return mfa.Policy{
		TwoSteps: c.TwoSteps, From: c.TwoStepsFrom, Groups: c.TwoStepsGroups, ReportOnly: c.TwoStepsReportOnly,
		NewCodes: c.CodesAfterRecovery == "require",
	}
}
