// Package step walks through the mountable step in a program that has its own accounts, its own log-in and its own session.
package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/step"
)

// program is one with its own log-in, whose cookie is as careful as the pages' are.
type program struct {
	t     *testing.T
	site  *servertest.Site // browsers, and the clock
	store *storage.Store
	logIn *servertest.LogIn
	keys  *mfa.Keyring
	steps atomic.Pointer[step.Handler]
	ahead atomic.Int64 // of the step's clock is that of the log-in, in nanoseconds

	mu       sync.Mutex
	users    map[string]account.Account // by subject, which is the user name
	demands  map[string]assurance.Demand
	results  map[string]step.Result // by request
	refused  map[string]string
	finished int   // calls of Finish
	down     error // what Keep, Finish and Refuse return
	stuck    error // what Finish alone returns
}

func newProgram(t *testing.T, db *storage.Store, change ...func(*step.Config)) *program {
	t.Helper()
	return newProgramAt(t, "127.0.0.1", db, change...)
}

// newProgramAt is newProgram under another name of this machine.
func newProgramAt(t *testing.T, name string, db *storage.Store, change ...func(*step.Config)) *program {
	t.Helper()
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{
		t: t, store: db, keys: keys, demands: map[string]assurance.Demand{},
		results: map[string]step.Result{}, refused: map[string]string{}, users: map[string]account.Account{},
	}
	for _, name := range []string{"ana", "ben"} {
		p.users[name] = account.Account{Subject: name, Username: name, Email: name + "@example.com"}
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.site = servertest.Elsewhere(t, strings.Replace(server.URL, "127.0.0.1", name, 1))
	p.steps.Store(p.newHandler(change...))
	for _, method := range []string{"GET", "POST"} {
		mux.HandleFunc(method+" /step/", func(w http.ResponseWriter, r *http.Request) { p.steps.Load().ServeHTTP(w, r) })
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the program's own ", r.URL.Path) })
	p.logIn = &servertest.LogIn{Now: p.logInNow, Knows: p.knows}
	p.logIn.Register(mux)
	mux.HandleFunc("GET /open", p.open)
	return p
}

// newHandler is what another process of the same program would have.
func (p *program) newHandler(change ...func(*step.Config)) *step.Handler {
	p.t.Helper()
	c := step.Config{
		Origin: p.site.Config.Issuer, Prefix: "/step", Host: p, LogIn: "/login", LogOut: "/logout", Store: p.store, Keys: p.keys, Memory: 64, Passes: 1,
		Log: slog.New(slog.NewTextHandler(p.site.Log, nil)), Now: p.site.Clock.Now,
	}
	for _, f := range change {
		f(&c)
	}
	h, err := step.New(c)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

func (p *program) logInNow() time.Time { return p.site.Clock.Now().Add(time.Duration(p.ahead.Load())) }

func (p *program) knows(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.users[user]
	return ok
}

// open begins a sign-in for the request that the address names.
func (p *program) open(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	d := p.demands[r.FormValue("demand")]
	p.mu.Unlock()
	p.steps.Load().SignIn(w, r, step.SignIn{Request: r.FormValue("id"), Demand: d, App: "payroll", Name: "Payroll"})
}

func (p *program) SignedIn(r *http.Request) (step.Password, error) {
	user, at := p.logIn.SignedIn(r)
	return step.Password{Subject: user, At: at}, nil
}

func (p *program) Account(_ context.Context, subject string) (account.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.users[subject]
	if !ok {
		return a, store.ErrNotFound
	}
	return a, nil
}

func (p *program) Keep(ctx context.Context, r step.Result) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return p.down
	}
	return p.write(ctx, keptEvent, r)
}

// keptEvent and finishedEvent are the program's own records, in the database that it shares with the step.
const (
	keptEvent     = "program.kept"
	finishedEvent = "program.finished"
)

func (p *program) write(ctx context.Context, kind string, r step.Result) error {
	return p.store.Record(ctx, audit.Event{ID: p.store.NewEventID(p.site.Clock.Now()), Time: p.site.Clock.Now(), Kind: kind, Outcome: audit.OutcomeOK, Subject: r.Login.Subject})
}

func (p *program) Finish(ctx context.Context, r step.Result) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmp.Or(p.down, p.stuck); err != nil {
		return "", err
	}
	p.results[r.Request] = r
	p.finished++
	return "/done/" + url.PathEscape(r.Request), p.write(ctx, finishedEvent, r)
}

func (p *program) Refuse(_ context.Context, request, code string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return "", p.down
	}
	p.refused[request] = code
	return "/refused/" + code, nil
}

func (p *program) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
}

// stick has Finish fail.
func (p *program) stick(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = err
}

// result is what the program was told of the request.
func (p *program) result(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.results[id]
	if !ok {
		return "nothing"
	}
	return fmt.Sprintf("%s %v %s %s", r.Login.Subject, r.AMR, r.ACR, p.site.Clock.Now().Sub(r.AuthTime))
}

func (p *program) hears(id, want string) {
	p.t.Helper()
	if got := p.result(id); got != want {
		p.t.Errorf("of %s the program is told %q, want %q", id, got, want)
	}
}

func (p *program) change(subject string, f func(*account.Account)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.users[subject]
	f(&a)
	p.users[subject] = a
}

// visitor is a browser at the program.
type visitor struct{ *servertest.Browser }

func (p *program) visitor() visitor { return visitor{p.site.NewBrowser(p.t)} }

// begin opens the request, which the demand of that name goes with.
func (v visitor) begin(id, demand string) *servertest.Page {
	v.T.Helper()
	return v.Open("/open?" + url.Values{"id": {id}, "demand": {demand}}.Encode())
}

// logIn signs in with the program, for no request.
func (v visitor) logIn(name string) visitor {
	v.T.Helper()
	v.Post("/login", url.Values{"username": {name}, "password": {servertest.Password}, step.ReturnTo: {"/home"}})
	return v
}

// is fails the test unless the browser is at that page of the program.
func (p *program) is(page *servertest.Page, path string) {
	p.t.Helper()
	if page.Address.Path != path || page.Name != "" {
		p.t.Fatalf("the browser is at %s (%s, %s), want %s:\n%s", page.Address, page.Name, page.State, path, page.Text())
	}
}

// enrol gives a user an authenticator app, on the pages.
func (p *program) enrol(name string) (servertest.Phone, []string) {
	p.t.Helper()
	phone, codes := p.visitor().logIn(name).enrol()
	p.site.Clock.Advance(2 * servertest.Step)
	return phone, codes
}

func (v visitor) enrol() (servertest.Phone, []string) {
	v.T.Helper()
	page := v.Open("/step/account/authenticators/new")
	if page.Name == "kinds" || page.Find(servertest.Named("code")) == nil {
		page = v.Open("/step/account/setup/totp")
	}
	phone := page.At("setup", "initial").Phone()
	page = page.Press("Continue", "code", phone.Code(-1)).At("codes", "initial")
	codes := page.RecoveryCodes()
	page.Press("Turn on two-step verification", "saved", "on").At("security", "on")
	return phone, codes
}

var errDown = errors.New("the program's database is down")

// each runs the test on both databases.
func each(t *testing.T, test func(t *testing.T, p *program)) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) { test(t, newProgram(t, db)) })
}

var twoSteps = assurance.Demand{EssentialACR: assurance.LevelTwo, PreferredACR: assurance.LevelTwo}

func (p *program) demand(name string, d assurance.Demand) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.demands[name] = d
	return name
}

// storageOf is a fresh database.
func storageOf(t *testing.T) *storage.Store {
	t.Helper()
	db := servertest.OpenDatabase(t, servertest.SQLite(t))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
