package database

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// atomically is what an Atomic has put off.
type atomically struct {
	locks  []write // what it rests on
	writes []write
	undo   []func()
	over   bool
}

type atomicKey struct{ d *DB }

func (d *DB) pending(ctx context.Context) *atomically {
	p, _ := ctx.Value(atomicKey{d}).(*atomically)
	return p
}

// Atomic runs fn and then, in one transaction and one round trip, all that fn wrote through its
// context; if fn fails, nothing. An error of a write comes from Atomic, not from the call that put
// it off. A nested call joins the outer one, and when it fails takes only its own writes back.
// fn must not write from several goroutines.
func (d *DB) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	if p := d.pending(ctx); p != nil {
		return p.join(ctx, fn)
	}
	p := &atomically{}
	defer func() { p.over = true }()
	err := fn(context.WithValue(ctx, atomicKey{d}, p))
	if err == nil {
		err = d.commit(ctx, p.all())
	}
	if err != nil {
		p.back(mark{})
	}
	return err
}

// all is what the commit consists of: first the locks, by their rank. Of those on one row the UPDATE comes first, lest two
// commits that share the row both want to change it.
func (p *atomically) all() []write {
	locks := slices.Clone(p.locks)
	slices.SortStableFunc(locks, func(a, b write) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), compareBool(reads(a.query), reads(b.query)))
	})
	return append(locks, gather(p.writes)...)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

var errOver = errors.New("write through the context of an Atomic that is over")

func (p *atomically) add(w write) error {
	if p.over {
		return errOver
	}
	p.writes = append(p.writes, w)
	return nil
}

func (p *atomically) addLock(w write) error {
	if p.over {
		return errOver
	}
	p.locks = append(p.locks, w)
	return nil
}

// mark is how far an Atomic has come.
type mark struct{ locks, writes, undo int }

func (p *atomically) join(ctx context.Context, fn func(ctx context.Context) error) error {
	before := mark{len(p.locks), len(p.writes), len(p.undo)}
	err := fn(ctx)
	if err != nil {
		p.back(before)
	}
	return err
}

// back forgets all since the mark and runs the undo functions, last one first.
func (p *atomically) back(to mark) {
	for i := len(p.undo) - 1; i >= to.undo; i-- {
		p.undo[i]()
	}
	p.locks, p.writes, p.undo = p.locks[:to.locks], p.writes[:to.writes], p.undo[:to.undo]
}

// Undo has f run if the Atomic around the caller fails: it takes back what a put-off write has
// promised in memory, such as a raised version.
func (d *DB) Undo(ctx context.Context, f func()) {
	if p := d.pending(ctx); p != nil {
		p.undo = append(p.undo, f)
	}
}
