package assurance

import (
	"errors"
	"slices"
	"time"
)

// Demand is what the client asks of the sign-in, parsed once (OIDC Core 3.1.2.1).
type Demand struct {
	PromptNone          bool          `json:"prompt_none,omitempty"`           // prompt=none
	PromptLogin         bool          `json:"prompt_login,omitempty"`          // prompt=login or max_age=0
	PromptConsent       bool          `json:"prompt_consent,omitempty"`        // prompt=consent
	PromptSelectAccount bool          `json:"prompt_select_account,omitempty"` // prompt=select_account
	HasMaxAge           bool          `json:"has_max_age,omitempty"`
	MaxAge              time.Duration `json:"max_age,omitempty"`       // whole seconds
	Names               []ACRName     `json:"names,omitempty"`         // that the client asks with and that are known, in its order
	PreferredACR        string        `json:"preferred_acr,omitempty"` // what the client prefers: the level of the first name
	EssentialACR        string        `json:"essential_acr,omitempty"` // essential: an error will do, a lower level will not
	WeakRecovery        bool          `json:"weak_recovery,omitempty"` // a recovery code does not reach LevelTwo
	LoginHint           string        `json:"login_hint,omitempty"`
	UILocales           string        `json:"ui_locales,omitempty"` // languages that the pages should speak, the best first, separated by spaces
	Subject             string        `json:"subject,omitempty"`    // from id_token_hint or claims: only this user will do
	RequestedAt         time.Time     `json:"requested_at"`

	// NewLogin has the user prove all anew, whatever the browser's session has proved, unless that is the session with the sid
	// ExceptFrom, whose proofs are as good as if they were given here: they are held against the rest of the demand. It is for
	// an engine that dates a sign-in by when it ended.
	NewLogin   bool   `json:"new_login,omitempty"`
	ExceptFrom string `json:"except_from,omitempty"`

	// Not the request's wishes, but what Interaction.Required adds to them.
	Policy string `json:"-"` // the level that nobody gets through without, since the app or another rule obliges to it
	Waived bool   `json:"-"` // the user does not care to reach PreferredACR
}

// ACRName is a name that a client has for a level.
type ACRName struct {
	Name  string `json:"name"`
	Level string `json:"level"`
}

// Wanted is the level that the client wants, as far as the user has not refused that or cannot.
func (d Demand) Wanted() string {
	if d.Waived {
		return d.EssentialACR
	}
	return Higher(d.EssentialACR, d.PreferredACR)
}

// TwoSteps reports whether the client wants a second factor.
func (d Demand) TwoSteps() bool {
	return Rank(d.Wanted()) >= Rank(LevelTwo)
}

// Level is what the login must reach: what the client wants, and what the policy asks for.
func (d Demand) Level() string { return Higher(d.Wanted(), d.Policy) }

// Waivable reports whether a user who does not reach Level may go on with less: the client only prefers it, and the
// policy does not ask for it. Waived says that the user did.
func (d Demand) Waivable() bool {
	floor := Higher(d.EssentialACR, d.Policy)
	return Rank(floor) < Rank(LevelTwo) || Rank(floor) < Rank(d.Level())
}

// ErrorUnmet is what a client hears when the user cannot or will not reach the level that is essential to it.
const ErrorUnmet = "unmet_authentication_requirements"

// ErrUnknownACR reports that one of some names or methods is essential to a client, and none of them is known.
var ErrUnknownACR = errors.New("no value of the essential claim acr or amr is known")

// Ask adds the level that the client asks for with these names, in its order of preference; own are its own names of levels,
// nil for none. Names that are not known are left out. If the level is essential, the lowest of them will do, and
// ErrUnknownACR reports that there is none.
func (d *Demand) Ask(l Levels, own map[string][]string, names []string, essential bool) error {
	for _, name := range names {
		known := slices.ContainsFunc(d.Names, func(n ACRName) bool { return n.Name == name })
		if level := l.meaning(own, name); level != "" && !known {
			d.Names = append(d.Names, ACRName{name, level})
		}
	}
	switch {
	case len(d.Names) > 0:
		d.PreferredACR = d.Names[0].Level
	case essential:
		return ErrUnknownACR
	}
	if essential {
		d.EssentialACR = slices.MinFunc(d.Names, func(a, b ACRName) int { return Rank(a.Level) - Rank(b.Level) }).Level
	}
	return nil
}

// Means reports whether the names that the client asks with still mean the levels that they meant when it asked; own are its
// own names now, nil for none.
func (d Demand) Means(l Levels, own map[string][]string) bool {
	return !slices.ContainsFunc(d.Names, func(n ACRName) bool { return l.meaning(own, n.Name) != n.Level })
}

// methodLevels are the levels that the methods show (RFC 8176) which can be in an amr: the lowest that has the method.
var methodLevels = map[string]string{
	"pwd": LevelOne, "mfa": LevelTwo, "otp": LevelTwo,
	"hwk": LevelPhishingResistant, "swk": LevelPhishingResistant, "user": LevelPhishingResistant,
}

// levelOf returns the level of a login that shows all of the methods, or "" if there can be none.
func (l Levels) levelOf(methods []string) string {
	level := ""
	for _, method := range methods {
		one := methodLevels[method]
		if !slices.Contains(l.reachable(), one) {
			return ""
		}
		level = Higher(level, one)
	}
	return level
}

// askMethods adds the level that the client asks for by the methods that it wants to see in amr, any of these lists, in its
// order of preference. If they are essential, the lowest level of them will do, and ErrUnknownACR reports that there is
// none. What was asked for by acr holds as well.
func (d *Demand) askMethods(l Levels, lists [][]string, essential bool) error {
	var levels []string
	for _, methods := range lists {
		if level := l.levelOf(methods); level != "" {
			levels = append(levels, level)
		}
	}
	switch {
	case len(levels) > 0:
		d.PreferredACR = Higher(d.PreferredACR, levels[0])
	case essential:
		return ErrUnknownACR
	}
	if essential {
		d.EssentialACR = Higher(d.EssentialACR, slices.MinFunc(levels, func(a, b string) int { return Rank(a) - Rank(b) }))
	}
	return nil
}

// Fresh reports whether a proof of that time is recent enough for the demand: not from before the request
// for prompt=login and max_age=0, and not longer ago than max_age, counted in whole seconds as
// relying parties count (OIDC Core 3.1.2.1).
func (d Demand) Fresh(at, now time.Time) bool {
	if d.PromptLogin && at.Before(d.RequestedAt) {
		return false
	}
	return !d.HasMaxAge || !at.Before(d.RequestedAt) || now.Unix()-at.Unix() <= int64(d.MaxAge/time.Second)
}
