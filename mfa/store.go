package mfa

import (
	"context"
	"time"
)

// Authenticator is one that a user has confirmed, as a Store keeps it.
type Authenticator struct {
	ID      string
	Subject string
	Kind    string // the name of its Kind
	Name    string // chosen by the user; its NameKey is unique among the user's
	KeyID   string // the secret key that sealed Secret
	Secret  []byte // sealed, bound to the kind, the subject and the ID
	Params  string // what else its Kind must know, which need not be secret; a proof may change it
	// Counter is that of the last accepted answer, e.g. the time step of a code. It only rises: no answer with that or a
	// smaller one is ever accepted again. It stays 0 for one that does not count.
	Counter  int64
	Created  time.Time
	LastUsed time.Time // zero if never used after it was confirmed
}

// credential is the authenticator without its secret.
func (a Authenticator) credential() Credential {
	return Credential{ID: a.ID, Kind: a.Kind, Name: a.Name, Params: a.Params, Counter: a.Counter, Created: a.Created}
}

// KindParams is a kind of authenticator that a user has, and its settings.
type KindParams struct {
	Kind   string
	Params string
	Used   time.Time // when one of these was last used; zero if never
}

// RecoverySet is the verifiers of a user's live recovery codes: one salt, one digest for each code.
type RecoverySet struct {
	ID      string
	Subject string
	Salt    []byte
	Params  string   // of the slow hash, e.g. "$argon2id$v=19$m=19456,t=2,p=1"
	Digests [][]byte // on reading, those of the codes that were not used
	Total   int      // how many codes the set had when it was made
	Created time.Time
}

// Setup is an enrolment or a new set of recovery codes under way. It counts for nothing until
// it is activated.
type Setup struct {
	Owner     string // the session or interaction that began it; nobody else sees it
	Subject   string
	ID        string // of the authenticator to be; empty when only recovery codes are replaced
	Kind      string // its Kind; empty like ID
	Basis     int64  // the Generation of the subject's factors when it began
	KeyID     string // the secret key that sealed Sealed
	Sealed    []byte // the authenticator to be and the plain recovery codes, as JSON, bound to subject and owner
	Confirmed bool   // a right answer was given
	Name      string
	Created   time.Time
	Expires   time.Time
}

// Factors is all that a user has enrolled.
type Factors struct {
	Generation     int64 // raised by each change of the factors; 0 when there never were any
	Authenticators []Authenticator
	Recovery       *RecoverySet // nil if there is none
}

// Store keeps factors. mfatest.TestStore proves one, together with its Attempts and Setups, and mfatest.TestService what a
// Service makes of them.
type Store interface {
	// KindsOf returns the kinds of the subject's live authenticators with their Params, each pair once with its last use,
	// in any order; none if there is no authenticator.
	KindsOf(ctx context.Context, subject string) ([]KindParams, error)
	// Factors returns what the subject has; no factor is no error.
	Factors(ctx context.Context, subject string) (Factors, error)
	// KindsAlong and FactorsAlong are KindsOf and Factors, as what is asked along with the next Attempt, AttemptSince or
	// AttemptAll that has the context which is returned: after it, and at no cost of its own if the store can. found returns
	// the answer, or asks for it.
	KindsAlong(ctx context.Context, subject string) (_ context.Context, found func(context.Context) ([]KindParams, error))
	FactorsAlong(ctx context.Context, subject string) (_ context.Context, found func(context.Context) (Factors, error))
	// Activate makes the authenticator (nil: none) and the recovery set (nil: the old one stays) live
	// and deletes the owner's setup, all in one commit. A new set ends the old one in the same instant.
	// ErrChanged if the subject's Generation is no longer basis or the owner's setup is gone.
	// The name of an authenticator is checked by the caller; basis vouches for that too.
	Activate(ctx context.Context, subject, owner string, basis int64, a *Authenticator, r *RecoverySet) error
	// Add makes the authenticator live without a setup. ErrChanged if the subject's Generation is no longer basis.
	Add(ctx context.Context, basis int64, a Authenticator) error
	// Rename gives the authenticator another name, and deletes the confirmed setups of the subject that would take one
	// with the same NameKey. ErrChanged if the subject's Generation is no longer basis, which stays as it is;
	// ErrNotEnrolled if the authenticator is gone. The name is checked by the caller.
	Rename(ctx context.Context, subject, id string, basis int64, name string) error
	// RequireFactors makes the commit of ctx rest on the subject's factors: ErrChanged, and nothing of the commit, if its
	// Generation is not basis, which stays as it is. A change of the factors waits for the commit, and the commit for it.
	RequireFactors(ctx context.Context, subject string, basis int64) error
	// Remove deletes the authenticator; with the last one go the recovery codes, setups and guesses of
	// the subject, those at the password (under pwd) aside. ErrNotEnrolled if it is gone.
	Remove(ctx context.Context, subject, id string) error
	// RemoveSpare is Remove of an authenticator that is not the only one. ErrLast if it is, or if it is gone: of two that
	// are removed at once, one stays. An operator calls it, or Remove, as it is; users have a Service do it, over a proof.
	RemoveSpare(ctx context.Context, subject, id string) error
	// Reset deletes all that Remove does, for all authenticators, and reports how many there were. It is for operators,
	// and for when an account goes; a Service never calls it.
	Reset(ctx context.Context, subject string) (int, error)
}

// Returnable is how many guesses of a window can be taken back at least. Under one key no more than a few for each
// processor are compared at once, and none waits for long to be taken back while others are counted.
const Returnable = 128

// Attempts counts and spends. Each method is one atomic step over any number of processes. mfatest.TestStore proves it.
//
// A key is a factor, a colon and whose budget it is, a subject; what follows a | tells the budgets of one factor and one
// owner apart. A Service has keys such as "totp:ana" and "recovery:ana". Those of passwords are counted at the name that was
// typed, "pwd:ana|" and a hash of it; nobody owns the key of a name that no account has, which is "pwd:|" and the hash. A
// store takes keys as they are, and makes of them no more than whose they are, for Store.Remove and Store.Reset.
type Attempts interface {
	// Attempt counts a guess under key, in the window and in a row, and commits the count before it returns, even
	// inside an Atomic. A guess during a lock, or after InARow, is refused: it is not counted and changes nothing. The
	// guess that uses up the window begins the lock; when the lock or the window is over, the next guess begins a new
	// window. AttemptCount.Left is what is left after this guess: the last that is allowed gets 0, and not an error, for it
	// is compared like the others. When Attempt fails, AttemptCount.ID still names the guess if it may be counted.
	Attempt(ctx context.Context, key string, limit Limit, now time.Time) (AttemptCount, error)
	// RefundAttempt takes back the guess of that AttemptCount.ID, in the window and in a row, and with it the lock that
	// began because it was counted. Nothing happens when it was not counted, was taken back before, its window is over,
	// or ResetAttempts has set back what it was counted in: so it may be tried again when it is not known
	// whether it happened. A store need know only the last guesses of a window, Returnable of them; it may leave an
	// older one counted.
	RefundAttempt(ctx context.Context, key, id string) error
	// AttemptAll is Attempt for one guess that counts in several budgets: in all of them, under one ID, or in none. What it
	// returns is in their order. If one refuses, those that do say so, and nothing is counted. Two that have budgets in common
	// name them in the same order.
	AttemptAll(ctx context.Context, budgets []Budget, now time.Time) ([]AttemptCount, error)
	// RefundAll is RefundAttempt for a guess of AttemptAll: it takes it back under all of the keys. They come in that order.
	RefundAll(ctx context.Context, keys []string, id string) error
	// AttemptSince is Attempt for whoever gave a password at the time since. It refuses, with AttemptCount.Stale, when
	// a lock of the key has ended after that: it is not counted then and changes nothing.
	AttemptSince(ctx context.Context, key string, limit Limit, since, now time.Time) (AttemptCount, error)
	// ResetAttempts forgets the guesses under the key, and a lock that is not over; but not when the last lock ended,
	// which is now if that lock was not over. Under each of the others it has the guesses in a row begin anew if there were
	// as many as its Limit.InARow; their windows and locks stay. Only a Service calls it, for a right guess.
	ResetAttempts(ctx context.Context, key string, now time.Time, others ...Budget) error
	// Spend sets Counter to counter, Params to params and LastUsed to now if Counter is smaller, or both are 0; else
	// ErrUsed.
	Spend(ctx context.Context, authenticator string, counter int64, params string, now time.Time) error
	// Redeem marks the code of that set and digest used; ErrCode if there is none left.
	Redeem(ctx context.Context, set string, digest []byte, now time.Time) error
}

// Setups keeps enrolments under way, one for each owner. mfatest.TestStore proves it.
type Setups interface {
	// Setup returns the owner's setup, expired or not, or ErrNoSetup.
	Setup(ctx context.Context, owner string) (Setup, error)
	// SaveSetup inserts or replaces the owner's setup.
	SaveSetup(ctx context.Context, s Setup) error
	// ConfirmSetup replaces the owner's setup by s, which is what a right answer has made of it; ErrNoSetup if it is no
	// longer there, or has another ID or Subject.
	ConfirmSetup(ctx context.Context, s Setup) error
	// DeleteSetup removes it; none is no error.
	DeleteSetup(ctx context.Context, owner string) error
}

// Limit is a budget of guesses.
type Limit struct {
	Guesses int           // at most so many in a window
	Window  time.Duration // from the first guess
	Lock    time.Duration // how long the last allowed guess locks, if nothing forgives it
	InARow  int           // so many in a row, at any pace, lock until ResetAttempts says otherwise; 0: no such end
}

// Budget is where guesses are counted, and how many of them there may be.
type Budget struct {
	Key   string
	Limit Limit
}

// AttemptCount is what an Attempt found.
type AttemptCount struct {
	ID          string    // of the guess, for RefundAttempt; no other under the key has the same
	Left        int       // guesses left after this one, in the window or until InARow, whichever are fewer; 0: it was the last
	InARow      int       // guesses since the last ResetAttempts, this one included
	LockedUntil time.Time // not zero: refused
	Disabled    bool      // InARow is reached: refused until a ResetAttempts that names the key
	Stale       time.Time // not zero: refused by AttemptSince, because a lock ended then
}
