package database

import (
	"context"
	"slices"
	"sync"
	"time"
)

// groups has jobs that meet done together. A job by itself is done at once; those that come while most groups are under way
// wait for the first of these to be over, and are one group then.
type groups[J any] struct {
	most     int           // groups under way
	size     int           // jobs of a group at most, so that none waits long for the others
	patience time.Duration // how long a job waits for its turn; 0: as long as its context lets it

	// do does the jobs of a group. The context has the time limit of the last to come.
	do func(ctx context.Context, jobs []*J)

	mu      sync.Mutex
	under   int
	waiting []*member[J]
}

// member is a job that waits.
type member[J any] struct {
	job  *J
	ctx  context.Context
	turn chan []*member[J] // gets the group that this one is to see to, itself first; none: another one has
}

// join has a job done by itself or with others, or not at all if its turn does not come in time: if its context ends before,
// with that error.
func (g *groups[J]) join(ctx context.Context, job *J) error {
	m := g.enter(ctx, job)
	if m == nil {
		defer g.next()
		g.do(ctx, []*J{job})
		return nil
	}
	select {
	case group := <-m.turn:
		g.lead(group)
		return nil
	case <-ctx.Done():
	case <-g.late():
	}
	if g.leave(m) {
		return ctx.Err()
	}
	g.lead(<-m.turn) // it is being done; the others' are too, if it is the first of them
	return nil
}

func (g *groups[J]) late() <-chan time.Time {
	if g.patience == 0 {
		return nil
	}
	return time.After(g.patience)
}

// enter begins a group and returns nil, if one more may be under way. Otherwise the job waits: for one that is under way at this
// moment.
func (g *groups[J]) enter(ctx context.Context, job *J) *member[J] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.under < g.most {
		g.under++
		return nil
	}
	m := &member[J]{job, ctx, make(chan []*member[J], 1)}
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
func (g *groups[J]) lead(group []*member[J]) {
	if group == nil {
		return
	}
	defer func() {
		g.next()
		for _, m := range group[1:] {
			m.turn <- nil
		}
	}()
	ctx := group[0].ctx
	if last := group[len(group)-1]; last != group[0] {
		var cancel context.CancelFunc
		ctx, cancel = inTime(last.ctx)
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
