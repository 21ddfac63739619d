package account_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/store"
)

// host keeps one user. It cannot tell more of the account than how it is.
type host struct {
	user  account.Account
	asked int64 // in which epoch it was last said to be
}

func (h *host) Account(_ context.Context, subject string) (account.Account, error) {
	if subject != h.user.Subject {
		return account.Account{}, store.ErrNotFound
	}
	return h.user, nil
}

func (h *host) Authenticate(ctx context.Context, name, _ string, count account.Count) (account.Account, error) {
	err := count(ctx, account.Guess{Key: name, Subject: h.user.Subject, Epoch: h.user.Epoch})
	return h.user, err
}

func (h *host) NoteSignIn(ctx context.Context, subject string, epoch int64, _ time.Time) error {
	return h.RequireAccount(ctx, subject, epoch)
}

func (h *host) RequireAccount(_ context.Context, _ string, epoch int64) error {
	h.asked = epoch
	return nil
}

// endings are those of that user.
type endings int64

func (e *endings) Endings(context.Context, string) (int64, error) { return int64(*e), nil }

func (e *endings) RequireEndings(_ context.Context, _ string, n int64) error {
	if n != int64(*e) {
		return account.ErrPassword
	}
	return nil
}

// TestElsewhere: what was ended at the host and what was ended here both end what came before, and neither hides the other.
func TestElsewhere(t *testing.T) {
	h, ended := &host{user: account.Account{Subject: "ana", Epoch: 5}}, new(endings)
	e := &account.Elsewhere{Accounts: h, Endings: ended}
	for _, step := range []struct {
		name  string
		end   func()
		epoch int64
	}{
		{"nothing", func() {}, 5},
		{"all, here", func() { *ended++ }, 6},
		{"all, at the host", func() { h.user.Epoch++ }, 7},
		{"all, here once more", func() { *ended++ }, 8},
	} {
		step.end()
		var guessed int64
		read, err := e.Account(t.Context(), "ana")
		given, authErr := e.Authenticate(t.Context(), "ana", "", func(_ context.Context, g account.Guess) error {
			guessed = g.Epoch
			return nil
		})
		if err := errors.Join(err, authErr); err != nil || read.Epoch != step.epoch || given.Epoch != step.epoch || guessed != step.epoch {
			t.Errorf("%s was ended: the epoch is %d, %d with a password, %d of a guess (%v); want %d", step.name, read.Epoch, given.Epoch, guessed, err, step.epoch)
		}
		for epoch := int64(4); epoch <= 9; epoch++ {
			h.asked = -1
			err := errors.Join(e.RequireAccount(t.Context(), "ana", epoch), e.NoteSignIn(t.Context(), "ana", epoch, time.Time{}))
			if good := epoch == step.epoch; errors.Is(err, account.ErrPassword) == good || good && h.asked != h.user.Epoch {
				t.Errorf("%s was ended: a commit that rests on the epoch %d: %v, and the host was asked for %d", step.name, epoch, err, h.asked)
			}
		}
	}
	h.user.Disabled = true
	for _, subject := range []string{"ana", "ben"} {
		if err := e.RequireAccount(t.Context(), subject, 8); !errors.Is(err, account.ErrPassword) {
			t.Errorf("a commit that rests on an account that nobody may use: %v, want %v", err, account.ErrPassword)
		}
	}
}

// TestElsewhereEndsMeanwhile: a password that was right before all was ended is of the epoch before.
func TestElsewhereEndsMeanwhile(t *testing.T) {
	h, ended := &host{user: account.Account{Subject: "ana"}}, new(endings)
	e := &account.Elsewhere{Accounts: h, Endings: ended}
	given, err := e.Authenticate(t.Context(), "ana", "", func(context.Context, account.Guess) error {
		*ended++
		return nil
	})
	if err != nil || given.Epoch != 0 {
		t.Errorf("the epoch is %d (%v), want 0", given.Epoch, err)
	}
	if err := e.NoteSignIn(t.Context(), "ana", given.Epoch, time.Time{}); !errors.Is(err, account.ErrPassword) {
		t.Errorf("its sign-in: %v, want %v", err, account.ErrPassword)
	}
}
