package registration

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// Paths of the endpoints, below the issuer's.
const (
	Path       = "/register"
	ClientPath = "/register/{id}"
)

// maxDocument is how many bytes a registration may have.
const maxDocument = 32 << 10

// EachUnused is how often DeleteUnused should be called.
const EachUnused = time.Hour

// Results of a registration, for Config.Count.
const (
	ResultOK      = "ok"
	ResultInvalid = "invalid" // the document
	ResultToken   = "token"   // was wrong, or missing
	ResultLimited = "limited"
	ResultFailed  = "failed"
)

// Config is what an Endpoint is made of.
type Config struct {
	Issuer   string // the endpoints are below it
	Policy   Policy
	Operator *operator.Operator  // with Clients and Register; its Actor is the client, which the event names
	Count    func(result string) // told of each try to register: one of the Results; nil: nobody is
}

// Endpoint answers clients that register themselves. Its methods answer requests; an error is a fault of ours, and nothing was
// answered.
type Endpoint struct{ Config }

// New returns an Endpoint.
func New(c Config) *Endpoint {
	c.Policy = c.Policy.withDefaults()
	return &Endpoint{c}
}

// DeleteUnused removes clients that have registered themselves and are not used, and returns how many.
func (e *Endpoint) DeleteUnused(ctx context.Context) (int, error) {
	o := *e.Operator
	o.Actor = "system"
	return o.DeleteUnused(ctx, e.Policy.Unused)
}

// Create registers a client (RFC 7591 section 3.1).
func (e *Endpoint) Create(w http.ResponseWriter, r *http.Request) error {
	done, err := e.create(w, r)
	if e.Count != nil {
		e.Count(resultOf(err))
	}
	return e.answer(w, http.StatusCreated, done, err)
}

func (e *Endpoint) create(w http.ResponseWriter, r *http.Request) (operator.Registered, error) {
	token, sent := bearer(r)
	if token == "" && (sent || e.Policy.NeedToken) {
		return operator.Registered{}, errToken("an initial access token")
	}
	d, err := readRequest(w, r)
	if err != nil {
		return operator.Registered{}, err
	}
	c, err := e.wanted(d, client.Client{Audiences: e.Policy.Audiences})
	if err != nil {
		return operator.Registered{}, err
	}
	done, err := e.Operator.RegisterItself(r.Context(), operator.SelfRegistration{
		Client: c, Token: token, Network: spelling.NetworkOf(r.RemoteAddr), Address: spelling.HostOf(r.RemoteAddr), Limits: e.Policy.limits(),
	})
	if errors.Is(err, store.ErrNotFound) {
		err = errToken("an initial access token")
	}
	return done, outcome(err)
}

// wanted is the client that the document makes over base, or all that is wrong with it.
func (e *Endpoint) wanted(d document, base client.Client) (client.Client, error) {
	c, faults := e.judge(d, base)
	if len(faults) > 0 {
		return c, refuse(d.blame(faults, func(less document) []error {
			_, faults := e.judge(less, base)
			return faults
		})...)
	}
	return c, nil
}

func (e *Endpoint) judge(d document, base client.Client) (client.Client, []error) {
	c, err := d.over(base)
	if err != nil {
		return c, apart(err)
	}
	e.Policy.complete(&c)
	return c, append(e.Policy.faults(c), checked(c)...)
}

// Read tells a client what it has registered (RFC 7592 section 2.1).
func (e *Endpoint) Read(w http.ResponseWriter, r *http.Request) error {
	c, token, err := e.authenticate(r)
	return e.answer(w, http.StatusOK, operator.Registered{Client: c, Token: token}, err)
}

// Update replaces what a client has registered (RFC 7592 section 2.2). Its token stays as it is, so that a lost answer shuts no
// client out.
func (e *Endpoint) Update(w http.ResponseWriter, r *http.Request) error {
	done, err := e.update(w, r)
	return e.answer(w, http.StatusOK, done, err)
}

func (e *Endpoint) update(w http.ResponseWriter, r *http.Request) (operator.Registered, error) {
	before, token, err := e.authenticate(r)
	if err != nil {
		return operator.Registered{}, err
	}
	d, err := readRequest(w, r)
	if err != nil {
		return operator.Registered{}, err
	}
	if err := d.fitsTo(before); err != nil {
		return operator.Registered{}, err
	}
	c, err := e.wanted(d, before)
	if err != nil {
		return operator.Registered{}, err
	}
	done, err := e.Operator.ChangeItself(r.Context(), before, c, spelling.HostOf(r.RemoteAddr))
	done.Token = token
	return done, outcome(err)
}

// fitsTo refuses a change that is of another client, or would change what only the server may.
func (d document) fitsTo(c client.Client) error {
	switch {
	case d.id != c.ID:
		return refuse(&fault{"client_id", "it must be that of the client, as it was given out"})
	case len(d.server) > 0:
		return refuse(&fault{strings.Join(d.server, ", "), "leave out what only the server says"})
	case d.secret != "" && c.SecretHash != client.HashRandom(d.secret):
		return refuse(&fault{"client_secret", "it is not the client's; leave it out"})
	}
	return nil
}

// Delete removes a client and all that has come of it (RFC 7592 section 2.3).
func (e *Endpoint) Delete(w http.ResponseWriter, r *http.Request) error {
	c, _, err := e.authenticate(r)
	if err == nil {
		err = e.Operator.RemoveItself(r.Context(), c.ID, spelling.HostOf(r.RemoteAddr))
	}
	if errors.Is(err, store.ErrNotFound) {
		err = errToken("the registration access token")
	}
	if err != nil {
		return refused(w, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// authenticate finds the client that the address names, if the request has its registration access token. There is no telling
// whether there is such a client.
func (e *Endpoint) authenticate(r *http.Request) (client.Client, string, error) {
	wrong := errToken("the registration access token")
	token, _ := bearer(r)
	id := r.PathValue("id")
	if token == "" || !spelling.IsPlain(id) || len(id) > 128 {
		return client.Client{}, "", wrong
	}
	c, err := e.Operator.Clients.Client(r.Context(), id)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && !c.Manages(token):
		return client.Client{}, "", wrong
	}
	return c, token, err
}
