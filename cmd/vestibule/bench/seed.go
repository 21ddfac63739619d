package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// Reasons not to make users.
var (
	// ErrSeeded reports users that were made to measure with before.
	ErrSeeded = errors.New("there are users to measure with already")
	// ErrOthers reports users who are real.
	ErrOthers = errors.New("the database has users who were not made to measure with")
)

// Seed makes so many users, in commits of a batch each, and the client that they sign in to. It comes first, and goes last,
// so that a server that finds the client knows that there are such users. beside: also in a database that has others; else
// that is an ErrOthers. When it fails, what it had done stays, for Clean.
func Seed(ctx context.Context, o *operator.Operator, n int, beside bool) (Users, error) {
	switch before, others, err := o.Seeds.SeededAccounts(ctx); {
	case err != nil:
		return Users{}, err
	case len(before) > 0:
		return Users{}, ErrSeeded
	case others > 0 && !beside:
		return Users{}, ErrOthers
	}
	s, err := o.NewSeeding(ctx)
	if err != nil {
		return Users{}, err
	}
	c, secret, err := o.RegisterClient(ctx, operator.SeedClientOf())
	if errors.Is(err, store.ErrConflict) {
		err = ErrSeeded
	}
	if err != nil {
		return Users{}, err
	}
	made := Users{ClientID: c.ID, Secret: secret, Password: s.Password}
	for len(made.Users) < n {
		some, err := o.SeedUsers(ctx, s, len(made.Users)+1, min(operator.SeedBatch, n-len(made.Users)))
		if err != nil {
			return Users{}, fmt.Errorf("make users: %w", err)
		}
		made.Users = append(made.Users, some...)
	}
	return made, nil
}

// Cleaned is what Clean has removed.
type Cleaned struct {
	Users  int
	Client bool
}

// Clean removes all that Seed has made, and what came of it. It may be run again.
func Clean(ctx context.Context, o *operator.Operator) (done Cleaned, err error) {
	subjects, _, err := o.Seeds.SeededAccounts(ctx)
	if err != nil {
		return done, err
	}
	for some := range slices.Chunk(subjects, operator.SeedBatch) {
		if err := o.DeleteSeeded(ctx, some); err != nil {
			return done, fmt.Errorf("remove users: %w", err)
		}
		done.Users += len(some)
	}
	err = o.DeleteClient(ctx, operator.SeedClient)
	if errors.Is(err, store.ErrNotFound) {
		return done, nil
	}
	done.Client = err == nil
	return done, err
}
