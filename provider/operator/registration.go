package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

var (
	// ErrManyRegistrations reports that a network has registered as many clients in an hour as it may.
	ErrManyRegistrations = errors.New("too many clients were registered from this network")
	// ErrFull reports that there are as many clients that have registered themselves as there may be.
	ErrFull = errors.New("too many clients have registered themselves")
)

// RegistrationLimits are how many clients may register themselves.
type RegistrationLimits struct {
	PerHour int // of one network
	Total   int
}

// SelfRegistration is a client that registers itself. Its ID is made here.
type SelfRegistration struct {
	client.Client
	Token   string // the initial access token that it comes with; empty: none
	Network string // that it comes from
	Address string // of whoever sends it, for the event
	Limits  RegistrationLimits
}

// Registered is a client that has registered itself, and what it is given, the only time that anybody sees that.
type Registered struct {
	client.Client
	Secret string // empty: it has none, or keeps the one that it has
	Token  string // with which it manages its registration; empty: it keeps the one that it has
}

// RegisterItself registers a client at its own wish. The token, if there is one, is used once more in the commit, and takes the
// place of the limit of the network. Outcomes: *Invalid; client.ErrSector; fetch.ErrBusy;
// store.ErrNotFound if the token is not good; ErrManyRegistrations; ErrFull.
func (o *Operator) RegisterItself(ctx context.Context, r SelfRegistration) (Registered, error) {
	done := Registered{Client: r.Client}
	done.ID, done.RegisteredBy = newID(), client.ByItself
	token, err := o.initialToken(ctx, r.Token)
	if err != nil {
		return done, err
	}
	if token.Hash != "" {
		done.RegisteredBy, r.Network = client.ByInitialToken, ""
	}
	if done.NeedsSecret() {
		done.Secret, done.SecretHash = client.NewSecret()
	}
	done.Token, done.ManagementHash = client.NewSecret()
	if err := invalid(client.Check(done.Client)); err != nil {
		return done, err
	}
	if err := o.checkSector(ctx, client.Client{}, done.Client); err != nil {
		return done, err
	}
	if err := o.requireNoUser(ctx, done.Client); err != nil {
		return done, err
	}
	done.Created = o.now()
	done.Updated = done.Created
	e := audit.Event{Kind: audit.EventClientRegistered, Client: done.ID, Address: r.Address,
		Detail: map[string]string{"how": string(done.RegisteredBy)}}
	if token.ID != "" {
		e.Detail["token"] = token.ID
	}
	return done, o.commit(ctx, e, func(ctx context.Context) error {
		if err := o.spendInitialToken(ctx, token); err != nil {
			return err
		}
		if err := o.Register.CountRegistration(ctx, r.Network, r.Limits, o.now()); err != nil {
			return err
		}
		return o.Clients.CreateClient(ctx, done.Client)
	})
}

// ChangeItself has a client replace its registration, as it was read, at its own wish. A secret that it still needs stays; one
// that it needs from now on is made. What changes something counts as a registration of the Network, or of the client alone that
// came with a token; without a Network nothing is counted. Outcomes: *Invalid; client.ErrSector; fetch.ErrBusy;
// store.ErrConflict if somebody else has changed or removed it; ErrManyRegistrations.
func (o *Operator) ChangeItself(ctx context.Context, before client.Client, r SelfRegistration) (Registered, error) {
	done, c := Registered{Client: before}, r.Client
	keepIdentity(&c, before)
	switch {
	case !c.NeedsSecret():
		c.SecretHash, c.PreviousSecrets = "", nil
	case c.SecretHash == "":
		done.Secret, c.SecretHash = client.NewSecret()
	}
	if err := invalid(client.Check(c)); err != nil {
		return done, err
	}
	if err := o.checkSector(ctx, before, c); err != nil {
		return done, err
	}
	changed, err := client.Differences(before, c)
	if err != nil || len(changed) == 0 {
		return done, err
	}
	return done, o.Atomic(ctx, func(ctx context.Context) error {
		if err := o.countChange(ctx, before, r); err != nil {
			return err
		}
		e := audit.Event{Kind: audit.EventClientChanged, Client: c.ID, Address: r.Address, Detail: changeDetail(changed, done.Secret != "")}
		var err error
		done.Client, err = o.replaceClient(ctx, before, c, e)
		return err
	})
}

// countChange counts a change of a client, which adds none to those that there are.
func (o *Operator) countChange(ctx context.Context, c client.Client, r SelfRegistration) error {
	if r.Network == "" {
		return nil
	}
	if c.RegisteredBy == client.ByInitialToken {
		r.Network = "client " + c.ID
	}
	r.Limits.Total = math.MaxInt
	return o.Register.CountRegistration(ctx, r.Network, r.Limits, o.now())
}

// RegisterDocument registers a client whose ID is the address of a document that says what it registers. Outcomes: *Invalid;
// client.ErrSector; fetch.ErrBusy; store.ErrConflict if it is registered; ErrManyRegistrations; ErrFull.
func (o *Operator) RegisterDocument(ctx context.Context, r SelfRegistration) error {
	c := r.Client
	c.RegisteredBy, c.Created = client.ByDocument, o.now()
	c.Updated = c.Created
	if err := invalid(client.Check(c)); err != nil {
		return err
	}
	if err := o.checkSector(ctx, client.Client{}, c); err != nil {
		return err
	}
	e := audit.Event{Kind: audit.EventClientRegistered, Client: c.ID, Address: r.Address, Detail: map[string]string{"how": string(c.RegisteredBy)}}
	return o.commit(ctx, e, func(ctx context.Context) error {
		if err := o.Register.CountRegistration(ctx, r.Network, r.Limits, o.now()); err != nil {
			return err
		}
		return o.Clients.CreateClient(ctx, c)
	})
}

// newID is an id that an operator can type after a command: it begins with no hyphen.
func newID() string { return strings.ToLower(rand.Text()) }

// keepIdentity has c be the client that before is.
func keepIdentity(c *client.Client, before client.Client) {
	c.ID, c.Registration, c.Created, c.Updated, c.RegisteredBy, c.ManagementHash = before.ID, before.Registration, before.Created, before.Updated, before.RegisteredBy, before.ManagementHash
	c.SecretHash, c.PreviousSecrets = before.SecretHash, before.PreviousSecrets
}

// RemoveItself is DeleteClient at the wish of the client.
func (o *Operator) RemoveItself(ctx context.Context, id, address string) error {
	return o.deleteClient(ctx, id, audit.Event{Kind: audit.EventClientRemoved, Address: address})
}

// unusedAtOnce is how many clients DeleteUnused looks for at a time.
const unusedAtOnce = 100

// DeleteUnused is DeleteClient for those that have registered themselves, were not changed for that long, and that nothing tells
// of: no sign-in of the last 90 days, and nothing that a user has allowed. It returns how many.
func (o *Operator) DeleteUnused(ctx context.Context, unused time.Duration) (n int, err error) {
	since := o.now().Add(-unused)
	for {
		ids, err := o.Register.UnusedClients(ctx, since, unusedAtOnce)
		if err != nil {
			return n, err
		}
		before := n
		for _, id := range ids {
			switch err := o.deleteIfUnused(ctx, id, since); {
			case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // it is used by now, or another server was faster
			case err != nil:
				return n, err
			default:
				n++
			}
		}
		if n-before < unusedAtOnce {
			return n, nil
		}
	}
}

func (o *Operator) deleteIfUnused(ctx context.Context, id string, since time.Time) error {
	e := audit.Event{Kind: audit.EventClientRemoved, Client: id, Detail: map[string]string{"reason": "unused"}}
	return o.commit(ctx, e, func(ctx context.Context) error {
		if err := o.Register.RequireUnused(ctx, id, since); err != nil {
			return err
		}
		return o.Clients.DeleteClient(ctx, id, o.now())
	})
}
