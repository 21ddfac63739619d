package operator

import (
	"context"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/fetch"
	"vestibule/provider/store"
)

// Operator acts on what a server keeps. A method needs the fields that it touches, and no others.
type Operator struct {
	Accounts Accounts
	Attempts Attempts
	Sessions Sessions
	Consents Consents
	Clients  Clients
	Register Registrations
	Factors  Factors
	Resets   Resets
	Links    Links
	Sealed   SealedRows
	Signing  SigningKeys
	Usage    Usage
	History  History
	Seeds    Seeds

	Issuer string // of the server, by which no API may be known; empty: it is not known here

	// Documents gets what registrations name; nil: one with a sector_identifier_uri is refused.
	Documents *fetch.Fetcher

	MFA       *mfa.Service          // to import and export it needs its Keys, Limits and Kinds
	Keys      *mfa.Keyring          // for secret and signing keys; nil: what needs it is not called
	Hasher    *account.Hasher       // nil: one of the usual cost
	Passwords account.PasswordRules // what new ones must keep
	Atomic    store.Atomic          // over all of the above and Audit
	Audit     audit.Recorder        // of each operation; it must take part in Atomic
	Actor     string                // who acts, as events have it: "cli:1000"; empty: the server itself
	Now       func() time.Time      // nil: time.Now
}

// New returns an Operator on a store that keeps everything. It records what it does with events, in the name of actor,
// and has no secret keys.
func New(s Store, events audit.Recorder, actor string) *Operator {
	return &Operator{
		Accounts: s, Attempts: s, Sessions: s, Consents: s, Clients: s, Register: s, Factors: s, Resets: s, Links: s, Sealed: s, Signing: s, Usage: s, History: s, Seeds: s,
		MFA: &mfa.Service{Store: s, Atomic: s.Atomic}, Atomic: s.Atomic, Audit: events, Actor: actor,
	}
}

// commit runs fn and records e, in one commit.
func (o *Operator) commit(ctx context.Context, e audit.Event, fn func(context.Context) error) error {
	return o.Atomic(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return o.record(ctx, e)
	})
}

// record records an event of the Actor, unless e names another.
func (o *Operator) record(ctx context.Context, e audit.Event) error {
	if e.Actor == "" {
		e.Actor = o.Actor
	}
	if e.Time.IsZero() {
		e.Time = o.now()
	}
	e.Outcome = audit.OutcomeOK
	return o.Audit.Record(ctx, e)
}

func (o *Operator) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func (o *Operator) hasher() *account.Hasher {
	if o.Hasher == nil {
		return &account.Hasher{}
	}
	return o.Hasher
}
