package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// phase is one operation with one number of clients.
type phase struct {
	operation
	clients []*client
	runs    []run // of each client
	length  time.Duration
	metrics string

	cpu     time.Duration // that the server has worked
	noCPU   error         // why that is not known
	began   time.Time
	elapsed time.Duration
}

// run is what one client has done.
type run struct {
	busy   time.Duration // without what is not measured
	took   []time.Duration
	faults []error
}

func (p *phase) run(ctx context.Context) error {
	p.began = time.Now()
	defer func() { p.elapsed = time.Since(p.began) }()
	if err := p.each(ctx, p.begin); err != nil {
		return err
	}
	for p.goesOn() {
		if err := p.each(ctx, p.stock); err != nil {
			return err
		}
		if err := p.round(ctx); err != nil {
			return err
		}
	}
	return nil
}

// goesOn reports whether no client has been at it for as long as the phase is.
func (p *phase) goesOn() bool {
	return !slices.ContainsFunc(p.runs, func(r run) bool { return r.busy >= p.length })
}

// each has all clients do something that is not measured, at once.
func (p *phase) each(ctx context.Context, f func(c *client, ctx context.Context) error) error {
	if f == nil {
		return nil
	}
	group, inner := errgroup.WithContext(ctx)
	for _, c := range p.clients {
		group.Go(func() error { return f(c, inner) })
	}
	return group.Wait()
}

// round has all clients be at it until the end of the phase, or of what they have collected.
func (p *phase) round(ctx context.Context) error {
	before, err := workedAt(ctx, p.metrics)
	p.noCPU = errors.Join(p.noCPU, err)
	group, inner := errgroup.WithContext(ctx)
	for i, c := range p.clients {
		group.Go(func() error { return p.work(inner, c, &p.runs[i]) })
	}
	if err := group.Wait(); err != nil {
		p.noCPU = errors.Join(p.noCPU, err) // of what was done meanwhile
		return err
	}
	after, err := workedAt(ctx, p.metrics)
	p.noCPU = errors.Join(p.noCPU, err)
	p.cpu += after - before
	return nil
}

// pause is for a client whose operation has failed: it would else only fail more often.
const pause = 20 * time.Millisecond

// work is one client's part of a round.
func (p *phase) work(ctx context.Context, c *client, r *run) error {
	for r.busy < p.length && (p.stock == nil || len(c.grants) > 0) {
		if p.ready != nil {
			if err := p.ready(c, ctx); err != nil {
				return err
			}
		}
		began := time.Now()
		err := p.do(c, ctx)
		took := time.Since(began)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.busy += took; err == nil {
			r.took = append(r.took, took)
			continue
		}
		r.faults = append(r.faults, err)
		time.Sleep(pause)
		r.busy += pause
	}
	return nil
}
