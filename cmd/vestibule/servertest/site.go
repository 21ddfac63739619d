package servertest

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/provider/account"
	"vestibule/provider/jwks/jwkstest"
	"vestibule/storage"
)

// Password is everybody's in these tests.
const Password = "cobalt heron umbrella"

// Site is one or several servers on one database, behind one address.
type Site struct {
	T      testing.TB
	Config config.Config
	Clock  *Clock
	Store  *storage.Store // a connection of the test's own
	Log    *Journal

	// Accounts are the users, where another program keeps them, from the next Start on; nil: the site does.
	Accounts account.Accounts

	// Roots vouch for hosts that documents of clients are fetched from, from the next Start on; nil: those of the system.
	Roots *x509.CertPool

	servers atomic.Pointer[[]*Instance] // they answer in turn
	turn    atomic.Uint64
	guess   atomic.Uint64 // a wrong code
	gate    sync.RWMutex  // locked while no request may come in

	mu      sync.Mutex
	secrets []string // what must never be logged
}

// Each runs the test with a server on each database.
func Each(t *testing.T, test func(t *testing.T, s *Site)) {
	EachDatabase(t, func(t *testing.T, database string) { test(t, New(t, database)) })
}

// EachWith is Each with other settings.
func EachWith(t *testing.T, set func(*config.Config), test func(t *testing.T, s *Site)) {
	EachDatabase(t, func(t *testing.T, database string) { test(t, New(t, database, set)) })
}

// RememberBrowsers is the setting that lets users go without a code in a browser, for a month.
func RememberBrowsers(c *config.Config) { c.RememberBrowser = 720 * time.Hour }

// OpenRegistration is the setting that lets anybody register apps.
func OpenRegistration(c *config.Config) { c.Registration = "open" }

// Below is the setting that has everything be below a path.
func Below(path string) func(*config.Config) {
	return func(c *config.Config) { c.Issuer += path }
}

// New starts a server. Options change its settings.
func New(t testing.TB, database string, options ...func(*config.Config)) *Site {
	t.Helper()
	s := newFront(t, database)
	s.Config.HashMemory, s.Config.HashPasses = cheapMemory, cheapPasses
	for _, option := range options {
		option(&s.Config)
	}
	s.Store = OpenDatabase(t, database)
	if err := s.Store.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	s.addSigningKeys()
	s.Start(1)
	t.Cleanup(s.checkLog)
	t.Cleanup(s.checkDump)
	return s
}

// newFront is an address, the settings that servers behind it would have, and none.
func newFront(t testing.TB, database string) *Site {
	t.Helper()
	s := &Site{T: t, Clock: newClock(), Log: &Journal{}, Config: config.Default()}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	s.Config.Issuer, s.Config.Database, s.Config.SecretKeys = front.URL, database, []string{mfa.NewKey()}
	return s
}

// NewFront is a site without servers, for a test that starts other processes: Use says which. It has no Store.
func NewFront(t testing.TB, database string) *Site {
	t.Helper()
	s := newFront(t, database)
	t.Cleanup(s.checkLog)
	t.Cleanup(s.checkDump)
	return s
}

// Elsewhere is a site that runs already, for browsers alone.
func Elsewhere(t testing.TB, issuer string) *Site {
	return &Site{T: t, Clock: newClock(), Log: &Journal{}, Config: config.Config{Issuer: issuer}}
}

// Origin is that of the issuer, which may have a path.
func (s *Site) Origin() string {
	u, err := url.Parse(s.Config.Issuer)
	if err != nil {
		s.T.Fatalf("issuer: %v", err)
	}
	return u.Scheme + "://" + u.Host
}

// Start drops the servers there are, unfinished as they may be, and puts n new ones in their place:
// what the old ones kept in memory is lost, as if they had been killed.
func (s *Site) Start(n int) {
	s.T.Helper()
	servers := make([]*Instance, n)
	for i := range servers {
		servers[i] = s.NewServer()
	}
	s.Use(servers...)
}

// Use has these servers answer in turn, in the place of all others.
func (s *Site) Use(servers ...*Instance) { s.servers.Store(&servers) }

// Servers are the servers that answer.
func (s *Site) Servers() []*Instance { return *s.servers.Load() }

// First is the server that answers, or one of them.
func (s *Site) First() *Instance { return s.Servers()[0] }

// NewServer starts a server that answers nothing until Use is told of it.
func (s *Site) NewServer() *Instance {
	s.T.Helper()
	log := slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	i := &Instance{}
	var err error
	i.Server, err = server.New(context.WithoutCancel(s.T.Context()), s.Config, server.Options{Accounts: s.Accounts, Roots: s.Roots, Log: log, Now: s.Clock.Now, Trip: i.trip})
	if err != nil {
		s.T.Fatalf("start a server: %v", err)
	}
	i.handler = i.Server.Handler()
	s.T.Cleanup(func() {
		if err := i.Close(); err != nil {
			s.T.Errorf("close a server: %v", err)
		}
	})
	return i
}

// addSigningKeys gives the site keys before its first server would make them.
func (s *Site) addSigningKeys() {
	s.T.Helper()
	keys, err := mfa.ParseKeyring(s.Config.SecretKeys)
	if err == nil {
		err = jwkstest.Add(s.T.Context(), s.Store, keys, s.Clock.Now())
	}
	if err != nil {
		s.T.Fatalf("signing keys: %v", err)
	}
}

// MFA is the service that the servers have, for what a test need not do on the pages.
func (s *Site) MFA() *mfa.Service {
	s.T.Helper()
	keys, err := mfa.ParseKeyring(s.Config.SecretKeys)
	if err != nil {
		s.T.Fatal(err)
	}
	return &mfa.Service{
		Store: s.Store, Attempts: s.Store, Setups: s.Store, Keys: keys, Atomic: s.Store.Atomic,
		Limits: server.Limits(s.Config), Kinds: server.Kinds(s.Config), Now: s.Clock.Now,
		Memory: uint32(s.Config.HashMemory), Passes: uint32(s.Config.HashPasses),
	}
}

// Prove returns a proof of the user, given at that time, as for a right answer.
func (s *Site) Prove(subject string, at time.Time) mfa.Proof {
	s.T.Helper()
	service := s.MFA()
	service.Now = func() time.Time { return at }
	return mfatest.Prove(s.T, service, subject)
}

// ServeHTTP gives the request to the server whose turn it is.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.next().ServeHTTP(w, r)
}

// next is the server whose turn it is, once the gate is open.
func (s *Site) next() *Instance {
	s.gate.RLock()
	defer s.gate.RUnlock()
	servers := s.Servers()
	return servers[s.turn.Add(1)%uint64(len(servers))]
}

// Skip passes over the server whose turn it is.
func (s *Site) Skip() { s.turn.Add(1) }

// cheapMemory and cheapPasses are the price of hashes in these tests, which cost next to nothing: at the real price they
// would be most of what the tests do. Processes and commands pay the real one.
const cheapMemory, cheapPasses = 64, 1

// PasswordHash returns the hash of Password.
var PasswordHash = sync.OnceValues(func() (string, error) {
	return (&account.Hasher{Memory: cheapMemory, Passes: cheapPasses}).Hash(context.Background(), Password)
})

// AddUser adds an account with the password of all, with the Staff if they are the Accounts.
func (s *Site) AddUser(name string, change ...func(*account.Account)) account.Account {
	s.T.Helper()
	hash, err := PasswordHash()
	if err != nil {
		s.T.Fatalf("hash: %v", err)
	}
	now := s.Clock.Now()
	user := account.Account{
		Subject: strings.ToLower(rand.Text()), Username: name, Name: strings.ToUpper(name[:1]) + name[1:] + " Lima",
		Email: name + "@example.com", EmailVerified: true, Created: now, Updated: now,
	}
	for _, f := range change {
		f(&user)
	}
	if others, ok := s.Accounts.(*Staff); ok {
		others.Add(user)
		return user
	}
	if err := s.Store.CreateAccount(s.T.Context(), user, hash); err != nil {
		s.T.Fatalf("create %s: %v", name, err)
	}
	return user
}

// Listener listens at a free port of this machine. Whoever serves from it may close it; at the end of the test it is closed.
func Listener(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Listen has a server of the site listen as serve does, and returns the address.
func (s *Site) Listen() string {
	s.T.Helper()
	l := Listener(s.T)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, l, s.First(), slog.New(slog.DiscardHandler)) }()
	s.T.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.T.Error(err)
		}
	})
	return l.Addr().String()
}

// Clock is a clock that only a test moves.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock starts now, so that relying parties with a clock of their own agree, and at the begin of
// a TOTP step, so that a test can tell what the neighbouring codes are.
func newClock() *Clock { return &Clock{at: time.Now().Truncate(30 * time.Second)} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
