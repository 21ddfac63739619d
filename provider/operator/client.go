package operator

import (
	"context"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/claims"
	"vestibule/provider/client"
)

// NewClient is a registration: what a relying party is and, if it brings one, its secret.
type NewClient struct {
	client.Client        // without a Name it is called by its ID; a SecretHash that is there stays
	Secret        string // empty: one is made, unless the client is public or brings a hash
}

// complete fills in what a registration may leave out.
func (n NewClient) complete() NewClient {
	if len(n.Scopes) == 0 && !n.ResourceServer {
		n.Scopes = []string{client.ScopeOpenID, claims.ScopeProfile, claims.ScopeEmail, client.ScopeOffline}
	}
	if n.Name == "" {
		n.Name = n.ID
	}
	return n
}

// Check says all that is wrong with it at once, as an *Invalid. The secret is checked when it is hashed.
func (n NewClient) Check() error {
	n = n.complete()
	if !n.Public && n.SecretHash == "" {
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
	n = n.complete()
	switch {
	case n.Public || n.SecretHash != "":
		n.Secret = ""
	case n.Secret == "":
		n.Secret, n.SecretHash = client.NewSecret()
	default:
		n.SecretHash, err = client.HashSecret(ctx, o.hasher(), n.Secret)
	}
	if err != nil {
		return client.Client{}, "", err
	}
	n.Created = o.now()
	n.Updated = n.Created
	e := audit.Event{Kind: audit.EventAdminClientCreated, Client: n.ID}
	err = o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.CreateClient(ctx, n.Client) })
	return n.Client, n.Secret, err
}

// DeleteClient removes a relying party and all its tokens, or fails with store.ErrNotFound.
func (o *Operator) DeleteClient(ctx context.Context, id string) error {
	e := audit.Event{Kind: audit.EventAdminClientDeleted, Client: id}
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.DeleteClient(ctx, id, o.now()) })
}

// UpdateClient has change alter what a relying party registers, by new lists in place of old ones and never inside one, and
// returns it as it is now. Its id and its secret stay. Where nothing differs nothing is written. store.ErrNotFound if there is none; store.ErrConflict if somebody else changes or
// removes it at the same moment.
func (o *Operator) UpdateClient(ctx context.Context, id string, change func(*client.Client)) (client.Client, error) {
	before, err := o.Clients.Client(ctx, id)
	if err != nil {
		return before, err
	}
	c := before
	change(&c)
	c.ID, c.Registration, c.SecretHash, c.Created = before.ID, before.Registration, before.SecretHash, before.Created
	if err := invalid(client.Check(c)); err != nil {
		return c, err
	}
	changed, err := client.Differences(before, c)
	if err != nil || len(changed) == 0 {
		return before, err
	}
	if c.Updated = o.now(); !c.Updated.After(before.Updated) { // it is the version of the client: two changes never have the same
		c.Updated = before.Updated.Add(time.Microsecond)
	}
	e := audit.Event{Kind: audit.EventAdminClientUpdated, Client: id, Detail: map[string]string{"changed": strings.Join(changed, ", ")}}
	return c, o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.UpdateClient(ctx, c, before.Updated) })
}
