// Package mfatest proves what keeps the contracts of mfa: stores by TestStore and TestService, kinds of authenticators by
// TestKind. It has one of each that works: Memory, and Key.
package mfatest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vestibule/mfa"
)

// Memory keeps what the three contracts of mfa keep, for tests and examples.
type Memory struct {
	mu   sync.Mutex
	data data
}

type data struct {
	generations    map[string]int64
	authenticators map[string]mfa.Authenticator // by id
	sets           map[string]mfa.RecoverySet   // by subject
	setups         map[string]mfa.Setup         // by owner
	tries          map[string]tries             // by key
}

type tries struct {
	started time.Time
	window  int
	inARow  int
	locked  time.Time
	last    time.Time // end of the last lock that was over at a guess
	ids     []string  // of the last guesses of the window
}

// unlocked is when the last lock ended that is over.
func (t tries) unlocked(now time.Time) time.Time {
	if t.locked.After(t.last) && !now.Before(t.locked) {
		return t.locked
	}
	return t.last
}

// New returns an empty Memory.
func New() *Memory {
	return &Memory{data: data{
		generations:    make(map[string]int64),
		authenticators: make(map[string]mfa.Authenticator),
		sets:           make(map[string]mfa.RecoverySet),
		setups:         make(map[string]mfa.Setup),
		tries:          make(map[string]tries),
	}}
}

func (d data) clone() data {
	return data{maps.Clone(d.generations), maps.Clone(d.authenticators), maps.Clone(d.sets), maps.Clone(d.setups), maps.Clone(d.tries)}
}

// pending is the writes that an Atomic has put off.
type pending struct{ writes []func(data) error }

type pendingKey struct{}

// Atomic runs fn, and then all that it wrote or nothing of it.
func (m *Memory) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, ok := ctx.Value(pendingKey{}).(*pending); ok {
		return fn(ctx)
	}
	p := &pending{}
	if err := fn(context.WithValue(ctx, pendingKey{}, p)); err != nil {
		return err
	}
	return m.commit(p.writes...)
}

func (m *Memory) write(ctx context.Context, fn func(data) error) error {
	if p, ok := ctx.Value(pendingKey{}).(*pending); ok {
		p.writes = append(p.writes, fn)
		return nil
	}
	return m.commit(fn)
}

func (m *Memory) commit(writes ...func(data) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.data.clone()
	for _, fn := range writes {
		if err := fn(d); err != nil {
			return err
		}
	}
	m.data = d
	return nil
}

func (m *Memory) read() data {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data.clone()
}

// KindsOf implements mfa.Store.
func (m *Memory) KindsOf(_ context.Context, subject string) ([]mfa.KindParams, error) {
	var kinds []mfa.KindParams
	for _, a := range m.read().of(subject) {
		i := slices.IndexFunc(kinds, func(k mfa.KindParams) bool { return k.Kind == a.Kind && k.Params == a.Params })
		if i < 0 {
			i, kinds = len(kinds), append(kinds, mfa.KindParams{Kind: a.Kind, Params: a.Params})
		}
		if a.LastUsed.After(kinds[i].Used) {
			kinds[i].Used = a.LastUsed
		}
	}
	return kinds, nil
}

// Factors implements mfa.Store.
func (m *Memory) Factors(_ context.Context, subject string) (mfa.Factors, error) {
	d := m.read()
	f := mfa.Factors{Generation: d.generations[subject], Authenticators: d.of(subject)}
	if set, ok := d.sets[subject]; ok {
		f.Recovery = &set
	}
	return f, nil
}

// KindsAlong implements mfa.Store: here no question costs anything.
func (m *Memory) KindsAlong(ctx context.Context, subject string) (context.Context, func(context.Context) ([]mfa.KindParams, error)) {
	return ctx, func(ctx context.Context) ([]mfa.KindParams, error) { return m.KindsOf(ctx, subject) }
}

// FactorsAlong implements mfa.Store.
func (m *Memory) FactorsAlong(ctx context.Context, subject string) (context.Context, func(context.Context) (mfa.Factors, error)) {
	return ctx, func(ctx context.Context) (mfa.Factors, error) { return m.Factors(ctx, subject) }
}

func (d data) of(subject string) []mfa.Authenticator {
	var all []mfa.Authenticator
	for _, a := range d.authenticators {
		if a.Subject == subject {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b mfa.Authenticator) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Activate implements mfa.Store.
func (m *Memory) Activate(ctx context.Context, subject, owner string, basis int64, a *mfa.Authenticator, r *mfa.RecoverySet) error {
	return m.write(ctx, func(d data) error {
		if setup, ok := d.setups[owner]; !ok || setup.Subject != subject || d.generations[subject] != basis {
			return mfa.ErrChanged
		}
		delete(d.setups, owner)
		d.generations[subject]++
		if a != nil {
			d.authenticators[a.ID] = *a
		}
		if r != nil {
			d.sets[subject] = *r
		}
		return nil
	})
}

// Add implements mfa.Store.
func (m *Memory) Add(ctx context.Context, basis int64, a mfa.Authenticator) error {
	return m.write(ctx, func(d data) error {
		if d.generations[a.Subject] != basis {
			return mfa.ErrChanged
		}
		d.generations[a.Subject]++
		d.authenticators[a.ID] = a
		return nil
	})
}

// Rename implements mfa.Store.
func (m *Memory) Rename(ctx context.Context, subject, id string, basis int64, name string) error {
	return m.write(ctx, func(d data) error {
		a := d.authenticators[id]
		switch {
		case d.generations[subject] != basis:
			return mfa.ErrChanged
		case a.Subject != subject:
			return mfa.ErrNotEnrolled
		}
		a.Name = name
		d.authenticators[id] = a
		maps.DeleteFunc(d.setups, func(_ string, s mfa.Setup) bool {
			return s.Subject == subject && s.Confirmed && s.ID != "" && mfa.NameKey(s.Name) == mfa.NameKey(name)
		})
		return nil
	})
}

// RequireFactors implements mfa.Store.
func (m *Memory) RequireFactors(ctx context.Context, subject string, basis int64) error {
	return m.write(ctx, func(d data) error {
		if d.generations[subject] != basis {
			return mfa.ErrChanged
		}
		return nil
	})
}

// Remove implements mfa.Store.
func (m *Memory) Remove(ctx context.Context, subject, id string) error {
	return m.write(ctx, func(d data) error {
		if d.authenticators[id].Subject != subject {
			return mfa.ErrNotEnrolled
		}
		delete(d.authenticators, id)
		d.generations[subject]++
		if len(d.of(subject)) == 0 {
			d.forget(subject)
		}
		return nil
	})
}

// RemoveSpare implements mfa.Store.
func (m *Memory) RemoveSpare(ctx context.Context, subject, id string) error {
	return m.write(ctx, func(d data) error {
		if d.authenticators[id].Subject != subject || len(d.of(subject)) < 2 {
			return mfa.ErrLast
		}
		delete(d.authenticators, id)
		d.generations[subject]++
		return nil
	})
}

// Reset implements mfa.Store.
func (m *Memory) Reset(ctx context.Context, subject string) (int, error) {
	had := len(m.read().of(subject))
	return had, m.write(ctx, func(d data) error {
		maps.DeleteFunc(d.authenticators, func(_ string, a mfa.Authenticator) bool { return a.Subject == subject })
		d.generations[subject]++
		d.forget(subject)
		return nil
	})
}

func (d data) forget(subject string) {
	delete(d.sets, subject)
	maps.DeleteFunc(d.setups, func(_ string, s mfa.Setup) bool { return s.Subject == subject })
	maps.DeleteFunc(d.tries, func(key string, _ tries) bool {
		budget, owner, _ := strings.Cut(key, ":")
		owner, _, _ = strings.Cut(owner, "|")
		return owner == subject && budget != "pwd"
	})
}

// Attempt implements mfa.Attempts.
func (m *Memory) Attempt(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.AttemptCount, error) {
	return m.AttemptSince(ctx, key, limit, time.Unix(1<<40, 0), now)
}

// AttemptSince implements mfa.Attempts.
func (m *Memory) AttemptSince(_ context.Context, key string, limit mfa.Limit, since, now time.Time) (mfa.AttemptCount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if refused := m.data.tries[key].refuses(limit, since, now); refused != (mfa.AttemptCount{}) {
		return refused, nil
	}
	return m.count(key, rand.Text(), limit, now), nil
}

// AttemptAll implements mfa.Attempts.
func (m *Memory) AttemptAll(_ context.Context, budgets []mfa.Budget, now time.Time) ([]mfa.AttemptCount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := make([]mfa.AttemptCount, len(budgets))
	refused := false
	for i, b := range budgets {
		found[i] = m.data.tries[b.Key].refuses(b.Limit, time.Unix(1<<40, 0), now)
		refused = refused || found[i] != mfa.AttemptCount{}
	}
	if refused {
		return found, nil
	}
	id := rand.Text()
	for i, b := range budgets {
		found[i] = m.count(b.Key, id, b.Limit, now)
	}
	return found, nil
}

// refuses says why no guess is counted; the zero value: one is.
func (t tries) refuses(limit mfa.Limit, since, now time.Time) mfa.AttemptCount {
	switch {
	case limit.InARow > 0 && t.inARow >= limit.InARow:
		return mfa.AttemptCount{Disabled: true}
	case now.Before(t.locked):
		return mfa.AttemptCount{LockedUntil: t.locked}
	case since.Before(t.unlocked(now)):
		return mfa.AttemptCount{Stale: t.unlocked(now)}
	}
	return mfa.AttemptCount{}
}

// count is called with mu held.
func (m *Memory) count(key, id string, limit mfa.Limit, now time.Time) mfa.AttemptCount {
	t := m.data.tries[key]
	t.last = t.unlocked(now)
	if t.window >= limit.Guesses || !now.Before(t.started.Add(limit.Window)) {
		t.started, t.window, t.ids = now, 0, nil
	}
	t.window++
	t.inARow++
	if t.window >= limit.Guesses {
		t.locked = now.Add(limit.Lock)
	}
	t.ids = append(slices.Clone(t.ids[max(0, len(t.ids)+1-mfa.Returnable):]), id)
	m.data.tries[key] = t
	left := limit.Guesses - t.window
	if limit.InARow > 0 {
		left = min(left, limit.InARow-t.inARow)
	}
	return mfa.AttemptCount{ID: id, Left: left, InARow: t.inARow}
}

// RefundAll implements mfa.Attempts.
func (m *Memory) RefundAll(ctx context.Context, keys []string, id string) error {
	var all []error
	for _, key := range keys {
		all = append(all, m.RefundAttempt(ctx, key, id))
	}
	return errors.Join(all...)
}

// RefundAttempt implements mfa.Attempts.
func (m *Memory) RefundAttempt(ctx context.Context, key, id string) error {
	return m.write(ctx, func(d data) error {
		t := d.tries[key]
		if i := slices.Index(t.ids, id); i >= 0 {
			t.window, t.inARow, t.locked, t.ids = t.window-1, t.inARow-1, time.Time{}, slices.Delete(slices.Clone(t.ids), i, i+1)
			d.tries[key] = t
		}
		return nil
	})
}

// ResetAttempts implements mfa.Attempts.
func (m *Memory) ResetAttempts(ctx context.Context, key string, now time.Time, others ...mfa.Budget) error {
	return m.write(ctx, func(d data) error {
		t := d.tries[key]
		if now.Before(t.locked) {
			t.locked = now
		}
		d.tries[key] = tries{last: t.unlocked(now)}
		for _, b := range others {
			if t := d.tries[b.Key]; b.Limit.InARow > 0 && t.inARow >= b.Limit.InARow {
				t.inARow, t.ids = 0, nil
				d.tries[b.Key] = t
			}
		}
		return nil
	})
}

// Spend implements mfa.Attempts.
func (m *Memory) Spend(ctx context.Context, authenticator string, counter int64, params string, now time.Time) error {
	return m.write(ctx, func(d data) error {
		a, ok := d.authenticators[authenticator]
		if !ok || a.Counter >= counter && (a.Counter != 0 || counter != 0) {
			return mfa.ErrUsed
		}
		a.Counter, a.Params, a.LastUsed = counter, params, now
		d.authenticators[authenticator] = a
		return nil
	})
}

// Redeem implements mfa.Attempts.
func (m *Memory) Redeem(ctx context.Context, set string, digest []byte, _ time.Time) error {
	return m.write(ctx, func(d data) error {
		for subject, r := range d.sets {
			i := slices.IndexFunc(r.Digests, func(b []byte) bool { return bytes.Equal(b, digest) })
			if r.ID == set && i >= 0 {
				r.Digests = slices.Delete(slices.Clone(r.Digests), i, i+1)
				d.sets[subject] = r
				return nil
			}
		}
		return mfa.ErrCode
	})
}

// Setup implements mfa.Setups.
func (m *Memory) Setup(_ context.Context, owner string) (mfa.Setup, error) {
	s, ok := m.read().setups[owner]
	if !ok {
		return mfa.Setup{}, mfa.ErrNoSetup
	}
	return s, nil
}

// SaveSetup implements mfa.Setups.
func (m *Memory) SaveSetup(ctx context.Context, s mfa.Setup) error {
	return m.write(ctx, func(d data) error {
		d.setups[s.Owner] = s
		return nil
	})
}

// ConfirmSetup implements mfa.Setups.
func (m *Memory) ConfirmSetup(ctx context.Context, s mfa.Setup) error {
	return m.write(ctx, func(d data) error {
		if old, ok := d.setups[s.Owner]; !ok || old.ID != s.ID || old.Subject != s.Subject {
			return mfa.ErrNoSetup
		}
		d.setups[s.Owner] = s
		return nil
	})
}

// DeleteSetup implements mfa.Setups.
func (m *Memory) DeleteSetup(ctx context.Context, owner string) error {
	return m.write(ctx, func(d data) error {
		delete(d.setups, owner)
		return nil
	})
}
