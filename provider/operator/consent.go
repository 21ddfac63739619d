package operator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vestibule/consent"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
)

// Accesses returns what clients can do for a user, by client id: what is remembered of the user's answers, and what the clients
// have tokens for.
func (o *Operator) Accesses(ctx context.Context, subject string) ([]consent.Access, error) {
	return o.Consents.Accesses(ctx, subject, o.now())
}

// RevokeConsent ends what a client can do for a user, as if the user had: the consent that is remembered, its codes and its
// tokens. The reason is recorded, and the user sees it. consent.ErrNotFound if that is nothing.
func (o *Operator) RevokeConsent(ctx context.Context, subject, client, reason string) error {
	if err := CheckEndAccess(subject, reason); err != nil {
		return err
	}
	all, err := o.Accesses(ctx, subject)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a consent.Access) bool { return a.Client.ID == client })
	if i < 0 {
		return consent.ErrNotFound
	}
	e := audit.Event{
		Kind: audit.EventAdminConsent, Subject: subject, Client: client,
		Detail: map[string]string{"reason": strings.TrimSpace(reason), "scopes": strings.Join(interaction.ReadAllowed(all[i].Scopes).Scopes, " ")},
	}
	if err := o.commit(ctx, e, func(ctx context.Context) error { return o.Consents.RevokeAccess(ctx, subject, client, o.now()) }); err != nil {
		return fmt.Errorf("revoke a consent: %w", err)
	}
	return nil
}

// RevokesConsent reports whether an event is of the end of what its client could do for its subject. Whoever keeps tokens of the
// client elsewhere hears of it so, in the same commit.
func RevokesConsent(e audit.Event) bool {
	return e.Kind == audit.EventConsentRevoked || e.Kind == audit.EventAdminConsent
}
