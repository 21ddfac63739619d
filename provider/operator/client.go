package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/claims"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// NewClient is a registration: what a relying party is and, if it brings one, its secret.
type NewClient struct {
	client.Client        // without a Name it is called by its ID; a SecretHash that is there stays
	Secret        string // empty: one is made, unless the client has none or brings a hash
}

// complete fills in what a registration may leave out.
func (n NewClient) complete() NewClient {
	if len(n.Scopes) == 0 && n.SignsIn() {
		n.Scopes = []string{client.ScopeOpenID, claims.ScopeProfile, claims.ScopeEmail, client.ScopeOffline}
	}
	if n.Name == "" {
		n.Name = n.ID
	}
	return n
}

// Check says all that is wrong with it at once, as an *Invalid. The secret is checked when it is hashed.
func (n NewClient) Check() error {
	given := n.Name
	n = n.complete()
	n.Name = given // the id that stands in its place may have faults of its own
	if n.NeedsSecret() && n.SecretHash == "" {
		n.SecretHash = "will be there"
	}
	return invalid(client.Check(n.Client))
}

// RegisterClient registers a relying party. It returns the client and, the only time that anybody sees one that was made,
// its secret. store.ErrConflict if the id is registered.
func (o *Operator) RegisterClient(ctx context.Context, n NewClient) (c client.Client, secret string, err error) {
	if err := n.Check(); err != nil {
		return client.Client{}, "", err
	}
	if err := o.checkSector(ctx, client.Client{}, n.Client); err != nil {
		return client.Client{}, "", err
	}
	if n, secret, err = o.withSecret(ctx, n.complete()); err != nil {
		return client.Client{}, "", err
	}
	c, err = o.createClient(ctx, n)
	return c, secret, err
}

// checkSector has the document at the sector_identifier_uri vouch for what is registered, where it has not for the same before.
func (o *Operator) checkSector(ctx context.Context, before, c client.Client) error {
	switch {
	case c.SectorIdentifierURI == "", c.SectorIdentifierURI == before.SectorIdentifierURI && slices.Equal(c.RedirectURIs, before.RedirectURIs):
		return nil
	case o.Documents == nil:
		return fmt.Errorf("%w: nothing can be fetched here", client.ErrSector)
	}
	return client.CheckSector(ctx, o.Documents, c)
}

// withSecret returns the registration with the hash of its secret, and the secret if it is to have one.
func (o *Operator) withSecret(ctx context.Context, n NewClient) (_ NewClient, secret string, err error) {
	if !n.NeedsSecret() || n.SecretHash != "" {
		n.Secret = ""
		return n, "", nil
	}
	secret, n.SecretHash, err = o.secret(ctx, n.Secret)
	return n, secret, err
}

// createClient commits a registration that is complete.
func (o *Operator) createClient(ctx context.Context, n NewClient) (client.Client, error) {
	if err := o.requireNoUser(ctx, n.Client); err != nil {
		return client.Client{}, err
	}
	if err := o.requireNoIssuer(client.Client{}, n.Client); err != nil {
		return client.Client{}, err
	}
	n.Created = o.now()
	n.Updated = n.Created
	e := audit.Event{Kind: audit.EventAdminClientCreated, Client: n.ID}
	return n.Client, o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.CreateClient(ctx, n.Client) })
}

// requireNoUser refuses a client that acts for itself under the subject of a user, as whom an API would know it (RFC 9700
// section 4.15).
func (o *Operator) requireNoUser(ctx context.Context, c client.Client) error {
	if !c.Grants(client.GrantClient) {
		return nil
	}
	switch _, err := o.Accounts.Account(ctx, c.ID); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return invalid(errors.New("the client id is the subject of a user: APIs would take the client for that one; choose another"))
}

// requireNoIssuer refuses an API that wants to be known by what stands for the userinfo endpoint: it would get no tokens. One that
// is known so already may be changed otherwise.
func (o *Operator) requireNoIssuer(before, c client.Client) error {
	if o.Issuer == "" || !slices.Contains(c.ResourceURIs, o.Issuer) || slices.Contains(before.ResourceURIs, o.Issuer) {
		return nil
	}
	return invalid(fmt.Errorf("resource URI %q is the issuer, which stands for the userinfo endpoint: tokens for it are for no API; choose another", o.Issuer))
}

// DeleteClient removes a relying party and all its tokens, or fails with store.ErrNotFound.
func (o *Operator) DeleteClient(ctx context.Context, id string) error {
	return o.deleteClient(ctx, id, audit.Event{Kind: audit.EventAdminClientDeleted})
}

// deleteClient is DeleteClient with another event.
func (o *Operator) deleteClient(ctx context.Context, id string, e audit.Event) error {
	e.Client = id
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.DeleteClient(ctx, id, o.now()) })
}

// UpdateClient has change alter what a relying party registers, by new lists in place of old ones and never inside one, and
// returns it as it is now. Its id and, if it still needs one, its secret stay. Where nothing differs nothing is written.
// store.ErrNotFound if there is none; store.ErrConflict if somebody else changes or removes it at the same moment.
func (o *Operator) UpdateClient(ctx context.Context, id string, change func(*client.Client)) (client.Client, error) {
	before, err := o.Clients.Client(ctx, id)
	if err != nil {
		return before, err
	}
	c := before
	change(&c)
	c.ID = before.ID
	c.SecretHash, c.PreviousSecrets = before.SecretHash, before.PreviousSecrets
	if !c.NeedsSecret() { // it authenticates by something else from now on
		c.SecretHash, c.PreviousSecrets = "", nil
	}
	if err := invalid(client.Check(c)); err != nil {
		return c, err
	}
	if err := o.checkSector(ctx, before, c); err != nil {
		return c, err
	}
	changed, err := client.Differences(before, c)
	if err != nil || len(changed) == 0 {
		return before, err
	}
	e := audit.Event{Kind: audit.EventAdminClientUpdated, Client: id, Detail: changeDetail(changed, false)}
	return o.replaceClient(ctx, before, c, e)
}

// changeDetail names what changed.
func changeDetail(changed []string, secret bool) map[string]string {
	if secret {
		changed = append(changed, "client_secret")
	}
	return map[string]string{"changed": strings.Join(changed, ", ")}
}

// replaceClient commits c in place of before. Updated is the version of a client: two changes never have the same.
func (o *Operator) replaceClient(ctx context.Context, before, c client.Client, e audit.Event) (client.Client, error) {
	if err := o.requireNoUser(ctx, c); err != nil {
		return c, err
	}
	if err := o.requireNoIssuer(before, c); err != nil {
		return c, err
	}
	if before.Sector() != c.Sector() { // it will know all its users anew
		e.Detail["subjects"] = "changed"
	}
	if c.Updated = o.now(); !c.Updated.After(before.Updated) {
		c.Updated = before.Updated.Add(time.Microsecond)
	}
	return c, o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.UpdateClient(ctx, c, before.Updated) })
}
