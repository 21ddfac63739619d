package provider

import (
	"context"
	"fmt"

	"github.com/ory/fosite"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
)

// Policy says which logins are enough, by the rules as they are now. The pages hold to it while somebody signs in; the
// provider asks once more before it gives tokens, since rules become stricter.
type Policy interface {
	// Enough reports whether the login is enough for its user at the client.
	Enough(ctx context.Context, c client.Client, l *assurance.Login) (bool, error)
}

// ClientPolicy is a Policy that knows no rules but those of clients.
type ClientPolicy struct{ Levels assurance.Levels }

// Enough reports whether the login reaches the level that the client obliges its users to.
func (p ClientPolicy) Enough(_ context.Context, c client.Client, l *assurance.Login) (bool, error) {
	return assurance.Rank(p.Levels.Level(l)) >= assurance.Rank(c.TwoSteps.Level()), nil
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
