package main

import (
	"vestibule/config"
	"vestibule/web"
)

// policyOf is the policy that the settings make.
func policyOf(c config.Config) web.Policy {
	return web.Policy{
		TwoSteps: c.TwoSteps, From: c.TwoStepsFrom, Groups: c.TwoStepsGroups, ReportOnly: c.TwoStepsReportOnly,
		NewCodes: c.CodesAfterRecovery == "require",
	}
}
