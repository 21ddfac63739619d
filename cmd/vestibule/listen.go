package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"vestibule/provider/store"
)

const (
	graceTime  = 15 * time.Second // for requests under way when the server stops
	purgeEvery = time.Minute
	keysEvery  = 3 * time.Second // three times before a new key signs
)

// serve listens on both addresses until ctx ends or one of them fails.
func (a *app) serve(ctx context.Context, public, admin string) error {
	main, err := listen("listen", public)
	if err != nil {
		return err
	}
	health, err := listen("admin-listen", admin)
	if err != nil {
		main.Close()
		return err
	}
	a.log.InfoContext(ctx, "listening", "listen", main.Addr().String(), "admin_listen", health.Addr().String(), "version", built())
	return a.serveOn(ctx, main, health)
}

// listen says which flag to change if the address is taken.
func listen(flagName, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program; end that, or set --%s to another address", address, flagName)
	case err != nil:
		return nil, fmt.Errorf("--%s: %w", flagName, err)
	}
	return l, nil
}

// serveOn also clears away what has expired, links events, and sends notices.
func (a *app) serveOn(ctx context.Context, main, health net.Listener) error {
	err := together(ctx,
		func(ctx context.Context) error { return serveListener(ctx, newServer(a.handler, a.log), main) },
		func(ctx context.Context) error { return serveListener(ctx, newServer(a.admin, a.log), health) },
		a.purge,
		a.keys,
		a.link,
		a.resets,
		a.notify,
		a.refund,
	)
	a.linkRest()
	a.refundRest()
	a.log.Info("stopped")
	return err
}

// together runs the parts at the same time; the first that ends takes the others with it.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ends <- part(ctx) }()
	}
	var all []error
	for range parts {
		all = append(all, <-ends)
		cancel()
	}
	return errors.Join(all...)
}

// newServer has a limit for everything that a slow or hostile client could stretch.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // a sign-in under way travels in the address
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // it would answer without the headers that all answers have
	}
}

// serveListener serves until ctx ends and then lets requests under way finish.
func serveListener(ctx context.Context, server *http.Server, l net.Listener) error {
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer cancel()
		drained <- server.Shutdown(late)
	})
	err := server.Serve(l)
	if stop() { // it ended by itself
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	if err := <-drained; err != nil {
		server.Close()
		return fmt.Errorf("stop %s: requests under way were cut off: %w", l.Addr(), err)
	}
	return nil
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

// purge removes what has expired, once a minute. A failure is not the end of the server: readiness reports a
// database that is down.
func (a *app) purge(ctx context.Context) error {
	return every(ctx, purgeEvery, func() {
		n, err := a.clear(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.log.ErrorContext(ctx, "purge", "error", err)
		case n > 0:
			a.log.DebugContext(ctx, "purge", "rows", n)
		}
	})
}

// keys reads the signing keys again and again: another process may have made one, and an operator may have retired one.
func (a *app) keys(ctx context.Context) error {
	return every(ctx, keysEvery, func() {
		err := a.provider.ReloadKeys(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) { // readiness reports a database that is down
			a.log.ErrorContext(ctx, "signing keys", "error", err)
		}
	})
}

// clear removes what nobody needs any more, events that are too old among it.
func (a *app) clear(ctx context.Context) (int64, error) {
	n, err := a.store.Purge(ctx, a.now())
	if a.auditRetention == 0 {
		return n, err
	}
	events, auditErr := a.store.PurgeAudit(ctx, a.now().Add(-a.auditRetention), a.now())
	if errors.Is(auditErr, store.ErrConflict) { // another process does it
		auditErr = nil
	}
	return n + int64(events), errors.Join(err, auditErr)
}
