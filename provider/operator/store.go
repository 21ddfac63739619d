package operator

import (
	"context"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/jwks"
)

// Accounts keeps users.
type Accounts interface {
	// Account returns the account, or store.ErrNotFound.
	Account(ctx context.Context, subject string) (account.Account, error)
	// AccountByName returns the account with that canonical user name or e-mail address, and its password hash; or
	// store.ErrNotFound.
	AccountByName(ctx context.Context, canonical string) (account.Account, string, error)
	// Accounts returns all accounts by user name.
	Accounts(ctx context.Context) ([]account.Account, error)
	// CreateAccount inserts an account whose user name is canonical. *account.NameTaken if the user name or the e-mail
	// address is a name of another.
	CreateAccount(ctx context.Context, a account.Account, hash string) error
	// UpdateAccount stores the full name, the address, the attributes and the groups; nothing else changes. store.ErrNotFound if there is
	// no such account; *account.NameTaken if the address is a name of another.
	UpdateAccount(ctx context.Context, a account.Account) error
	// ChangePassword replaces the hash whatever it was, and ends what Sessions.EndAccess ends; or store.ErrNotFound.
	ChangePassword(ctx context.Context, subject, hash string, at time.Time) error
	// DisableAccount shuts the account out, and ends what Sessions.EndAccess ends; or store.ErrNotFound.
	DisableAccount(ctx context.Context, subject string, at time.Time) error
	// EnableAccount lets a disabled account in again; or store.ErrNotFound.
	EnableAccount(ctx context.Context, subject string, at time.Time) error
	// RequireEpoch makes the commit of ctx fail with store.ErrConflict if the account, disabled or not, is in another
	// epoch by now.
	RequireEpoch(ctx context.Context, subject string, epoch int64) error
}

// Budget is what was counted of somebody's guesses under one key.
type Budget struct {
	Kind        string // what stands before the colon of the key (mfa.Attempts)
	Part        string // what stands after the |
	InARow      int
	LockedUntil time.Time // zero if it never was
}

// Attempts is what was counted of guesses, see mfa.Attempts.
type Attempts interface {
	// Budgets returns what was counted of the owner's guesses and is not over, by kind.
	Budgets(ctx context.Context, owner string, now time.Time) ([]Budget, error)
	// Unlock forgets all that was counted of the owner's guesses.
	Unlock(ctx context.Context, owner string) error
}

// Sessions is what users have open.
type Sessions interface {
	// Sessions returns the subject's sessions, also those that have reached their end.
	Sessions(ctx context.Context, subject string) ([]interaction.Session, error)
	// EndSessionOf ends the session of the subject with that sid and all that has come of it, or fails with store.ErrNotFound.
	EndSessionOf(ctx context.Context, subject, sid string) error
	// EndAccess ends all that the subject has open: sessions, sign-ins under way, remembered browsers, codes and tokens.
	EndAccess(ctx context.Context, subject string) error
}

// Consents is what clients can do for users.
type Consents interface {
	// Accesses returns what clients can do for the subject, by client id.
	Accesses(ctx context.Context, subject string, now time.Time) ([]consent.Access, error)
	// RevokeAccess ends what the client can do for the subject, its codes and tokens too; consent.ErrNotFound if that is nothing.
	RevokeAccess(ctx context.Context, subject, id string, now time.Time) error
}

// Clients keeps relying parties.
type Clients interface {
	// Client returns the client, or store.ErrNotFound.
	Client(ctx context.Context, id string) (client.Client, error)
	// Clients returns all clients by id.
	Clients(ctx context.Context) ([]client.Client, error)
	// CreateClient inserts a client; store.ErrConflict if its id is registered.
	CreateClient(ctx context.Context, c client.Client) error
	// UpdateClient replaces the client as it was at that time; store.ErrConflict if it was changed or removed since.
	UpdateClient(ctx context.Context, c client.Client, was time.Time) error
	// DeleteClient removes the client with all that rests on it: codes, tokens and consents; or store.ErrNotFound.
	DeleteClient(ctx context.Context, id string, at time.Time) error
}

// Registrations keeps what clients need to register themselves.
type Registrations interface {
	// CountRegistration makes the commit of ctx one more registration of the network, in which no more are made at once than
	// the limits say: ErrManyRegistrations, and nothing of the commit, if the network has made as many in the last hour or so,
	// ErrFull if there are as many clients that have registered themselves. An empty network has no limit of its own.
	CountRegistration(ctx context.Context, network string, l RegistrationLimits, now time.Time) error
	// AddInitialToken keeps a token.
	AddInitialToken(ctx context.Context, t InitialToken) error
	// InitialTokens returns all tokens, the oldest first; also such as are over or used up.
	InitialTokens(ctx context.Context) ([]InitialToken, error)
	// InitialToken returns the token with that hash, or store.ErrNotFound: one that is over or used up is none.
	InitialToken(ctx context.Context, hash string, now time.Time) (InitialToken, error)
	// SpendInitialToken makes the commit of ctx one use of the token: store.ErrNotFound, and nothing of the commit, if it has
	// none left, is over or was revoked.
	SpendInitialToken(ctx context.Context, hash string, now time.Time) error
	// DeleteInitialToken revokes the token with that id, or fails with store.ErrNotFound.
	DeleteInitialToken(ctx context.Context, id string) error
	// UnusedClients returns at most so many ids of clients that have registered themselves, were not changed since that time,
	// and that no code and no consent tells of.
	UnusedClients(ctx context.Context, since time.Time, most int) ([]string, error)
	// RequireUnused makes the commit of ctx rest on the client being one of those: store.ErrConflict if it is not.
	RequireUnused(ctx context.Context, id string, since time.Time) error
}

// Factors takes second factors away.
type Factors interface {
	// ResetFactors takes all factors of the subject away, ends what Sessions.EndAccess ends and a reset that was planned,
	// and blocks enrolment: from then on only a link lets the user set up a factor. It reports how many authenticators
	// there were.
	ResetFactors(ctx context.Context, subject string) (authenticators int, err error)
	// EnrolmentBlocked reports whether the subject may set up a factor with a link only.
	EnrolmentBlocked(ctx context.Context, subject string) (bool, error)
}

// Resets keeps resets that were announced.
type Resets interface {
	// PlanReset keeps a reset until it is due. store.ErrConflict if one is planned for the subject already.
	PlanReset(ctx context.Context, p mfa.PlannedReset) error
	// ResetOf returns the reset that is planned for the subject, or store.ErrNotFound.
	ResetOf(ctx context.Context, subject string) (mfa.PlannedReset, error)
	// DueResets returns resets whose time has come, not necessarily all at once.
	DueResets(ctx context.Context, now time.Time) ([]mfa.PlannedReset, error)
	// ProvedSince reports whether the user has proved a factor since the reset was announced.
	ProvedSince(ctx context.Context, id string) (bool, error)
	// TakeReset is EndReset for whoever carries the reset out in the same commit: store.ErrNotFound also if the user has
	// proved a factor meanwhile.
	TakeReset(ctx context.Context, id string) error
	// EndReset takes a reset out of the plan. Of any number of processes that do so at once, one succeeds:
	// store.ErrNotFound for the others.
	EndReset(ctx context.Context, id string) error
}

// Links keeps enrolment links.
type Links interface {
	// SaveEnrolLink keeps the link and ends those that the subject had before.
	SaveEnrolLink(ctx context.Context, l mfa.EnrolLink) error
	// EnrolLinkOf returns the subject's link that was not used and is not over, or store.ErrNotFound.
	EnrolLinkOf(ctx context.Context, subject string, now time.Time) (mfa.EnrolLink, error)
}

// SealedRow is a value that a secret key has sealed, and what it is bound to.
type SealedRow struct {
	ID      string // in its table
	Subject string // whose it is; empty for keys of the server
	Kind    string // of an authenticator; else empty
	KeyID   string
	Sealed  []byte
}

// Tables that hold what secret keys have sealed.
const (
	SealedAuthenticators = "authenticator"
	SealedSetups         = "setup" // a row's ID is its owner
	SealedSigningKeys    = "signing_key"
	SealedPairwiseKeys   = "pairwise_key"
)

// SealedRows finds what secret keys have sealed.
type SealedRows interface {
	// KeyIDs returns the ids of the secret keys that have sealed any row, by table.
	KeyIDs(ctx context.Context) (map[string][]string, error)
	// SealedWith returns at most so many rows of a table that the key has sealed, in the order of their IDs, from the one
	// after the given ID on.
	SealedWith(ctx context.Context, table, keyID, after string, most int) ([]SealedRow, error)
	// Reseal puts what fresh holds, with its key, in the place of what old holds. A row that was changed or deleted since
	// old was read stays as it is.
	Reseal(ctx context.Context, table string, old, fresh SealedRow) error
}

// SigningKeys keeps the keys that sign tokens.
type SigningKeys interface {
	jwks.Store
	// AdvanceSigningKey has the key sign from then on; store.ErrConflict if it does already, or is gone.
	AdvanceSigningKey(ctx context.Context, id string, signs time.Time) error
	// RetireSigningKey takes the key away; store.ErrConflict if somebody has, or it signs from another time on.
	RetireSigningKey(ctx context.Context, key jwks.SealedKey, at time.Time) error
}

// Usage is who uses what without a second factor.
type Usage interface {
	// ActiveAccounts returns how many accounts are not disabled.
	ActiveAccounts(ctx context.Context) (int, error)
	// AccountsWithoutFactor returns those of them that have no authenticator of the kinds, nil being any, by user name.
	AccountsWithoutFactor(ctx context.Context, kinds []string) ([]account.Account, error)
	// ClientsWithoutFactor returns which clients the AccountsWithoutFactor use, by subject.
	ClientsWithoutFactor(ctx context.Context, kinds []string) (map[string][]string, error)
}

// History is what happened to a user before.
type History interface {
	// Activity returns at most n events of the subject, of these kinds, the newest first: those that are older than the
	// event with the id before, or the newest of all if that is empty.
	Activity(ctx context.Context, subject string, kinds []string, before string, n int) ([]audit.Event, error)
}

// Store is all of this in one place.
type Store interface {
	Accounts
	Attempts
	Sessions
	Consents
	Clients
	Registrations
	Factors
	Resets
	Links
	SealedRows
	SigningKeys
	Usage
	History
	Seeds
	mfa.Store
	// Atomic is a store.Atomic.
	Atomic(ctx context.Context, fn func(ctx context.Context) error) error
}
