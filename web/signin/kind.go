package signin

import (
	"context"
	"slices"

	"vestibule/mfa"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// ownKind is a kind of authenticator that the user has.
type ownKind struct {
	Name   string   `json:"name"`
	Params []string `json:"params,omitempty"` // of the user's, if the kind is Open
}

// ownKinds are the kinds of all, the one to ask for first.
func ownKinds(all []mfa.KindParams, usable []mfa.Names) []ownKind {
	var kinds []ownKind
	for _, names := range usable {
		own := ownKind{Name: names.Kind}
		for _, k := range all {
			if names.Open && k.Kind == names.Kind {
				own.Params = append(own.Params, k.Params)
			}
		}
		kinds = append(kinds, own)
	}
	return kinds
}

// kindsAlong is a question for the kinds that somebody has, asked before it was known whose password it is.
type kindsAlong struct {
	subject string
	found   func(context.Context) ([]mfa.KindParams, error) // nil: it was not asked
}

// kindsOf asks for the kinds that the user has. That there are none is never taken from an earlier question: somebody may have
// set one up in the moment since.
func (s decider) kindsOf(ctx context.Context, fl *flow) ([]mfa.KindParams, error) {
	if own := fl.ownKinds; own.found != nil && own.subject == fl.subject() {
		if all, err := own.found(ctx); err != nil || len(all) > 0 {
			return all, err
		}
	}
	return s.factors.KindsOf(ctx, fl.subject())
}

// params are what is known of the user's authenticators without a look into the store.
func (m *codeState) params() []mfa.KindParams {
	var all []mfa.KindParams
	for _, k := range m.Kinds {
		for _, p := range k.Params {
			all = append(all, mfa.KindParams{Kind: k.Name, Params: p})
		}
	}
	return all
}

// proofKinds are the kinds that this sign-in may ask the user for, the one to ask for first: those that reach what is
// asked for, or all if none does. What a weaker one then proves allows the user to set up a stronger one.
func (s *flows) proofKinds(fl *flow) []ui.Kind {
	var all, enough []ui.Kind
	needs := fl.needs()
	if fl.changesFactors() {
		needs = mfa.PhishingResistant
	}
	for _, own := range fl.state.Kinds {
		names, ok := s.MFA.NamesOf(own.Name)
		if !ok {
			continue
		}
		kind := verify.KindOf(names)
		if all = append(all, kind); names.Strength().Meets(needs) {
			enough = append(enough, kind)
		}
	}
	if len(enough) > 0 {
		return enough
	}
	return all
}

// onlyStrongest reports whether some of the user's kinds are not asked for, because the sign-in changes the factors.
func (s *flows) onlyStrongest(fl *flow) bool {
	return fl.changesFactors() && len(s.proofKinds(fl)) < len(fl.state.Kinds)
}

// otherKinds are the ways beside the one at hand.
func (s *flows) otherKinds(fl *flow, than string) []ui.Kind {
	return slices.DeleteFunc(s.proofKinds(fl), func(k ui.Kind) bool { return k.Name == than })
}

// setupKinds are the kinds that the user may set up in this sign-in: what the user wishes, or what reaches what is asked
// for.
func (s *flows) setupKinds(fl *flow) []ui.Kind {
	var kinds []ui.Kind
	for _, names := range s.MFA.Names() {
		if names.Strength().Meets(fl.setupNeeds()) {
			kinds = append(kinds, verify.KindOf(names))
		}
	}
	return kinds
}

// setupNeeds is what the authenticator must be that is set up in this sign-in.
func (fl *flow) setupNeeds() mfa.Strength {
	switch fl.state.SetupRequested {
	case "":
		return fl.needs()
	case setupResistant:
		return mfa.PhishingResistant
	}
	return mfa.Optional
}

// pathOf is the page of a step.
func (s *flows) pathOf(fl *flow, owed step) string {
	switch owed {
	case stepFactor:
		if kinds := s.proofKinds(fl); len(kinds) > 0 {
			return factorPath(kinds[0].Name)
		}
	case stepSetup:
		return s.setupPath(fl)
	}
	return steps[owed].path
}

// factorPath is the page that asks for the kind, or for recovery codes.
func factorPath(kind string) string { return "/login/" + kind }

// setupPath is the page of the set-up: of the only kind, or the one to choose on, which is that of recovery codes as well.
func (s *flows) setupPath(fl *flow) string {
	kinds := s.setupKinds(fl)
	if fl.state.SetupRequested == setupCodes || len(kinds) != 1 {
		return steps[stepSetup].path
	}
	return kindSetupPath(kinds[0].Name)
}

func kindSetupPath(kind string) string { return steps[stepSetup].path + "/" + kind }

// challenge is one that was shown, and may still be answered.
type challenge struct {
	ID    string `json:"id"` // in the form
	Kind  string `json:"kind"`
	State []byte `json:"state"` // as mfa.Service.Challenge has sealed and dated it
}

// maxChallenges is how many of a kind may be open at once: a second tab or a reload does not spoil the page before it.
const maxChallenges = 3

// addChallenge opens a challenge, and lets go of those of its kind that are too many.
func (m *codeState) addChallenge(c challenge) {
	open := 0
	kept := []challenge{c}
	for _, old := range slices.Backward(m.Challenges) {
		if old.Kind == c.Kind {
			open++
		}
		if old.Kind != c.Kind || open < maxChallenges {
			kept = append(kept, old)
		}
	}
	slices.Reverse(kept)
	m.Challenges = kept
}

// challengeState is the state of an open challenge of the kind; nil: there is none with that id.
func (m *codeState) challengeState(kind, id string) []byte {
	for _, c := range m.Challenges {
		if c.ID == id && c.Kind == kind {
			return c.State
		}
	}
	return nil
}

// dropChallenge closes one.
func (m *codeState) dropChallenge(id string) {
	m.Challenges = slices.DeleteFunc(slices.Clone(m.Challenges), func(c challenge) bool { return c.ID == id })
}

// owner is whose challenges and set-ups are those of the sign-in.
func (fl *flow) owner() string { return "sign-in:" + fl.ix.ID }
