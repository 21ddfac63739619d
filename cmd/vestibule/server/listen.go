package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule/provider/operator"
)

// graceTime is for requests under way when the server stops.
const graceTime = 15 * time.Second

// Run listens on both addresses of the settings, and is Serve there.
func (s *Server) Run(ctx context.Context) error {
	main, err := listen("listen", s.config.Listen)
	if err != nil {
		return err
	}
	admin, err := listen("admin-listen", s.config.AdminListen)
	if err != nil {
		main.Close()
		return err
	}
	s.log.InfoContext(ctx, "listening", "listen", main.Addr().String(), "admin_listen", admin.Addr().String(), "version", Version())
	return s.Serve(ctx, main, admin)
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

// Serve answers on both listeners and does the jobs until ctx ends or one of the listeners fails. It closes the listeners.
func (s *Server) Serve(ctx context.Context, main, admin net.Listener) error {
	s.tellOfSeeded(ctx)
	s.tellOfExposed(ctx)
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() error { return Serve(inner, main, s.handler, s.log) })
	group.Go(func() error { return Serve(inner, admin, s.admin, s.log) })
	group.Go(func() error { return s.Work(inner) })
	err := group.Wait()
	s.log.Info("stopped")
	return err
}

// tellOfSeeded warns of users who were made to measure with: they must not be forgotten where real users are.
func (s *Server) tellOfSeeded(ctx context.Context) {
	if _, err := s.store.Client(ctx, operator.SeedClient); err == nil {
		s.log.WarnContext(ctx, "users who were made to measure with can sign in here; vestibule bench clean removes them", "client", operator.SeedClient)
	}
}

// tellOfExposed warns of files of secrets that others may read.
func (s *Server) tellOfExposed(ctx context.Context) {
	for _, path := range s.config.ExposedFiles {
		s.log.WarnContext(ctx, "others may read a file that holds a secret; take that from them with chmod 600", "file", path)
	}
}

// limited has a limit for everything that a slow or hostile client could stretch.
func limited(h http.Handler, log *slog.Logger) *http.Server {
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

// Serve answers on the listener until ctx ends, and then lets requests under way finish. It closes the listener.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := limited(h, log)
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
