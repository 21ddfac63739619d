package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule/provider/backchannel"
	"vestibule/provider/registration"
	"vestibule/provider/store"
	"vestibule/web/notice"
)

// Job is work that a server does again and again, beside answering requests. Any number of servers may do it at once.
type Job struct {
	Name    string
	Every   time.Duration
	AtStart bool // and not only when the first time has passed
	Beside  bool // itself: the next time comes whether this one is over or not
	// Do does it once. A failure is not the end of a server: what could not be done stays to be done.
	Do func(ctx context.Context) error
}

// Jobs are those of this server. Work does them all.
func (s *Server) Jobs() []Job {
	all := []Job{
		{Name: "purge", Every: time.Minute, Do: s.purge},
		{Name: "audit links", Every: time.Second, Do: (&linker{server: s}).link},
		{Name: "planned resets", Every: 10 * time.Second, AtStart: true, Do: s.runDueResets},
	}
	if s.provider != nil {
		all = slices.Insert(all, 1, Job{Name: "signing keys", Every: 3 * time.Second, Do: s.reloadKeys}) // three times before a new key signs
		all = append(all, Job{Name: "logout tokens", Every: backchannel.Every, AtStart: true, Beside: true, Do: s.logouts.Send},
			Job{Name: "unused registrations", Every: registration.EachUnused, Do: s.deleteUnused})
	}
	if s.hydra != nil {
		all = append(all, Job{Name: "revocations", Every: 10 * time.Second, AtStart: true, Do: s.revoke})
	}
	if s.sender != nil {
		all = append(all, Job{Name: "notices", Every: notice.Every, Do: s.sender.Send})
	}
	return all
}

// Work does the jobs until ctx ends, and then what cannot wait for the next start. It is for a program that has its own
// listeners: Run and Serve do it by themselves.
func (s *Server) Work(ctx context.Context) error {
	group, inner := errgroup.WithContext(ctx)
	for _, job := range s.Jobs() {
		group.Go(func() error { return s.repeat(inner, job) })
	}
	group.Go(func() error {
		s.refunds.Run(inner)
		return nil
	})
	err := group.Wait()
	s.linkRest()
	s.refundRest()
	return err
}

// repeat does the job until ctx ends.
func (s *Server) repeat(ctx context.Context, job Job) error {
	do := func() {
		if err := job.Do(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, job.Name, "error", err)
		}
	}
	if job.Beside {
		var running sync.WaitGroup
		defer running.Wait()
		once := do
		do = func() { running.Go(once) }
	}
	if job.AtStart {
		do()
	}
	return every(ctx, job.Every, do)
}

// every calls do each time that the period has passed, until ctx ends.
func every(ctx context.Context, period time.Duration, do func()) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if ctx.Err() != nil {
			return nil
		}
		do()
	}
}

// purge removes what has expired.
func (s *Server) purge(ctx context.Context) error {
	n, err := s.clear(ctx)
	if err == nil && n > 0 {
		s.log.DebugContext(ctx, "purge", "rows", n)
	}
	return err
}

// deleteUnused removes apps that have registered themselves and that nobody uses.
func (s *Server) deleteUnused(ctx context.Context) error {
	n, err := s.endpoint.DeleteUnused(ctx)
	if n > 0 {
		s.log.InfoContext(ctx, "unused registrations were removed", "clients", n)
	}
	return err
}

// reloadKeys reads the signing keys again, and makes what is due: another process may have made one, and an operator may
// have taken one away.
// Readiness reports a database that is down.
func (s *Server) reloadKeys(ctx context.Context) error {
	if err := s.provider.ReloadKeys(ctx); !errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return nil
}

// clear removes what nobody needs any more, events that are too old among it.
func (s *Server) clear(ctx context.Context) (int64, error) {
	n, err := s.store.Purge(ctx, s.now())
	if s.config.AuditRetention == 0 {
		return n, err
	}
	events, auditErr := s.store.PurgeAudit(ctx, s.now().Add(-s.config.AuditRetention), s.now())
	if errors.Is(auditErr, store.ErrConflict) { // another process does it
		auditErr = nil
	}
	return n + int64(events), errors.Join(err, auditErr)
}
