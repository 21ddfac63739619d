package server

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"vestibule/config"
	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/mfa/webauthn"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/backchannel"
	"vestibule/provider/fetch"
	"vestibule/provider/hydra"
	"vestibule/provider/operator"
	"vestibule/provider/registration"
	"vestibule/storage"
	"vestibule/web"
	"vestibule/web/catalogue"
	"vestibule/web/notice"
	"vestibule/web/signin"
	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// Options are what a Server is given beside the settings.
type Options struct {
	// Accounts are the users, where another program keeps them; nil: this server does. What commands and jobs do with
	// users knows only those of this server's own, but for EndAccess.
	Accounts account.Accounts
	// Roots vouch for the hosts that documents of clients are fetched from; nil: those that the system trusts do.
	Roots *x509.CertPool
	Log   *slog.Logger       // nil: slog.Default
	Now   func() time.Time   // nil: time.Now
	Trip  func(storage.Trip) // told of each round trip to the database; nil: nobody is
}

// Server is a server in one value: two handlers and some jobs on one store. Use New. Whoever makes one closes it.
type Server struct {
	config  config.Config
	log     *slog.Logger
	now     func() time.Time
	roots   *x509.CertPool // of hosts of documents; nil: the system's
	handler http.Handler   // the pages and the protocol
	admin   http.Handler   // health and metrics

	store     *storage.Store
	accounts  account.Accounts
	elsewhere bool                    // they are another program's
	changer   account.PasswordChanger // of the accounts; nil: users do not change their passwords here
	hasher    *account.Hasher
	mfa       *mfa.Service
	refunds   *mfa.Refunds
	audit     *audit.Log
	sender    *notice.Sender         // nil: no mail is sent
	provider  *provider.Provider     // nil: sign-ins come from a Hydra
	logouts   *backchannel.Sender    // of the provider
	endpoint  *registration.Endpoint // of the provider
	hydra     *hydra.Engine          // nil: they come from the provider
	site      *web.Server
	pageKeys  web.Keys
	texts     *catalogue.Set
	metrics   *metrics
}

// New opens the database and puts a server on it together. It starts nothing, and migrates nothing but a SQLite file.
func New(ctx context.Context, c config.Config, o Options) (*Server, error) {
	texts, err := checked(c)
	if err != nil {
		return nil, err
	}
	keys, err := mfa.ParseKeyring(c.SecretKeys)
	if err != nil {
		return nil, err
	}
	db, err := OpenDatabase(ctx, storage.Open, c.Database)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, log: cmp.Or(o.Log, slog.Default()), now: o.Now, roots: o.Roots, store: db, texts: texts, metrics: newMetrics()}
	if s.now == nil {
		s.now = time.Now
	}
	s.hasher = &account.Hasher{Memory: uint32(c.HashMemory), Passes: uint32(c.HashPasses), Timed: s.metrics.hashed}
	own := &account.Directory{Store: db, Hasher: s.hasher, Passwords: PasswordRules(c)}
	s.accounts = own
	switch s.elsewhere = o.Accounts != nil; {
	case s.elsewhere:
		s.accounts = &account.Elsewhere{Accounts: o.Accounts, Endings: db}
	case c.PasswordChange:
		s.changer = own
	}
	db.Observe(s.metrics.observer(o.Trip))
	if err := CheckKeys(ctx, db, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if _, err := webauthn.New(c.Issuer, c.Name); err != nil {
		s.log.InfoContext(ctx, "no passkeys", "reason", err)
	}
	if err := s.compose(ctx, c, keys); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Server) compose(ctx context.Context, c config.Config, keys *mfa.Keyring) error {
	s.audit = &audit.Log{Store: s.store, Now: s.now, Request: requestID}
	if err := s.composeMail(c); err != nil {
		return err
	}
	s.composeMetrics()
	// Recovery codes wait in the same queue as passwords: both cost a core and 19 MiB.
	s.refunds = &mfa.Refunds{Attempts: s.store}
	s.mfa = &mfa.Service{
		Store: s.store, Attempts: s.store, Refunds: s.refunds, Setups: s.store, Keys: keys, Atomic: s.store.Atomic,
		Kinds: Kinds(c), Limits: Limits(c), Now: s.now, Slow: s.hasher,
		Memory: uint32(c.HashMemory), Passes: uint32(c.HashPasses),
	}
	source, err := s.composeSource(ctx, c, keys)
	if err != nil {
		return err
	}
	s.pageKeys = pageKeys(keys)
	site, err := web.New(web.Config{
		Source: source, Accounts: s.accounts, MFA: s.mfa, Consent: &consent.Service{Store: s.store, Now: s.now}, Policy: Policy(c),
		Passwords: web.Passwords{Attempts: s.store, Refunds: s.refunds, Limits: passwordLimits(c), Changer: s.changer},
		UserCodes: usercode.Guesses{Counter: s.store, Refunds: s.refunds, Limits: userCodeLimits(c)},
		Stores:    web.Stores{Sessions: s.store, Grants: s.store, Browsers: s.store, EnrolLinks: s.store, Resets: s.store, Activity: s.store, Passwords: s.store},
		Journal:   audit.Journal{Recorder: s.audit, Atomic: s.store.Atomic},
		Times:     web.Times{SessionIdle: c.SessionIdle, SessionLifetime: c.SessionLifetime, RememberBrowser: c.RememberBrowser, ActivityKept: c.AuditRetention},
		Keys:      s.pageKeys, Site: web.Site{Name: c.Name, Contact: c.Contact, Texts: s.texts}, Mail: s.sender != nil, Log: s.log, Now: s.now,
	})
	if err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	s.site = site
	mux := http.NewServeMux()
	if err := s.register(mux); err != nil {
		return err
	}
	mux.Handle("/", site.Rest())
	s.handler = logRequests(s.log, recoverPanics(s.log, site.Error, site.Headers(s.metrics.counted(site.Prefix, mux))))
	s.handler = shownCertificates(c).Handler(clientAddress(c.TrustedProxies, s.log, s.handler))
	s.admin = s.health()
	return nil
}

// composeSource makes whatever asks for sign-ins: a provider of our own, or the engine of a Hydra.
func (s *Server) composeSource(ctx context.Context, c config.Config, keys *mfa.Keyring) (web.Source, error) {
	if c.HydraAdminURL != "" {
		return s.composeHydra(c, keys)
	}
	shown, err := mutualTLS(c)
	if err != nil {
		return web.Source{}, err
	}
	p, err := provider.New(ctx, provider.Config{
		Registration: s.composeRegistration(c), ClientDocuments: s.composeDocuments(c),
		Issuer: c.Issuer, Store: s.store, Accounts: s.accounts, OwnAccounts: !s.elsewhere, Sealer: keys, Secrets: keys.Derive("tokens"), Audit: s.audit,
		Levels: Levels(c), Policy: signin.Rules{Policy: Policy(c), Levels: Levels(c), Accounts: s.accounts, MFA: s.mfa, Now: s.now},
		BackChannel: true, FrontChannel: true, Devices: true, Locales: s.texts.Tags(), SigningAlgorithm: c.SigningAlgorithm, RequirePushedRequests: c.RequirePushedRequests,
		DPoP: proofs(c), MutualTLS: shown, Lifetimes: lifetimes(c), Fetch: s.fetching(c), Log: s.log, Now: s.now,
	})
	if err != nil {
		return web.Source{}, fmt.Errorf("provider: %w", err)
	}
	s.provider = p
	s.logouts = &backchannel.Sender{
		Issuer: p.Issuer(), Outbox: s.store, Clients: s.store, Signer: p, Journal: audit.Journal{Recorder: s.audit, Atomic: s.store.Atomic},
		Guarded: fetch.New(s.fetching(c).Strange()), Life: c.LogoutTokenRetry, Count: s.metrics.toldLogout, Log: s.log, Now: s.now,
	}
	return web.Source{Issuer: p.Issuer(), Engine: p, Flows: p.Flows, Clients: p, SignOuts: p, FrontChannel: p, Devices: p, Apps: p, CommitsAnswers: true}, nil
}

// composeRegistration has apps register themselves, if the settings let them. Those that have done so go when nobody uses them,
// and stay as they are else, also when no more may come.
func (s *Server) composeRegistration(c config.Config) provider.Registration {
	o := operator.New(s.store, s.audit, "client")
	o.Now, o.Documents = s.now, fetch.New(s.fetching(c).Strange())
	s.endpoint = registration.New(registration.Config{Issuer: c.Issuer, Policy: registrationPolicy(c), Operator: o, Count: s.metrics.registered})
	if c.Registration == "off" {
		return nil
	}
	return s.endpoint
}

// composeDocuments has apps come whose client id is the address of what they register, if the settings let them.
func (s *Server) composeDocuments(c config.Config) provider.ClientDocuments {
	if !c.ClientMetadataDocuments {
		return nil
	}
	from := s.fetching(c).Strange()
	from.NoRedirects = true
	return registration.NewDocuments(registration.DocumentsConfig{
		Config: s.endpoint.Config, Hosts: c.ClientMetadataHosts, Fetcher: fetch.New(from), Now: s.now, Log: s.log,
	})
}

// fetching is whom documents of clients may be fetched from.
func (s *Server) fetching(c config.Config) fetch.Config {
	from := fetching(c)
	from.Roots = s.roots
	return from
}

// register adds the endpoints of whatever asks for sign-ins, and the pages.
func (s *Server) register(mux ui.Mux) error {
	if s.hydra != nil {
		s.site.Register(mux, s.hydra.Routes(s.site)...)
		return nil
	}
	if err := s.provider.Register(mux, s.site); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	s.site.Register(mux)
	return nil
}

// pageKeys are the keys of the pages, each of one purpose.
func pageKeys(keys *mfa.Keyring) web.Keys {
	return web.Keys{Devices: keys.Derive("known browsers"), Binding: keys.Derive("browsers of sign-ins")[0], Links: keys.Derive("reset links")}
}

// composeMail gives the server a sender, and its log notices to write, if the settings name a mail server.
func (s *Server) composeMail(c config.Config) error {
	m, err := Mailer(c, s.now)
	if err != nil || m == nil {
		return err
	}
	s.audit.Hooks = append(s.audit.Hooks, notice.Hook(mailOutbox{s.store, s.accounts}))
	s.sender = &notice.Sender{
		Outbox: mailOutbox{s.store, s.accounts}, Mailer: m, Name: c.Name, Host: notice.HostOf(c.Issuer), Contact: c.Contact, Cancel: s.CancelLink, Language: s.texts.Usual(),
		Count: s.metrics.mailed, Log: s.log, Now: s.now,
	}
	return nil
}

// mailOutbox is that of a store, for users who may be kept elsewhere.
type mailOutbox struct {
	*storage.Store
	accounts account.Accounts
}

// Account implements notice.Outbox.
func (o mailOutbox) Account(ctx context.Context, subject string) (account.Account, error) {
	return o.accounts.Account(ctx, subject)
}

// composeMetrics hangs the counters on what they count.
func (s *Server) composeMetrics() {
	s.audit.Hooks = append(s.audit.Hooks, s.metrics.event)
	s.audit.Failed = s.metrics.auditFailures.Inc
}

// Handler serves the pages and the protocol, at the paths of the issuer, and says of all others that nothing is there.
func (s *Server) Handler() http.Handler { return s.handler }

// Register adds the pages and the protocol to the mux of a program that has more: the Handler, at its own addresses alone,
// and all below the path of the issuer if it has one. That program has limits for slow clients and does the Work.
func (s *Server) Register(mux *http.ServeMux) error {
	return s.register(claims{mux, s.handler})
}

// claims has one handler answer at all addresses that are registered with it.
type claims struct {
	mux    *http.ServeMux
	answer http.Handler
}

// Handle implements ui.Mux.
func (c claims) Handle(pattern string, _ http.Handler) { c.mux.Handle(pattern, c.answer) }

// AdminHandler serves /healthz, /readyz and /metrics, and /debug/pprof/ if Profiling is set. It is for an address that only the operator reaches.
func (s *Server) AdminHandler() http.Handler { return s.admin }

// CancelLink is the address at which a user cancels the planned reset with that id.
func (s *Server) CancelLink(reset string) string { return s.site.CancelLink(reset) }

// Close closes the database. Nothing must be under way.
func (s *Server) Close() error { return s.store.Close() }
