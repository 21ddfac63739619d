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

// ClientChange is what of a relying party changes. What is nil stays as it is.
type ClientChange struct {
	Name                   *string
	RedirectURIs           []string  // in place of those there are
	PostLogoutRedirectURIs *[]string // in place of those there are; nil or empty: none
	Scopes                 []string  // in place of those there are
	TwoSteps               *client.TwoSteps
	ResponseTypes          []string             // in place of those there are
	ACRNames               *map[string][]string // in place of those there are; nil or empty: none
	IDTokenClaims          *[]string            // in place of those there are; nil or empty: none
}

// Check says what is wrong with a change whatever the client is, as an *Invalid.
func (ch ClientChange) Check() error {
	if ch.Name == nil && ch.TwoSteps == nil && ch.ACRNames == nil && ch.PostLogoutRedirectURIs == nil && ch.IDTokenClaims == nil && len(ch.RedirectURIs)+len(ch.Scopes)+len(ch.ResponseTypes) == 0 {
		return invalid(errNothing)
	}
	return nil
}

// apply changes c and returns the names of what it has changed.
func (ch ClientChange) apply(c *client.Client) []string {
	var changed []string
	set := func(name string, given bool, change func()) {
		if given {
			changed = append(changed, name)
			change()
		}
	}
	set("name", ch.Name != nil, func() { c.Name = *ch.Name })
	set("redirect URIs", len(ch.RedirectURIs) > 0, func() { c.RedirectURIs = ch.RedirectURIs })
	set("post-logout redirect URIs", ch.PostLogoutRedirectURIs != nil, func() { c.PostLogoutRedirectURIs = *ch.PostLogoutRedirectURIs })
	set("scopes", len(ch.Scopes) > 0, func() { c.Scopes = ch.Scopes })
	set("response types", len(ch.ResponseTypes) > 0, func() { c.ResponseTypes = ch.ResponseTypes })
	set("two steps", ch.TwoSteps != nil, func() { c.TwoSteps = *ch.TwoSteps })
	set("ID token claims", ch.IDTokenClaims != nil, func() { c.IDTokenClaims = *ch.IDTokenClaims })
	set("acr names", ch.ACRNames != nil, func() { c.ACRNames = *ch.ACRNames })
	return changed
}

// UpdateClient changes a relying party and returns it as it is now. store.ErrNotFound if there is none; store.ErrConflict
// if somebody else changes or removes it at the same moment.
func (o *Operator) UpdateClient(ctx context.Context, id string, ch ClientChange) (client.Client, error) {
	if err := ch.Check(); err != nil {
		return client.Client{}, err
	}
	c, err := o.Clients.Client(ctx, id)
	if err != nil {
		return c, err
	}
	was := c.Updated
	if c.Updated = o.now(); !c.Updated.After(was) { // it is the version of the client: two changes never have the same
		c.Updated = was.Add(time.Microsecond)
	}
	changed := ch.apply(&c)
	if err := invalid(client.Check(c)); err != nil {
		return c, err
	}
	e := audit.Event{Kind: audit.EventAdminClientUpdated, Client: id, Detail: map[string]string{"changed": strings.Join(changed, ", ")}}
	return c, o.commit(ctx, e, func(ctx context.Context) error { return o.Clients.UpdateClient(ctx, c, was) })
}
