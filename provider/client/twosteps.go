package client

import (
	"slices"

	"vestibule/provider/assurance"
)

// TwoSteps is what a client asks of all its users.
type TwoSteps string

// What a client may ask of its users, the least first.
const (
	TwoStepsOptional          TwoSteps = ""
	TwoStepsRequired          TwoSteps = "required"           // a second factor
	TwoStepsPhishingResistant TwoSteps = "phishing-resistant" // one that reaches LevelPhishingResistant
)

// IsKnown reports whether t is one of the above.
func (t TwoSteps) IsKnown() bool {
	return slices.Contains([]TwoSteps{TwoStepsOptional, TwoStepsRequired, TwoStepsPhishingResistant}, t)
}

// Level is the level that the users must reach; "" if any will do. A word that is not known asks for the highest: what
// nobody can read must not let anybody in.
func (t TwoSteps) Level() string {
	switch t {
	case TwoStepsOptional:
		return ""
	case TwoStepsRequired:
		return assurance.LevelTwo
	}
	return assurance.LevelPhishingResistant
}
