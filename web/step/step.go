package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/webauthn"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/web"
	"vestibule/web/account"
	"vestibule/web/browser"
	"vestibule/web/signin"
)

// ReturnTo is the parameter by which Config.LogIn hears where the browser goes on: a path of the handler, with a query.
const ReturnTo = "return_to"

// MaxRequest is how many bytes SignIn.Request may have: until there is a password it travels in an address.
const MaxRequest = 1024

// Store is what the step keeps: *storage.Store of package storage is one. One of the host's own is proved by
// steptest.TestStore. Its Atomic spans all of it.
type Store interface {
	mfa.Store
	mfa.Attempts
	mfa.Setups
	interaction.Store
	browser.SessionStore
	browser.RememberedStore
}

// Config is what a Handler is made of. Those up to Keys must be set.
type Config struct {
	// Origin is that of the host, such as https://id.example.com. Passkeys need one with https and a name, or localhost in
	// place of 127.0.0.1, which http will do for; they belong to the name for ever, so that another one later has none.
	Origin string
	Prefix string // of all addresses of the handler, such as /step
	Host   Host
	LogIn  string // address of the host's log-in, which asks for a password in any case; it gets ReturnTo
	LogOut string // address of the host's sign-out
	Store  Store  // one that is an audit.Store as well keeps the log of what happens; one that is an account.Activity shows users theirs
	Keys   *mfa.Keyring

	// Kinds are those of authenticators. Nil: apps, and passkeys if the Origin is one that can have them; else they are left
	// out, the log says why, and a Policy that asks for them is an error of New. Passkeys that are in Kinds must be of Origin.
	Kinds []mfa.Kind

	Policy   mfa.Policy       // who must have a second factor; the zero value obliges nobody
	Levels   assurance.Levels // what acr values mean; PhishingResistant follows from Kinds
	Limits   mfa.Limits       // of guesses; the zero value means the defaults
	Times    web.Times        // SessionLifetime: a password that is older is asked for anew; 0: 12 h
	Site     web.Site         // name, contact, texts, templates; its Prefix is not looked at
	Recorder audit.Recorder   // hears all that happens, in the commit of it and beside the log of Store; an error ends the commit; nil: nobody does
	Slow     mfa.Gate         // nil: one hash of a recovery code for each core
	Memory   uint32           // KiB for the hash of a recovery code (Argon2id); 0: 19456
	Passes   uint32           // of it; 0: 2
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// Handler is the step: an http.Handler for all below its Prefix.
type Handler struct {
	pages  *web.Server
	mux    *http.ServeMux
	flows  *interaction.Flows
	levels assurance.Levels
	prefix string
	log    *slog.Logger
	now    func() time.Time

	store   Store
	refunds *mfa.Refunds
}

// New returns a Handler. Its error names all that is missing.
func New(c Config) (*Handler, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	flows := interaction.NewFlows(c.Store, c.Keys, 0, c.Now)
	refunds := &mfa.Refunds{Attempts: c.Store, Now: c.Now}
	pages, err := web.New(c.pages(flows, refunds))
	if err != nil {
		return nil, fmt.Errorf("step: %w", err)
	}
	h := &Handler{pages: pages, mux: http.NewServeMux(), flows: flows, levels: c.Levels, prefix: c.Prefix, log: c.Log, now: c.Now, store: c.Store, refunds: refunds}
	pages.Register(h.mux)
	return h, nil
}

// check names everything that is missing.
func (c Config) check() error {
	var missing []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Origin", c.Origin != ""}, {"Prefix", c.Prefix != ""}, {"Host", c.Host != nil}, {"LogIn", c.LogIn != ""}, {"LogOut", c.LogOut != ""},
		{"Store", c.Store != nil}, {"Keys", c.Keys != nil},
	} {
		if !field.set {
			missing = append(missing, field.name)
		}
	}
	var faults []error
	if len(missing) > 0 {
		faults = append(faults, fmt.Errorf("step: %s must be set", strings.Join(missing, ", ")))
	}
	if c.Origin != "" && !isOrigin(c.Origin) {
		faults = append(faults, fmt.Errorf("step: Origin %q must be like https://id.example.com, as browsers write it and without a path", c.Origin))
	}
	for _, kind := range c.Kinds {
		if keys, ok := kind.(*webauthn.Kind); ok && keys.Origin() != c.Origin {
			faults = append(faults, fmt.Errorf("step: passkeys of %s have no use at Origin %s", keys.Origin(), c.Origin))
		}
	}
	return errors.Join(append(faults, c.checkLog())...)
}

func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80") && u.Hostname() != "" &&
		origin == u.Scheme+"://"+strings.ToLower(u.Host)
}

func (c Config) withDefaults() (Config, error) {
	c.Site.Prefix, c.Site.Name = c.Prefix, cmp.Or(c.Site.Name, "Vestibule")
	c.Limits.Proof = max(c.Limits.Proof, signin.ProofTime)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Kinds == nil {
		if err := c.addKinds(); err != nil {
			return c, err
		}
	}
	c.Levels.PhishingResistant = len(mfa.KindsOfStrength(c.Kinds, mfa.PhishingResistant)) > 0
	return c, nil
}

// addKinds adds all kinds that there are, but passkeys where no browser would make one.
func (c *Config) addKinds() error {
	c.Kinds = []mfa.Kind{totp.Kind{Issuer: c.Site.Name}}
	keys, err := webauthn.New(c.Origin, c.Site.Name)
	switch {
	case err == nil:
		c.Kinds = append(c.Kinds, keys)
	case !c.Policy.MetBy(c.Kinds):
		return fmt.Errorf("step: Policy asks for passkeys, and Origin can have none: %w", err)
	default:
		c.Log.Info("step: users are offered no passkeys", "reason", err)
	}
	return nil
}

// recorder writes the log of the Store, if that keeps one, and has the host's Recorder hear the same.
func (c Config) recorder() audit.Recorder {
	events, ok := c.Store.(audit.Store)
	switch {
	case ok && c.Recorder != nil:
		return &audit.Log{Store: events, Now: c.Now, Hooks: []audit.Hook{c.Recorder.Record}}
	case ok:
		return &audit.Log{Store: events, Now: c.Now}
	case c.Recorder != nil:
		return timed{c.Recorder, c.Now}
	}
	return nil
}

// timed tells the host when an event was, where no log has noted that.
type timed struct {
	audit.Recorder
	now func() time.Time
}

// Record implements audit.Recorder.
func (t timed) Record(ctx context.Context, e audit.Event) error {
	e.Time = t.now()
	return t.Recorder.Record(ctx, e)
}

// checkLog refuses what would leave users without the list of what happened, or write it twice.
func (c Config) checkLog() error {
	_, shows := c.Store.(account.Activity)
	events, keeps := c.Store.(audit.Store)
	own, isLog := c.Recorder.(*audit.Log)
	switch {
	case shows && !keeps && c.Recorder == nil:
		return errors.New("step: Store shows users what happened, and is no audit.Store that keeps it: Recorder must be set")
	case keeps && (same(c.Recorder, c.Store) || isLog && same(own.Store, events)):
		return errors.New("step: Recorder must not write into Store, which keeps a log already")
	}
	return nil
}

// same reports whether both are one thing.
func same(a, b any) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}

// pages are those of the server, on the host's accounts.
func (c Config) pages(flows *interaction.Flows, refunds *mfa.Refunds) web.Config {
	stores := web.Stores{Sessions: c.Store, Browsers: c.Store}
	stores.Activity, _ = c.Store.(account.Activity)
	return web.Config{
		Source: web.Source{
			Issuer: c.Origin, Flows: flows, Clients: apps{c.Site.Name},
			Engine: &engine{Flows: flows, origin: c.Origin, host: c.Host, atomic: c.Store.Atomic, levels: c.Levels},
		},
		Accounts: accounts{c.Host}, Host: login{c.Host, c.LogIn, c.LogOut},
		MFA: &mfa.Service{
			Store: c.Store, Attempts: c.Store, Refunds: refunds, Setups: c.Store, Keys: c.Keys, Atomic: c.Store.Atomic,
			Kinds: c.Kinds, Limits: c.Limits, Slow: c.Slow, Memory: c.Memory, Passes: c.Passes, Now: c.Now,
		},
		Consent: new(consent.Service), Policy: c.Policy, Passwords: web.Passwords{Attempts: c.Store, Refunds: refunds}, // what nobody is asked for
		Stores: stores, Journal: audit.Journal{Recorder: c.recorder(), Atomic: c.Store.Atomic}, Times: c.Times,
		Keys: web.Keys{Binding: c.Keys.Derive("step-browsers")[0]}, Site: c.Site, Log: c.Log, Now: c.Now,
	}
}

// Purger is a Store that removes what has expired, as *storage.Store does.
type Purger interface {
	Purge(ctx context.Context, now time.Time) (rows int64, err error)
}

// Work gives guesses back that the store could not take back in time, and has a Purger remove what has expired each
// minute, until ctx ends. A host runs it once in each process.
func (h *Handler) Work(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { h.refunds.Run(ctx) })
	work.Go(func() { h.purge(ctx) })
	work.Wait()
}

func (h *Handler) purge(ctx context.Context) {
	p, ok := h.store.(Purger)
	if !ok {
		return
	}
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if _, err := p.Purge(ctx, h.now()); err != nil && ctx.Err() == nil {
			h.log.ErrorContext(ctx, "purge", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// SignIn is a sign-in that the host wants.
type SignIn struct {
	Request string           // what the host knows it by: at most MaxRequest bytes. It must be one that this browser has begun
	Demand  assurance.Demand // what it asks of the login; the zero value: whatever the policy does
	App     string           // the id of the app that it is for; empty: the host itself
	Name    string           // what the pages call the app; empty: App or, without one, the name of the site
}

// Levels are what acr values mean here: Levels().Request reads the demand of an authorization request.
func (h *Handler) Levels() assurance.Levels { return h.levels }

// SignIn leads the browser to what is owed for s, and to what Host.Finish or Host.Refuse returns if that is nothing or,
// by PromptNone, must not be asked for. Who is not signed in with the host goes to its log-in first.
func (h *Handler) SignIn(w http.ResponseWriter, r *http.Request, s SignIn) {
	if err := h.signIn(w, asked(r), s); err != nil {
		h.pages.Error(w, r, err)
	}
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, s SignIn) error {
	if len(s.Request) > MaxRequest {
		return fmt.Errorf("step: a request of %d bytes is too long", len(s.Request))
	}
	if err := h.checkTime(&s.Demand); err != nil {
		return err
	}
	s.Demand.WeakRecovery = h.levels.WeakRecovery
	ix := h.flows.Begin(s.Demand)
	ix.Client, ix.ClientName, ix.FirstParty = cmp.Or(s.App, ownApp), cmp.Or(s.Name, s.App, h.pages.Name), true
	var err error
	if ix.Request, err = freeze(s.Request); err != nil {
		return err
	}
	return h.pages.Authorize(w, r, ix)
}

// checkTime has a demand of a clock that is a little ahead be of now: nothing that is proved for it could be young enough.
func (h *Handler) checkTime(d *assurance.Demand) error {
	switch ahead := d.RequestedAt.Sub(h.now()); {
	case ahead > signin.MaxAhead:
		return fmt.Errorf("step: a demand of %s from now: the host's clock may be ahead by at most %s", ahead, signin.MaxAhead)
	case ahead > 0:
		d.RequestedAt = time.Time{}
	}
	return nil
}

// asked is the request without its form, which is the host's: a password may be in it.
func asked(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.Method, r.Form, r.PostForm, r.MultipartForm = http.MethodGet, url.Values{}, url.Values{}, nil
	return r
}

// Register adds the handler to mux: GET and POST below the Prefix, so that there may be a GET / beside it.
func (h *Handler) Register(mux *http.ServeMux) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		mux.Handle(method+" "+h.prefix+"/", h)
	}
}

// ServeHTTP answers below the Prefix. Anything else is not found here.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, h.prefix+"/") {
		http.NotFound(w, r)
		return
	}
	seen := &seen{ResponseWriter: w}
	h.mux.ServeHTTP(seen, r)
	if seen.status >= http.StatusBadRequest {
		h.log.InfoContext(r.Context(), "refused", append(audit.Asked(r), "status", seen.status)...)
	}
}

// seen is an answer whose status was noted.
type seen struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (s *seen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}
