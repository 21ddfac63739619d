package mfa

import (
	"slices"
	"time"
)

// Policy is who must have a second factor, and what follows from that. The zero value obliges nobody; an app may
// still oblige its own users. The strictest rule wins.
type Policy struct {
	TwoSteps   bool      // everybody must
	From       time.Time // of TwoSteps: not before; zero: at once
	Groups     []string  // whose members must, at once
	ReportOnly bool      // record who would have been stopped, and stop nobody
	// NewCodes has whoever used a recovery code, or has none left, make a new set before going on.
	NewCodes bool
}

// Requirement is what a Policy asks of one user.
type Requirement struct {
	Must bool      // have a second factor, now
	From time.Time // from when on the user must; zero if Must, or if no date is set
	Why  string    // "everybody", "the group finance" or "the app shop"; empty if nothing is asked, now or later
}

// App is what a Policy has to know of a client. One without an ID stands for our own pages.
type App struct {
	ID       string
	TwoSteps bool // it lets nobody in without a second factor
}

// For returns what the policy asks of a user in these groups at the app, whatever the user has enrolled. It does not
// look at ReportOnly: that is for whoever enforces.
func (p Policy) For(groups []string, app App, now time.Time) Requirement {
	i := slices.IndexFunc(p.Groups, func(group string) bool { return slices.Contains(groups, group) })
	switch {
	case p.TwoSteps && !now.Before(p.From):
		return Requirement{Must: true, Why: "everybody"}
	case i >= 0:
		return Requirement{Must: true, Why: "the group " + p.Groups[i]}
	case app.TwoSteps:
		return Requirement{Must: true, Why: "the app " + app.ID}
	case p.TwoSteps:
		return Requirement{From: p.From, Why: "everybody"}
	}
	return Requirement{}
}

// AsksGroups reports whether For looks at the groups.
func (p Policy) AsksGroups(now time.Time) bool {
	return len(p.Groups) > 0 && !(p.TwoSteps && !now.Before(p.From))
}

// Stops is why somebody without a second factor is stopped; empty: is not.
func (q Requirement) Stops() string {
	if q.Must {
		return q.Why
	}
	return ""
}
