package step

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
	"vestibule/web"
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
	account.Endings
	// EndAccess ends all that the subject has open: sessions, remembered browsers and set-ups, and by one more of its
	// Endings the sign-ins under way.
	EndAccess(ctx context.Context, subject string) error
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

	store    Store
	refunds  *mfa.Refunds
	recorder audit.Recorder
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
	recorder := c.recorder()
	pages, err := web.New(c.pages(flows, refunds, recorder))
	if err != nil {
		return nil, fmt.Errorf("step: %w", err)
	}
	h := &Handler{
		pages: pages, mux: http.NewServeMux(), flows: flows, levels: c.Levels, prefix: c.Prefix, log: c.Log, now: c.Now,
		store: c.Store, refunds: refunds, recorder: recorder,
	}
	pages.Register(h.mux)
	return h, nil
}

// EndAccess ends all that a user has open here: sessions of the step, sign-ins under way, remembered browsers and set-ups, in
// one commit with the event that Recorder hears. The next sign-in asks for a code. actor is who does it, as the audit
// log has it, such as "wiki:admin"; the user sees the reason. Your own sessions and tokens are yours to end; end them first,
// lest somebody goes on here with them. An error that is an *operator.Invalid names what is wrong with the arguments.
func (h *Handler) EndAccess(ctx context.Context, subject, actor, reason string) error {
	o := operator.Operator{Sessions: h.store, Atomic: h.store.Atomic, Audit: h.recorder, Actor: cmp.Or(actor, "system"), Now: h.now}
	_, err := o.EndAccess(ctx, subject, reason)
	return err
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

// Levels are what acr values mean here: Levels().Request reads the demand of an authorization request. Whose the
// id_token_hint is that the request may have, the host has to find out.
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
