package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/ory/fosite"

	"vestibule/provider/client"
)

// Levels is the levels of assurance: what they are called and what reaches them. Its zero value is a good one.
type Levels struct {
	Names        map[string][]string // level to its other names; nil: DefaultACRNames
	WeakRecovery bool                // a password and a recovery code reach LevelOne only
	// PhishingResistant says that users may have authenticators which reach client.LevelPhishingResistant. Else no name of
	// that level is known, and none is advertised.
	PhishingResistant bool
}

// Level returns the level that the login reaches, or "" for one without a proof.
func (l Levels) Level(login *Login) string {
	return login.level(l.WeakRecovery)
}

// ACR returns what the client is told: of the names that it asked with, the one of the highest level that was
// reached, or if that is none of them its own name of the level reached.
func (l Levels) ACR(c client.Client, d Demand, login *Login) string {
	reached, best := l.Level(login), ACRName{}
	for _, n := range d.Names {
		if client.Rank(n.Level) <= client.Rank(reached) && client.Rank(n.Level) > client.Rank(best.Level) {
			best = n
		}
	}
	if own := c.ACRNames[reached]; best.Name == "" && len(own) > 0 {
		return own[0]
	}
	return cmp.Or(best.Name, reached)
}

// Demand returns what the client asks of the level with these names, in its order of preference. It fails if nothing
// else is good enough for the client and no name is known.
func (l Levels) Demand(c client.Client, names []string, essential bool) (Demand, error) {
	d := Demand{WeakRecovery: l.WeakRecovery}
	return d, d.readLevel(l, c, nil, claimRequest{essential, names, len(names) > 0})
}

// reachable lists the levels that a login can reach, lowest first.
func (l Levels) reachable() []string {
	if l.PhishingResistant {
		return client.Ranked
	}
	return client.Ranked[:client.Rank(client.LevelPhishingResistant)]
}

// meaning returns the level that the client means by a name, or "" if the name is not known, or that level is reached by
// nobody.
func (l Levels) meaning(c client.Client, name string) string {
	if level := l.named(c, name); slices.Contains(l.reachable(), level) {
		return level
	}
	return ""
}

func (l Levels) named(c client.Client, name string) string {
	if level := client.LevelNamed(c.ACRNames, name); level != "" {
		return level
	}
	if client.Rank(name) >= 0 {
		return name
	}
	return client.LevelNamed(l.names(), name)
}

func (l Levels) names() map[string][]string {
	if l.Names == nil {
		return client.DefaultACRNames
	}
	return l.Names
}

// supported lists the names that every client can ask with, lowest level first.
func (l Levels) supported() []string {
	var all []string
	for _, level := range l.reachable() {
		all = append(append(all, level), l.names()[level]...)
	}
	return all
}

// Policy says which logins are enough, by the rules as they are now. The pages hold to it while somebody signs in; the
// provider asks once more before it gives tokens, since rules become stricter.
type Policy interface {
	// Enough reports whether the login is enough for its user at the client.
	Enough(ctx context.Context, c client.Client, l *Login) (bool, error)
}

// ClientPolicy is a Policy that knows no rules but those of clients.
type ClientPolicy struct{ Levels Levels }

// Enough reports whether the login reaches the level that the client obliges its users to.
func (p ClientPolicy) Enough(_ context.Context, c client.Client, l *Login) (bool, error) {
	return client.Rank(p.Levels.Level(l)) >= client.Rank(c.TwoSteps.Level()), nil
}

// checkPolicy refuses tokens for a login that is not enough any more. The family stays, for a rule may be taken back; the
// user who steps up gets another.
func (p *Provider) checkPolicy(ctx context.Context, client fosite.Client, u *unit) error {
	enough, err := p.policy.Enough(ctx, client.(relyingParty).Client, &u.grant.Login)
	switch {
	case err != nil:
		return storeFault{fmt.Errorf("policy: %w", err)}
	case !enough:
		return fosite.ErrInvalidGrant.WithHint("More is required of the sign-in by now. Have the user sign in again.")
	}
	return nil
}
