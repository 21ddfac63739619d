package database

import (
	"context"
	"slices"
	"sync"
)

// groups has jobs that meet done together. A job by itself is done at once; those that come while most groups are under way
// wait for the first of these to be over, and are one group then.
type groups[J any] struct {
	most int                                  // groups under way
	size int                                  // jobs of a group at most, so that none waits long for the others
	do   func(ctx context.Context, jobs []*J) // all of a group; the context has the time limit of the first

	mu      sync.Mutex
	under   int
	waiting []*member[J]
}

// member is a job that waits.
type member[J any] struct {
	job  *J
	turn chan []*member[J] // gets the group that this one is to see to, itself first; none: another one has
}

// join has a job done by itself or with others. The error is that of a context that ends before the job's turn: then it was
// not begun.
func (g *groups[J]) join(ctx context.Context, job *J) error {
	if g.free() {
		defer g.next()
		g.do(ctx, []*J{job})
		return nil
	}
	m := g.wait(job)
	select {
	case group := <-m.turn:
		g.lead(ctx, group)
	case <-ctx.Done():
		if g.leave(m) {
			return ctx.Err()
		}
		g.lead(ctx, <-m.turn) // it is being done; the others' are too, if it is the first of them
	}
	return nil
}

// free begins a group, if one more may be under way.
func (g *groups[J]) free() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.under == g.most {
		return false
	}
	g.under++
	return true
}

func (g *groups[J]) wait(job *J) *member[J] {
	m := &member[J]{job: job, turn: make(chan []*member[J], 1)}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	return m
}

// leave gives a place up. It reports false if it was the job's turn meanwhile.
func (g *groups[J]) leave(m *member[J]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting, m)
	if at < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	return true
}

// next has those who wait follow a group that is over.
func (g *groups[J]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.under--
		return
	}
	n := min(len(g.waiting), g.size)
	group := g.waiting[:n:n]
	g.waiting = slices.Clone(g.waiting[n:])
	group[0].turn <- group
}

// lead does what a group is to do and tells the others. Whoever leads may have gone away: their jobs are no part of that.
func (g *groups[J]) lead(ctx context.Context, group []*member[J]) {
	if group == nil {
		return
	}
	defer func() {
		g.next()
		for _, m := range group[1:] {
			m.turn <- nil
		}
	}()
	if len(group) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = inTime(ctx)
		defer cancel()
	}
	jobs := make([]*J, len(group))
	for i, m := range group {
		jobs[i] = m.job
	}
	g.do(ctx, jobs)
}

// inTime is the context with its time limit alone.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}
