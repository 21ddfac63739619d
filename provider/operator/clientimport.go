package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// ImportedClient is what came of one registration.
type ImportedClient struct {
	client.Client
	Secret  string // one that was made, the only time that anybody sees it; empty: none was
	Outcome string // one of the constants below
	Renamed bool   // it was registered, and knows all its users by other subjects from now on
}

// Outcomes of ImportedClient.
const (
	ImportRegistered = "registered"
	ImportChanged    = "changed"
	ImportSame       = "same" // it was registered like that
)

// ClientTaken reports a client whose id is registered already.
type ClientTaken struct{ ID string }

// Error names it.
func (e *ClientTaken) Error() string { return "client " + e.ID + " is registered already" }

// Unwrap returns store.ErrConflict.
func (e *ClientTaken) Unwrap() error { return store.ErrConflict }

// ImportClients registers relying parties, all or none, each with its event. replace: one whose id is registered is changed to
// what stands here, and keeps its secret unless it brings one; else a *ClientTaken, which names the first. store.ErrConflict
// alone: somebody else has changed one of them at the same moment. What is wrong with any of them is reported at once, as an
// *Invalid.
func (o *Operator) ImportClients(ctx context.Context, all []NewClient, replace bool) ([]ImportedClient, error) {
	if err := checkImport(all); err != nil {
		return nil, err
	}
	all, made := slices.Clone(all), make([]string, len(all))
	for i := range all {
		n, err := o.asRegistered(ctx, all[i])
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", n.ID, err)
		}
		n, secret, err := o.withSecret(ctx, n.complete())
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", all[i].ID, err)
		}
		if all[i] = n; n.Secret == "" {
			made[i] = secret
		}
	}
	var done []ImportedClient
	return done, o.Atomic(ctx, func(ctx context.Context) error {
		done = nil // the commit may be tried again
		for i, n := range all {
			one, err := o.importClient(ctx, n, made[i], replace)
			if err != nil {
				return fmt.Errorf("client %s: %w", n.ID, err)
			}
			done = append(done, one)
		}
		return nil
	})
}

// asRegistered is what has to be looked at before the commit, which waits for no other host and no slow hash: checkSector, and
// whether the secret is the one that the client has, which is then kept with its hash.
func (o *Operator) asRegistered(ctx context.Context, n NewClient) (NewClient, error) {
	if n.SectorIdentifierURI == "" && n.Secret == "" {
		return n, nil
	}
	before, err := o.Clients.Client(ctx, n.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return n, err
	}
	if err := o.checkSector(ctx, before, n.Client); err != nil {
		return n, err
	}
	had, err := o.has(ctx, before, n.Secret)
	if had && n.NeedsSecret() {
		n.SecretHash = before.SecretHash
	}
	return n, err
}

// checkImport reports all faults of all registrations.
func checkImport(all []NewClient) error {
	var faults []error
	seen := map[string]bool{}
	for _, n := range all {
		for _, fault := range apart([]error{n.Check()}) {
			faults = append(faults, fmt.Errorf("client %q: %w", n.ID, fault))
		}
		if seen[n.ID] {
			faults = append(faults, fmt.Errorf("client %q: it is there twice", n.ID))
		}
		seen[n.ID] = true
	}
	return invalid(faults...)
}

// importClient registers one client, or changes the one that has its id.
func (o *Operator) importClient(ctx context.Context, n NewClient, made string, replace bool) (ImportedClient, error) {
	before, err := o.Clients.Client(ctx, n.ID)
	if errors.Is(err, store.ErrNotFound) {
		c, err := o.createClient(ctx, n)
		return ImportedClient{c, made, ImportRegistered, false}, err
	}
	if err == nil && !replace {
		err = &ClientTaken{n.ID}
	}
	if err != nil {
		return ImportedClient{}, err
	}
	c := n.Client
	c.Registration, c.Created = before.Registration, before.Created
	if made != "" && before.SecretHash != "" {
		c.SecretHash, made = before.SecretHash, ""
	}
	if c.SecretHash == before.SecretHash {
		c.PreviousSecrets = before.PreviousSecrets
	}
	if c.ManagementHash == "" && c.RegisteredBy == before.RegisteredBy { // else somebody else manages it from now on
		c.ManagementHash = before.ManagementHash
	}
	changed, err := client.Differences(before, c)
	if err == nil && len(changed) == 0 && c.SecretHash == before.SecretHash {
		return ImportedClient{before, "", ImportSame, false}, nil
	}
	if err != nil {
		return ImportedClient{}, err
	}
	e := audit.Event{Kind: audit.EventAdminClientUpdated, Client: n.ID, Detail: changeDetail(changed, c.SecretHash != before.SecretHash)}
	c, err = o.replaceClient(ctx, before, c, e)
	return ImportedClient{c, made, ImportChanged, before.Sector() != c.Sector()}, err
}
