package mfa

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	refundsMost  = 10_000           // that are owed at once; who has more of them stays counted
	refundLife   = 24 * time.Hour   // longer than a window lasts
	refundUnsure = 30 * time.Second // after which a count whose answer was lost will not be committed any more
	refundFirst  = time.Second      // between two tries
	refundLast   = 30 * time.Second
)

// Counter is what of Attempts counts, and takes back what was no guess. The rest is for a Service alone: nobody else
// forgives anything. mfatest.TestStore proves it.
type Counter interface {
	Attempt(ctx context.Context, key string, limit Limit, now time.Time) (AttemptCount, error)
	AttemptSince(ctx context.Context, key string, limit Limit, since, now time.Time) (AttemptCount, error)
	AttemptAll(ctx context.Context, budgets []Budget, now time.Time) ([]AttemptCount, error)
	RefundAttempt(ctx context.Context, key, id string) error
	RefundAll(ctx context.Context, keys []string, id string) error
}

// Refunds counts guesses and gives those back that the server could not finish: the fault is not the user's. A guess
// whose count was not answered was not compared, and is given back by itself. A right one that could not be
// committed its counter gives to Refund. What cannot be given back at once is owed, in memory, until the store answers;
// a server that is killed owes nothing any more, so that there are never more guesses compared than counted.
//
// Each guess is given back once, however often it is tried: the store knows it by its id. All who count in one store
// share one Refunds.
type Refunds struct {
	Attempts Counter
	Now      func() time.Time // nil: time.Now

	mu    sync.Mutex
	owed  map[string]map[string]refund // by key and id
	count int
	wake  chan struct{}
}

// refund is a guess that is owed.
type refund struct {
	since  time.Time
	unsure bool // whether it is counted, or will be yet
}

// Attempt is Attempts.Attempt, but what is owed under the key is given back first, so that it cannot lock anybody out.
func (r *Refunds) Attempt(ctx context.Context, key string, limit Limit, now time.Time) (AttemptCount, error) {
	return r.guess(ctx, key, func() (AttemptCount, error) { return r.Attempts.Attempt(ctx, key, limit, now) })
}

// AttemptSince is Attempt for Attempts.AttemptSince.
func (r *Refunds) AttemptSince(ctx context.Context, key string, limit Limit, since, now time.Time) (AttemptCount, error) {
	return r.guess(ctx, key, func() (AttemptCount, error) { return r.Attempts.AttemptSince(ctx, key, limit, since, now) })
}

func (r *Refunds) guess(ctx context.Context, key string, guess func() (AttemptCount, error)) (AttemptCount, error) {
	if err := r.settle(ctx, key); err != nil {
		return AttemptCount{}, err
	}
	tally, err := guess()
	if err != nil && tally.ID != "" {
		r.owe(key, tally.ID, true)
	}
	return tally, err
}

// AttemptAll is Attempt for Attempts.AttemptAll.
func (r *Refunds) AttemptAll(ctx context.Context, budgets []Budget, now time.Time) ([]AttemptCount, error) {
	for _, b := range budgets {
		if err := r.settle(ctx, b.Key); err != nil {
			return nil, err
		}
	}
	found, err := r.Attempts.AttemptAll(ctx, budgets, now)
	if err != nil {
		for i, tally := range found {
			if tally.ID != "" {
				r.owe(budgets[i].Key, tally.ID, true)
			}
		}
	}
	return found, err
}

// RefundAll is Refund for a guess of AttemptAll.
func (r *Refunds) RefundAll(ctx context.Context, keys []string, id string) {
	if len(keys) == 0 {
		return
	}
	if err := r.Attempts.RefundAll(context.WithoutCancel(ctx), keys, id); err != nil {
		for _, key := range keys {
			r.owe(key, id, false)
		}
	}
}

// Refund gives a guess back that was right, or was not compared, now or as soon as the store answers.
func (r *Refunds) Refund(ctx context.Context, key, id string) {
	if err := r.Attempts.RefundAttempt(context.WithoutCancel(ctx), key, id); err != nil {
		r.owe(key, id, false)
	}
}

func (r *Refunds) owe(key, id string, unsure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, twice := r.owed[key][id]; twice || r.count >= refundsMost {
		return
	}
	if r.owed == nil {
		r.owed = map[string]map[string]refund{}
	}
	if r.owed[key] == nil {
		r.owed[key] = map[string]refund{}
	}
	r.owed[key][id] = refund{r.now(), unsure}
	r.count++
	select {
	case r.waker() <- struct{}{}:
	default: // it is awake
	}
}

// Owed returns how many guesses wait to be given back.
func (r *Refunds) Owed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Settle gives back all that is owed.
func (r *Refunds) Settle(ctx context.Context) error {
	r.mu.Lock()
	var keys []string
	for key := range r.owed {
		keys = append(keys, key)
	}
	r.mu.Unlock()
	var all []error
	for _, key := range keys {
		if err := r.settle(ctx, key); err != nil {
			all = append(all, err)
			break // the others would only fail too
		}
	}
	return errors.Join(all...)
}

// settle gives back what is owed under the key. A count that was not answered may be committed later than this, so
// that it stays owed for a while.
func (r *Refunds) settle(ctx context.Context, key string) error {
	for id, owed := range r.under(key) {
		age := r.now().Sub(owed.since)
		if err := r.Attempts.RefundAttempt(ctx, key, id); err != nil && age < refundLife {
			return fmt.Errorf("give a guess back: %w", err)
		}
		if !owed.unsure || age >= refundUnsure {
			r.drop(key, id)
		}
	}
	return nil
}

func (r *Refunds) under(key string) map[string]refund {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := make(map[string]refund, len(r.owed[key]))
	for id, owed := range r.owed[key] {
		found[id] = owed
	}
	return found
}

func (r *Refunds) drop(key, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.owed[key][id]; !ok {
		return
	}
	r.count--
	if delete(r.owed[key], id); len(r.owed[key]) == 0 {
		delete(r.owed, key)
	}
}

// Run gives back what is owed, again and again, until ctx ends.
func (r *Refunds) Run(ctx context.Context) {
	r.mu.Lock()
	wake := r.waker()
	r.mu.Unlock()
	pause := refundFirst
	for {
		err := r.Settle(ctx)
		switch {
		case err != nil:
			pause = min(2*pause, refundLast)
		default:
			pause = refundFirst
		}
		var later <-chan time.Time
		if r.Owed() > 0 {
			later = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-later:
		}
		if err != nil { // the store is away: whoever wakes this has just seen it too
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// waker is called with mu held.
func (r *Refunds) waker() chan struct{} {
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	return r.wake
}

func (r *Refunds) now() time.Time {
	if r.Now == nil {
		return time.Now()
	}
	return r.Now()
}
