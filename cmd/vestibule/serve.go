package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/config"
	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/webauthn"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/web"
	"vestibule/web/signin"
	"vestibule/web/verify"
)

// serve runs the server until ctx ends.
func serve(w *env) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "run the server", Flags: settingsFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := w.settings(cmd)
			if err != nil {
				return err
			}
			log := newLogger(w.stderr, c.LogFormat, c.LogLevel)
			release, err := storage.ServeAlone(c.Database)
			if err != nil {
				return err
			}
			a, err := newApp(ctx, c, log, time.Now)
			if err != nil {
				return errors.Join(err, release())
			}
			err = a.serve(ctx, c.Listen, c.AdminListen)
			return errors.Join(err, a.close(), release())
		},
	}
}

// app is a server in one value: two handlers on one store. Whoever makes one closes it.
type app struct {
	handler  http.Handler // the pages and the protocol
	admin    http.Handler // health and metrics
	metrics  *metrics
	skew     time.Duration // that the database's clock may be off
	store    *storage.Store
	mfa      *mfa.Service
	refunds  *mfa.Refunds
	hasher   *account.Hasher
	sender   *sender // nil: no mail is sent
	audit    *auditor
	provider *provider.Provider
	site     *web.Server
	pageKeys web.Keys
	log      *slog.Logger
	now      func() time.Time

	auditRetention time.Duration // 0: events are kept for ever
}

// newApp is the composition root: the only place where settings meet packages, and packages
// meet each other. It starts nothing.
func newApp(ctx context.Context, c config.Config, log *slog.Logger, now func() time.Time) (*app, error) {
	keys, err := mfa.ParseKeyring(c.SecretKeys)
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, storage.Open, c.Database)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(ctx, db, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := webauthn.New(c.Issuer, c.Name); err != nil {
		log.Info("no passkeys", "reason", err)
	}
	a := &app{store: db, metrics: newMetrics(), skew: c.ClockSkew, log: log, now: now, auditRetention: c.AuditRetention}
	a.hasher = &account.Hasher{Memory: uint32(c.HashMemory), Passes: uint32(c.HashPasses), Timed: a.metrics.hashed}
	db.Observe(a.metrics.trip)
	if err := a.compose(ctx, c, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

func (a *app) compose(ctx context.Context, c config.Config, keys *mfa.Keyring) error {
	accounts := &account.Directory{Store: a.store, Hasher: a.hasher}
	events := &auditor{store: a.store, now: a.now}
	a.audit = events
	if err := a.composeMail(c, events); err != nil {
		return err
	}
	a.composeMetrics(events)
	// Recovery codes wait in the same queue as passwords: both cost a core and 19 MiB.
	a.refunds = &mfa.Refunds{Attempts: a.store}
	a.mfa = &mfa.Service{
		Store: a.store, Attempts: a.store, Refunds: a.refunds, Setups: a.store, Keys: keys, Atomic: a.store.Atomic,
		Kinds: kinds(c), Limits: limits(c), Now: a.now, Slow: a.hasher,
		Memory: uint32(c.HashMemory), Passes: uint32(c.HashPasses),
	}
	p, err := provider.New(ctx, provider.Config{
		Issuer: c.Issuer, Store: a.store, Accounts: accounts, Sealer: keys, Secrets: keys.Derive("tokens"), Audit: events,
		Levels: levels(c), Policy: signin.Rules{Policy: policyOf(c), Levels: levels(c), Accounts: accounts, MFA: a.mfa, Now: a.now},
		SigningAlgorithm: c.SigningAlgorithm, Lifetimes: lifetimes(c), Log: a.log, Now: a.now,
	})
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	a.pageKeys = pageKeys(keys)
	site, err := web.New(web.Config{
		Source: web.Of(p), Accounts: accounts, MFA: a.mfa, Consent: &consent.Service{Store: a.store, Now: a.now}, Policy: policyOf(c),
		Passwords: web.Passwords{Attempts: a.store, Refunds: a.refunds, Limits: passwordLimits(c)},
		Stores:    web.Stores{Sessions: a.store, Browsers: a.store, EnrolLinks: a.store, Resets: a.store, Activity: a.store},
		Journal:   audit.Journal{Recorder: events, Atomic: a.store.Atomic},
		Times:     web.Times{SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, RememberBrowser: c.RememberBrowser, ActivityKept: c.AuditRetention},
		Keys:      a.pageKeys, Site: web.Site{Name: c.Name, Contact: c.Contact}, Mail: a.sender != nil, Log: a.log, Now: a.now,
	})
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	a.provider, a.site = p, site
	mux := http.NewServeMux()
	if err := p.Register(mux, site); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	site.Register(mux)
	a.handler = logRequests(a.log, recoverPanics(a.log, site.Error, site.Headers(a.metrics.counted(mux))))
	a.handler = clientAddress(c.TrustedProxies, a.log, a.handler)
	a.admin = a.health()
	return nil
}

// pageKeys are the keys of the pages, each of one purpose.
func pageKeys(keys *mfa.Keyring) web.Keys {
	return web.Keys{Devices: keys.Derive("known browsers"), Binding: keys.Derive("browsers of sign-ins")[0], Links: keys.Derive("reset links")}
}

func (a *app) close() error { return a.store.Close() }

func lifetimes(c config.Config) provider.Lifetimes {
	return provider.Lifetimes{
		Code: c.CodeLifetime, AccessToken: c.AccessTokenLifetime, IDToken: c.IDTokenLifetime,
		RefreshIdle: c.RefreshTokenIdle, RefreshTotal: c.RefreshTokenLifetime,
	}
}

func passwordLimits(c config.Config) verify.Limits {
	return verify.Limits{
		Account: mfa.Limit{Guesses: c.PasswordGuesses, Window: c.PasswordWindow, Lock: c.PasswordLock}, Address: c.AddressGuesses,
	}
}

func levels(c config.Config) provider.Levels {
	return provider.Levels{Names: c.ACRNames, WeakRecovery: !c.RecoveryCounts}
}

func limits(c config.Config) mfa.Limits {
	one := mfa.Limit{Guesses: c.TOTPGuesses, Window: c.TOTPWindow, Lock: c.TOTPLock, InARow: c.TOTPInARow}
	return mfa.Limits{Attempts: one, Recovery: one, Authenticators: c.TOTPAuthenticators}
}

// kinds are the kinds of authenticators that there are. A new one is a line here.
func kinds(c config.Config) []mfa.Kind {
	all := []mfa.Kind{
		totp.Kind{Issuer: c.Name, Options: totp.Options{Algorithms: c.TOTPAlgorithms, Digits: c.TOTPDigits, Periods: c.TOTPPeriods}},
	}
	if keys, err := webauthn.New(c.Issuer, c.Name); err == nil { // else serve has said why there are none
		all = append(all, keys)
	}
	return all
}
