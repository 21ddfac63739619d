package operator

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strconv"
	"strings"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// What was made to measure a server with is known by this.
const (
	SeedPrefix = "bench-"          // the subject and the user name of each account begin with it; no other subject does
	SeedClient = "vestibule-bench" // the id of the client
	SeedReturn = "http://127.0.0.1/vestibule-bench"
)

// SeedBatch is how many users one commit makes, or removes, so that others who write to a SQLite file do not wait for long.
const SeedBatch = 100

// Seeds are accounts that were made to measure with.
type Seeds interface {
	// AddSeeded inserts accounts with that password hash, and an authenticator for each: all, or store.ErrConflict if one of
	// the subjects or user names is taken.
	AddSeeded(ctx context.Context, hash string, all []SeededAccount) error
	// SeededAccounts returns the subjects of all that there are, and how many other accounts there are.
	SeededAccounts(ctx context.Context) (subjects []string, others int64, err error)
	// DeleteAccounts removes the accounts with all that is theirs, and ends what they have open.
	DeleteAccounts(ctx context.Context, subjects []string) error
}

// SeededAccount is an account without an address, and its authenticator.
type SeededAccount struct {
	account.Account
	Factor mfa.Authenticator
}

// Seeding is a password that users who are made to measure with share. A hash for each would take hours for what a second
// can do; nobody guesses the password, which is random.
type Seeding struct {
	Password string
	hash     string
}

// NewSeeding makes a password.
func (o *Operator) NewSeeding(ctx context.Context) (Seeding, error) {
	password := rand.Text()
	hash, err := o.hash(ctx, account.Account{}, password)
	return Seeding{password, hash}, err
}

// SeedClientOf is what the client registers that users who are made to measure with sign in to.
func SeedClientOf() NewClient {
	return NewClient{Client: client.Client{ID: SeedClient, Name: "Measurement", RedirectURIs: []string{SeedReturn}}}
}

// Seeded is a user who was made to measure with.
type Seeded struct {
	Username string `json:"username"`
	Secret   string `json:"secret"` // of the authenticator, in base32
}

// SeedUsers makes so many users, at most SeedBatch, with the password and an authenticator each. Their names count from first
// on. They have no address, so that no mail goes to anybody. store.ErrConflict if there is one of such a name.
func (o *Operator) SeedUsers(ctx context.Context, s Seeding, first, n int) ([]Seeded, error) {
	users, accounts := make([]Seeded, n), make([]SeededAccount, n)
	for i := range users {
		users[i] = newSeeded(first + i)
		var err error
		if accounts[i], err = o.seeded(users[i]); err != nil {
			return nil, err
		}
	}
	e := audit.Event{Kind: audit.EventAdminBenchSeeded, Detail: map[string]string{"users": strconv.Itoa(n), "from": users[0].Username}}
	return users, o.commit(ctx, e, func(ctx context.Context) error { return o.Seeds.AddSeeded(ctx, s.hash, accounts) })
}

func newSeeded(number int) Seeded {
	secret := make([]byte, 20)
	rand.Read(secret)
	return Seeded{fmt.Sprintf("%s%06d", SeedPrefix, number), base32.StdEncoding.EncodeToString(secret)}
}

// seeded is the user as a store keeps one. No other account is made without its name being looked at first: these are all
// letters, digits and a hyphen.
func (o *Operator) seeded(u Seeded) (SeededAccount, error) {
	now := o.now()
	a := account.Account{Subject: SeedPrefix + rand.Text(), Username: u.Username, Name: u.Username, Created: now, Updated: now, PasswordSet: now}
	app, err := totp.ParseSecret(u.Secret, false)
	if err != nil {
		return SeededAccount{}, err
	}
	app.Name = SeedClient
	factor, err := totp.Sealed(o.Keys, a.Subject, app, now)
	return SeededAccount{a, factor}, err
}

// DeleteSeeded removes such users, of those subjects, with all that is theirs: at most SeedBatch, and none who was not made
// to measure with.
func (o *Operator) DeleteSeeded(ctx context.Context, subjects []string) error {
	for _, subject := range subjects {
		if !strings.HasPrefix(subject, SeedPrefix) {
			return fmt.Errorf("user %s was not made to measure with", subject)
		}
	}
	e := audit.Event{Kind: audit.EventAdminBenchRemoved, Detail: map[string]string{"users": strconv.Itoa(len(subjects))}}
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Seeds.DeleteAccounts(ctx, subjects) })
}
