package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Config is what Run measures.
type Config struct {
	Issuer     string        // of the server
	Users      Users         // whom Read has read
	Clients    []int         // how many are at it at once, one number after the other
	Duration   time.Duration // of each operation with each number of clients
	Operations []string      // some of Operations; empty: all
	Metrics    string        // the address of the server's metrics; empty: what the server's processor does is not known

	// Waits is told that every user has signed in, so that the next sign-in waits for new codes until then; it may be called
	// by any goroutine. Nil: nobody is.
	Waits func(until time.Time)
	// Measured is told of each result when it is there. Nil: nobody is.
	Measured func(Result)
}

// Check says all that is wrong with it, but for the users.
func (c Config) Check() error {
	var faults []error
	for _, n := range c.Clients {
		if n < 1 || n > 1024 {
			faults = append(faults, fmt.Errorf("clients: %d is not from 1 to 1024", n))
		}
	}
	if c.Duration < 10*time.Millisecond || c.Duration > 5*time.Minute {
		faults = append(faults, errors.New("duration: should be from 10ms to 5m, within which tokens live"))
	}
	for _, name := range c.Operations {
		if !slices.Contains(Operations(), name) {
			faults = append(faults, fmt.Errorf("operations: there is none called %q, but %s", name, strings.Join(Operations(), ", ")))
		}
	}
	return errors.Join(faults...)
}

// Run measures. Errors of operations are part of a Result; one of Run says why there are no more. The last result is then of
// a part of its time.
func Run(ctx context.Context, c Config) (results []Result, err error) {
	s, err := discover(ctx, c.Issuer, c.Users, slices.Max(c.Clients))
	if err != nil {
		return nil, err
	}
	defer s.transport.CloseIdleConnections()
	info, err := os.Stat(c.Users.path)
	if err != nil {
		return nil, err
	}
	users, err := newPool(c.Users, info.ModTime(), c.Waits)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, noteUse(c.Users.path, time.Now())) }()
	for _, n := range c.Clients {
		some, err := c.measure(ctx, s, users, n)
		if results = append(results, some...); err != nil {
			return results, err
		}
	}
	return results, nil
}

// measure measures all operations with so many clients, who stay the same.
func (c Config) measure(ctx context.Context, s *serverAt, users *pool, n int) (results []Result, err error) {
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = &client{server: s, pool: users}
	}
	for _, o := range operations {
		if len(c.Operations) > 0 && !slices.Contains(c.Operations, o.name) {
			continue
		}
		p := &phase{operation: o, clients: clients, runs: make([]run, n), length: c.Duration, metrics: c.Metrics}
		err := p.run(ctx)
		if r := p.result(); err == nil || r.Count+r.Failed > 0 {
			results = append(results, r)
			if c.Measured != nil {
				c.Measured(r)
			}
		}
		if err != nil {
			return results, fmt.Errorf("%s with %d clients: %w", o.name, n, err)
		}
	}
	return results, nil
}
