package mfa_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
)

var errAway = errors.New("the store is away")

// patchy is a store whose answers get lost. What is cut before is not done, what is cut after is.
type patchy struct {
	*mfatest.Memory
	before, after atomic.Bool
	keeps         atomic.Bool // gives nothing back
	returns       atomic.Int64
}

func (p *patchy) Attempt(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.AttemptCount, error) {
	return p.guess(func() (mfa.AttemptCount, error) { return p.Memory.Attempt(ctx, key, limit, now) })
}

func (p *patchy) AttemptSince(ctx context.Context, key string, limit mfa.Limit, since, now time.Time) (mfa.AttemptCount, error) {
	return p.guess(func() (mfa.AttemptCount, error) { return p.Memory.AttemptSince(ctx, key, limit, since, now) })
}

func (p *patchy) guess(guess func() (mfa.AttemptCount, error)) (mfa.AttemptCount, error) {
	if p.before.Load() {
		return mfa.AttemptCount{ID: "not counted"}, errAway
	}
	tally, err := guess()
	if p.after.Load() {
		return mfa.AttemptCount{ID: tally.ID}, errAway
	}
	return tally, err
}

func (p *patchy) RefundAttempt(ctx context.Context, key, id string) error {
	p.returns.Add(1)
	if p.before.Load() || p.keeps.Load() {
		return errAway
	}
	err := p.Memory.RefundAttempt(ctx, key, id)
	if p.after.Load() {
		return errAway
	}
	return err
}

// commit is an Atomic of the store.
func (p *patchy) commit(ctx context.Context, fn func(context.Context) error) error {
	err := p.Memory.Atomic(ctx, func(ctx context.Context) error {
		if err := fn(ctx); err != nil || !p.before.Load() {
			return err
		}
		return errAway
	})
	if err == nil && p.after.Load() {
		err = errAway
	}
	return err
}

// unlucky is an env on a patchy store.
func unlucky(t *testing.T) (*env, *patchy) {
	t.Helper()
	w := enrolled(t)
	p := &patchy{Memory: w.memory}
	w.Attempts, w.Atomic = p, p.commit
	w.Refunds = &mfa.Refunds{Attempts: p, Now: func() time.Time { return w.now }}
	return w, p
}

// Whatever is lost when, right codes and those that were not compared are given back.
func TestRefunds(t *testing.T) {
	right := func(w *env) string { return w.code(w.secret, 0) }
	for name, give := range map[string]func(w *env, p *patchy){
		"the count is not made":            func(w *env, p *patchy) { p.before.Store(true); w.verify(right(w)) },
		"the answer to the count is lost":  func(w *env, p *patchy) { p.after.Store(true); w.verify(right(w)) },
		"the same of a wrong code":         func(w *env, p *patchy) { p.after.Store(true); w.verify(w.wrong(w.secret)) },
		"the commit is not made":           func(w *env, p *patchy) { w.breakIn(p, &p.before, right(w)) },
		"the answer to the commit is lost": func(w *env, p *patchy) { w.breakIn(p, &p.after, right(w)) },
		"a recovery code's commit is not made": func(w *env, p *patchy) {
			w.Recover(ctx, "ana", w.codes[0], w.now, func(context.Context, mfa.Proof, int) error { p.before.Store(true); return nil })
		},
		"a set-up's is not made": func(w *env, p *patchy) {
			v, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
			must(t, "Begin", err)
			w.Atomic = func(context.Context, func(context.Context) error) error { p.before.Store(true); return errAway }
			defer func() { w.Atomic = p.commit }()
			check(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Second"), errAway)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := unlucky(t)
			for range 11 {
				give(w, p)
				p.before.Store(false)
				p.after.Store(false)
			}
			must(t, "Settle", w.Refunds.Settle(ctx))
			for _, key := range w.AttemptKeys("ana") {
				tally, err := w.memory.Attempt(ctx, key, mfa.Limit{Guesses: 5, Window: time.Hour, Lock: time.Hour}, w.now)
				if err != nil || tally.Left != 4 || tally.InARow != 1 {
					t.Errorf("%s: the next guess is %+v (%v), want the first", key, tally, err)
				}
			}
		})
	}
}

// TestRefundsOfItsOwn: a Service that was given no Refunds gives back what it owes before the next guess.
func TestRefundsOfItsOwn(t *testing.T) {
	w, p := unlucky(t)
	w.Refunds = nil
	for range 20 {
		w.breakIn(p, &p.before, w.code(w.secret, 0))
		p.before.Store(false)
		w.Recover(ctx, "ana", w.codes[0], w.now, func(context.Context, mfa.Proof, int) error { p.before.Store(true); return nil })
		p.before.Store(false)
	}
	if codes, recovery := counted(t, w); codes != 0 || recovery != 0 {
		t.Errorf("%d codes and %d recovery codes stay counted, want none", codes, recovery)
	}
}

// A code that was compared and is wrong, or used, stays counted whatever is lost afterwards.
func TestNoRefund(t *testing.T) {
	w, p := unlucky(t)
	code := w.code(w.secret, 0)
	_, err := w.verify(code)
	must(t, "Verify", err)
	w.verify(code)
	w.verify(w.wrong(w.secret))
	p.before.Store(true)
	w.verify(w.code(w.secret, 1))
	p.before.Store(false)
	must(t, "Settle", w.Refunds.Settle(ctx))
	if got := w.left(t); got != 5-3 {
		t.Errorf("%d are left after three that were not right, want 2", got)
	}
}

// breakIn has the store go away when the code is counted and not yet spent.
func (w *env) breakIn(p *patchy, away *atomic.Bool, code string) {
	w.Verify(ctx, "ana", totp.Answer(code), w.now, func(context.Context, mfa.Proof) error {
		away.Store(true)
		return nil
	})
	w.now = w.now.Add(30 * time.Second)
}

// A right guess is given back before the next one is counted, so that it cannot lock.
func TestRefundComesFirst(t *testing.T) {
	w, p := unlucky(t)
	for range 20 {
		p.after.Store(true)
		if _, err := w.verify(w.code(w.secret, 0)); !errors.Is(err, errAway) {
			t.Fatalf("Verify: %v, want %v", err, errAway)
		}
		p.after.Store(false)
	}
	_, err := w.verify(w.code(w.secret, 0))
	must(t, "Verify", err)

	p.keeps.Store(true)
	for range 6 {
		w.now = w.now.Add(30 * time.Second)
		err := w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), w.now, func(context.Context, mfa.Proof) error { return errAway })
		check(t, "Verify while nothing is given back", err, errAway)
	}
}

// What is owed is given back as soon as the store answers, and is not forgotten while its count may come late.
func TestRefundsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patchy{Memory: mfatest.New()}
		r := &mfa.Refunds{Attempts: p}
		running, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan struct{})
		go func() { r.Run(running); close(done) }()

		limit := mfa.Limit{Guesses: 5, Window: time.Hour, Lock: time.Hour}
		tally, err := r.Attempt(ctx, "pwd:ana", limit, time.Now())
		must(t, "Attempt", err)
		p.before.Store(true)
		r.Refund(ctx, "pwd:ana", tally.ID)
		r.Refund(ctx, "pwd:ana", tally.ID) // is owed once
		time.Sleep(10 * time.Minute)
		if r.Owed() != 1 || p.returns.Load() > 40 {
			t.Errorf("%d are owed after %d tries, want 1 after at most 40", r.Owed(), p.returns.Load())
		}
		p.before.Store(false)
		time.Sleep(time.Minute)
		if r.Owed() != 0 {
			t.Errorf("%d are owed when the store is back, want none", r.Owed())
		}
		tally, err = p.Memory.Attempt(ctx, "pwd:ana", limit, time.Now())
		if err != nil || tally.Left != 4 {
			t.Errorf("the next guess leaves %d (%v), want 4", tally.Left, err)
		}

		p.before.Store(true)
		if _, err := r.Attempt(ctx, "pwd:ben", limit, time.Now()); !errors.Is(err, errAway) {
			t.Errorf("Guess: %v, want %v", err, errAway)
		}
		p.before.Store(false)
		time.Sleep(20 * time.Second)
		if r.Owed() != 1 {
			t.Errorf("%d are owed while the count may come, want 1", r.Owed())
		}
		time.Sleep(time.Minute)
		if r.Owed() != 0 {
			t.Errorf("%d are owed a minute later, want none", r.Owed())
		}
		stop()
		<-done
	})
}
