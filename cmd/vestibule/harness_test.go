package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/storage"
)

// password is everybody's in these tests.
const password = "cobalt heron umbrella"

// clock is a clock that only a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock starts now, so that relying parties with a clock of their own agree, and at the begin of
// a TOTP step, so that a test can tell what the neighbouring codes are.
func newClock() *clock { return &clock{at: time.Now().Truncate(30 * time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// journal keeps what servers log, to look for secrets in it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// site is one or several servers on one database, behind one address.
type site struct {
	t      *testing.T
	config config.Config
	clock  *clock
	store  *storage.Store // a connection of the test's own
	log    *journal

	servers atomic.Pointer[[]*Instance] // they answer in turn
	turn    atomic.Uint64
	guess   atomic.Uint64 // a wrong code

	mu      sync.Mutex
	secrets []string // what must never be logged
}

// eachDatabase runs the test on SQLite and on PostgreSQL, each with a database of its own.
func eachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteDatabase(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, postgresDatabase(t))
	})
}

// eachSite runs the test with a server on each database.
func eachSite(t *testing.T, test func(t *testing.T, s *site)) {
	eachDatabase(t, func(t *testing.T, database string) { test(t, newSite(t, database)) })
}

// eachSiteWith is eachSite with other settings.
func eachSiteWith(t *testing.T, set func(*config.Config), test func(t *testing.T, s *site)) {
	eachDatabase(t, func(t *testing.T, database string) { test(t, newSite(t, database, set)) })
}

// rememberBrowsers is the setting that lets users go without a code in a browser, for a month.
func rememberBrowsers(c *config.Config) { c.RememberBrowser = 720 * time.Hour }

func sqliteDatabase(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "vestibule.db")
}

// postgresDatabase makes a schema for one test.
func postgresDatabase(t *testing.T) string {
	t.Helper()
	address := required(t, "VESTIBULE_TEST_POSTGRES")
	schema := "walk_" + strings.ToLower(rand.Text())
	execPostgres(t, address, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { execPostgres(t, address, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("VESTIBULE_TEST_POSTGRES: %v", err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func execPostgres(t *testing.T, address, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatalf("PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// required returns the value of an environment variable that names an outside program. Without it
// the test is skipped, unless VESTIBULE_TEST_REQUIRE says that nothing may be missing.
func required(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	switch {
	case value != "":
	case os.Getenv("VESTIBULE_TEST_REQUIRE") != "":
		t.Fatalf("%s is not set", name)
	default:
		t.Skipf("%s is not set; .ci/test sets it", name)
	}
	return value
}

// newSite starts a server. Options change its settings.
func newSite(t *testing.T, database string, options ...func(*config.Config)) *site {
	t.Helper()
	s := &site{t: t, clock: newClock(), log: &journal{}}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	s.config = config.Default()
	s.config.Issuer = front.URL
	s.config.Database = database
	s.config.SecretKeys = []string{mfa.NewKey()}
	s.config.HashMemory, s.config.HashPasses = cheapMemory, cheapPasses
	for _, option := range options {
		option(&s.config)
	}
	s.store = openDatabase(t, database)
	if err := s.store.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	s.start(1)
	t.Cleanup(s.checkLog)
	t.Cleanup(s.checkDump)
	return s
}

// openDatabase opens a database as a command does.
func openDatabase(t *testing.T, database string) *storage.Store {
	t.Helper()
	db, err := storage.OpenPatient(context.WithoutCancel(t.Context()), database)
	if err != nil {
		t.Fatalf("open %s: %v", database, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return db
}

// start drops the servers there are, unfinished as they may be, and puts n new ones in their place:
// what the old ones kept in memory is lost, as if they had been killed.
func (s *site) start(n int) {
	s.t.Helper()
	servers := make([]*Instance, n)
	for i := range servers {
		servers[i] = s.newServer()
	}
	s.use(servers...)
}

// use has these servers answer in turn, in the place of all others.
func (s *site) use(servers ...*Instance) { s.servers.Store(&servers) }

// instances are the servers that answer.
func (s *site) instances() []*Instance { return *s.servers.Load() }

// first is the server that answers, or one of them.
func (s *site) first() *Instance { return s.instances()[0] }

func (s *site) newServer() *Instance {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	i := &Instance{}
	var err error
	i.Server, err = server.New(context.WithoutCancel(s.t.Context()), s.config, server.Options{Log: log, Now: s.clock.now, Trip: i.trip})
	if err != nil {
		s.t.Fatalf("start a server: %v", err)
	}
	i.handler = i.Server.Handler()
	s.t.Cleanup(func() {
		if err := i.Close(); err != nil {
			s.t.Errorf("close a server: %v", err)
		}
	})
	return i
}

// Instance is one of the servers of a site.
type Instance struct {
	*server.Server // nil: it is another process
	handler        http.Handler
	observer       atomic.Pointer[func(storage.Trip)]
}

// ServeHTTP answers as the server does.
func (i *Instance) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

// Observe has f told of each round trip to the database, in the place of any other; nil: nobody is told.
func (i *Instance) Observe(f func(storage.Trip)) { i.observer.Store(&f) }

func (i *Instance) trip(t storage.Trip) {
	if f := i.observer.Load(); f != nil && *f != nil {
		(*f)(t)
	}
}

// Wrap puts a handler before the server's own until the test ends.
func (i *Instance) Wrap(t *testing.T, f func(http.Handler) http.Handler) {
	inner := i.handler
	i.handler = f(inner)
	t.Cleanup(func() { i.handler = inner })
}

// Do does one of the server's jobs once, by its name.
func (i *Instance) Do(ctx context.Context, name string) error {
	for _, job := range i.Jobs() {
		if job.Name == name {
			return job.Do(ctx)
		}
	}
	return errors.New("the server has no job " + name)
}

// metrics are the lines of /metrics.
func (i *Instance) metrics(t *testing.T) []string {
	t.Helper()
	w := httptest.NewRecorder()
	i.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("/metrics answers %d with %s", w.Code, w.Header().Get("Content-Type"))
	}
	return strings.Split(w.Body.String(), "\n")
}

// mfa is the service that the servers have, for what a test need not do on the pages.
func (s *site) mfa() *mfa.Service {
	s.t.Helper()
	keys, err := mfa.ParseKeyring(s.config.SecretKeys)
	if err != nil {
		s.t.Fatal(err)
	}
	return &mfa.Service{
		Store: s.store, Attempts: s.store, Setups: s.store, Keys: keys, Atomic: s.store.Atomic, Issuer: s.config.Name,
		Limits: server.Limits(s.config), Kinds: server.Kinds(s.config), Now: s.clock.now,
		Memory: uint32(s.config.HashMemory), Passes: uint32(s.config.HashPasses),
	}
}

// ServeHTTP gives the request to the server whose turn it is.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	servers := s.instances()
	servers[s.turn.Add(1)%uint64(len(servers))].ServeHTTP(w, r)
}

// keepSecret notes a value that must not turn up in a log.
func (s *site) keepSecret(value string) {
	if len(value) < 12 {
		return // too short to tell from other text
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, value)
}

func (s *site) checkLog() {
	s.t.Helper()
	log := s.log.String()
	var needles []needle
	for _, secret := range s.allSecrets() {
		needles = append(needles, needle{secret, secret})
	}
	for _, secret := range search([]byte(log), needles) {
		s.t.Errorf("the log has a secret in it: %q", secret)
	}
	if s.t.Failed() {
		s.t.Logf("the servers' log ends with:\n%s", log[max(0, len(log)-1500):])
	}
}

// allSecrets are the texts that may stand in no log and in no database, each once.
func (s *site) allSecrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	secrets := append(slices.Clone(s.secrets), password, s.config.SecretKeys[0])
	slices.Sort(secrets)
	return slices.Compact(secrets)
}

// Hashes in these tests cost next to nothing: at the real price they would be most of what the tests do. Processes and
// commands pay the real one.
const cheapMemory, cheapPasses = 64, 1

var passwordHash = sync.OnceValues(func() (string, error) {
	return (&account.Hasher{Memory: cheapMemory, Passes: cheapPasses}).Hash(context.Background(), password)
})

// addUser adds an account with the password of all.
func (s *site) addUser(name string, change ...func(*account.Account)) account.Account {
	s.t.Helper()
	hash, err := passwordHash()
	if err != nil {
		s.t.Fatalf("hash: %v", err)
	}
	now := s.clock.now()
	user := account.Account{
		Subject: strings.ToLower(rand.Text()), Username: name, Name: strings.ToUpper(name[:1]) + name[1:] + " Lima",
		Email: name + "@example.com", EmailVerified: true, Created: now, Updated: now,
	}
	for _, f := range change {
		f(&user)
	}
	if err := s.store.CreateAccount(s.t.Context(), user, hash); err != nil {
		s.t.Fatalf("create %s: %v", name, err)
	}
	return user
}
