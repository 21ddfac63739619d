package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"vestibule/config"
	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/storage"
	"vestibule/web"
)

// serve runs the server until ctx ends.
func serve(f *flag.FlagSet) action {
	load := settingsFlags(f)
	return func(ctx context.Context, w *world, _ []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		log := newLogger(w.stderr, c.LogFormat, c.LogLevel)
		a, err := newApp(ctx, c, log, time.Now)
		if err != nil {
			return err
		}
		err = a.serve(ctx, c.Listen, c.AdminListen)
		return errors.Join(err, a.close())
	}
}

// app is a server in one value: two handlers on one store. Whoever makes one closes it.
type app struct {
	handler http.Handler // the pages and the protocol
	admin   http.Handler // health
	store   *storage.Store
	mfa     *mfa.Service
	hasher  *provider.Hasher
	log     *slog.Logger
	now     func() time.Time
}

// newApp is the composition root: the only place where settings meet packages, and packages
// meet each other. It starts nothing.
func newApp(ctx context.Context, c config.Config, log *slog.Logger, now func() time.Time) (*app, error) {
	keys, err := mfa.ParseKeyring(c.SecretKeys)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	a := &app{store: db, hasher: &provider.Hasher{}, log: log, now: now}
	if err := a.compose(ctx, c, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func (a *app) compose(ctx context.Context, c config.Config, keys *mfa.Keyring) error {
	accounts := &provider.Directory{Store: a.store, Hasher: a.hasher}
	audit := &auditor{store: a.store, now: a.now}
	// Recovery codes wait in the same queue as passwords: both cost a core and 19 MiB.
	a.mfa = &mfa.Service{
		Store: a.store, Guesses: a.store, Setups: a.store, Keys: keys, Atomic: a.store.Atomic,
		Issuer: c.Name, Limits: limits(c), Now: a.now, Slow: a.hasher,
	}
	p, err := provider.New(ctx, provider.Config{
		Issuer: c.Issuer, Store: a.store, Accounts: accounts, Sealer: keys, Secrets: keys.Derive("tokens"), Audit: audit,
		SigningAlgorithm: c.SigningAlgorithm, Lifetimes: lifetimes(c), Log: a.log, Now: a.now,
	})
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	site, err := web.New(web.Config{
		Provider: p, Accounts: accounts, Sessions: a.store, Guesses: a.store, Atomic: a.store.Atomic, Audit: audit,
		MFA: a.mfa, Consent: &consent.Service{Store: a.store, Now: a.now},
		Name: c.Name, Contact: c.Contact, Log: a.log, Now: a.now,
		SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime,
	})
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	mux := http.NewServeMux()
	if err := p.Register(mux, site); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	site.Register(mux)
	a.handler = logRequests(a.log, recoverPanics(a.log, site.Error, site.Headers(mux)))
	a.handler = clientAddress(c.TrustedProxies, a.handler)
	a.admin = health(a.store, a.log)
	return nil
}

func (a *app) close() error { return a.store.Close() }

func lifetimes(c config.Config) provider.Lifetimes {
	return provider.Lifetimes{
		Code: c.CodeLifetime, AccessToken: c.AccessTokenLifetime, IDToken: c.IDTokenLifetime,
		RefreshIdle: c.RefreshTokenIdle, RefreshTotal: c.RefreshTokenLifetime,
	}
}

func limits(c config.Config) mfa.Limits {
	one := mfa.Limit{Guesses: c.TOTPGuesses, Window: c.TOTPWindow, Lock: c.TOTPLock, InARow: c.TOTPInARow}
	return mfa.Limits{TOTP: one, Recovery: one}
}
