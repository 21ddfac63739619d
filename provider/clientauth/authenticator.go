package clientauth

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/clientjwt"
	"vestibule/provider/keyset"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// Clients finds registrations.
type Clients interface {
	// Known returns the client that a request says it is of, as it is registered now. Errors: store.ErrNotFound, and any that
	// Authenticator.Client is to pass on.
	Known(r *http.Request, id string) (client.Client, error)
}

// Authenticator finds out which client sends a request. It may be used from many goroutines.
type Authenticator struct {
	Clients    Clients
	Secrets    *client.SecretChecker
	Keys       func(client.Client) *keyset.Keys // which reads those that the client signs with
	Assertions clientjwt.Store

	Issuer    string
	Endpoints func(*http.Request) []string // that an assertion of the request may be for, beside the Issuer

	// Certificates returns what the client has shown in TLS, its own certificate first; nil: clients show none.
	Certificates func(*http.Request) ([]*x509.Certificate, error)
	Authority    *certificate.Authority // vouches for clients; nil: none authenticates by tls_client_auth
	// Report records that somebody has shown a certificate which is not the client's, seldom enough for the log; about says of
	// what it is one event.
	Report func(ctx context.Context, e audit.Event, about string) error

	Log *slog.Logger
	Now func() time.Time

	unreadable sync.Once // logs the first certificate that a proxy passes on in another way than it is said to
}

// Client returns the client that sends the request with that form, and what shows so: it is known by what it has signed, by
// HTTP Basic or form parameters with a secret, by its certificate, or by the id alone of a public client. Using two methods at
// once is an error, but for a certificate that tokens are to be bound to. Errors: *Error, those of Clients, or a fault of ours.
func (a *Authenticator) Client(ctx context.Context, r *http.Request, form url.Values) (client.Client, Evidence, error) {
	e, err := a.evidence(r, form)
	if err != nil {
		return client.Client{}, Evidence{}, err
	}
	c, err := a.known(r, e.sent.id)
	if err == nil {
		err = a.authenticate(ctx, c, e)
	}
	if err != nil {
		return client.Client{}, Evidence{}, err
	}
	return c, e, nil
}

// Evidence is what a request shows of the client that sends it.
type Evidence struct {
	request   *http.Request
	sent      credentials
	chain     []*x509.Certificate  // that it has shown in TLS
	assertion *clientjwt.Assertion // nil: it has signed none
}

// evidence reads it, and believes nothing.
func (a *Authenticator) evidence(r *http.Request, form url.Values) (Evidence, error) {
	e := Evidence{request: r}
	var err error
	if e.chain, err = a.Shown(r); err != nil {
		return e, err
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		e.assertion, err = readAssertion(r, form)
		if err == nil {
			e.sent.id = e.assertion.Client
		}
		return e, err
	}
	e.sent, err = clientCredentials(r, form)
	return e, err
}

// authenticate checks that the request is the client's, and spends what may be used once.
func (a *Authenticator) authenticate(ctx context.Context, c client.Client, e Evidence) error {
	if e.assertion == nil {
		return a.checkShown(ctx, c, e)
	}
	used, err := a.checkAssertion(ctx, c, e)
	if err != nil {
		return err
	}
	return a.spend(ctx, c, used)
}

// Again checks the evidence, which has authenticated the client as it was remembered, against that client as it is registered
// now. Nothing is spent a second time. Errors are those of Client.
func (a *Authenticator) Again(ctx context.Context, c client.Client, e Evidence) error {
	if e.assertion == nil {
		return a.checkShown(ctx, c, e)
	}
	_, err := a.checkAssertion(ctx, c, e)
	return err
}

// checkShown checks what a request shows that has signed nothing.
func (a *Authenticator) checkShown(ctx context.Context, c client.Client, e Evidence) error {
	switch sent := e.sent; {
	case c.Public && sent.method == client.AuthNone:
		return nil
	case c.Public:
		return invalidClient("A public client must not send a secret.")
	case c.ShowsCertificate() && sent.method == client.AuthNone:
		return a.byCertificate(ctx, e.request, c, e.chain)
	case sent.method == client.AuthNone && c.AuthenticatesBy(client.AuthSecretPost):
		return invalidClient("The client secret is missing or wrong.")
	case !c.AuthenticatesBy(sent.method):
		return notItsMethod(c, sent.method)
	}
	return a.checkSecret(ctx, c, e.sent.secrets, spelling.NetworkOf(e.request.RemoteAddr))
}

// known returns the client that a request says it is of.
func (a *Authenticator) known(r *http.Request, id string) (client.Client, error) {
	c, err := a.Clients.Known(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, invalidClient("The client is not known.")
	}
	return c, err
}

func notItsMethod(c client.Client, method string) error {
	return invalidClient("The client is registered to authenticate by %s, and did so by %s.", c.AuthMethod(), method)
}

// checkSecret wants one of the secrets to be the client's.
func (a *Authenticator) checkSecret(ctx context.Context, c client.Client, secrets []string, network string) error {
	for _, secret := range secrets {
		switch ok, err := a.Secrets.Check(ctx, c, a.Now(), secret, network); {
		case err != nil:
			return err
		case ok:
			return nil
		}
	}
	return invalidClient("The client secret is missing or wrong.")
}

// credentials are what a request says of its client without signing anything.
type credentials struct {
	id      string
	method  string   // one of client.AuthMethods
	secrets []string // the readings of the one that was sent
}

func clientCredentials(r *http.Request, form url.Values) (credentials, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return credentials{}, invalidRequest("The Authorization header was sent twice.")
	}
	id, secret, basic := r.BasicAuth()
	switch {
	case basic && form.Has("client_secret"):
		return credentials{}, invalidRequest("The client authenticates in two ways at once.")
	case basic:
		return basicCredentials(id, secret, form.Get("client_id"))
	case r.Header.Get("Authorization") != "":
		return credentials{}, invalidClient("The Authorization header is not HTTP Basic.")
	case form.Get("client_id") == "":
		return credentials{}, invalidClient("The request says neither by HTTP Basic nor by client_id which client sends it.")
	case form.Get("client_secret") == "":
		return credentials{id: form.Get("client_id"), method: client.AuthNone}, nil
	}
	return credentials{form.Get("client_id"), client.AuthSecretPost, []string{form.Get("client_secret")}}, nil
}

// basicCredentials reads an id and a secret that are form-encoded inside the header (RFC 6749 section 2.3.1). Many clients send
// the secret as it is: then one with + or % in it has two readings.
func basicCredentials(id, secret, named string) (credentials, error) {
	if decoded, err := url.QueryUnescape(id); err == nil {
		id = decoded // no id is changed by this that is none already: it has neither + nor %
	}
	sent := credentials{id, client.AuthSecretBasic, []string{secret}}
	if decoded, err := url.QueryUnescape(secret); err == nil && decoded != secret {
		sent.secrets = []string{decoded, secret}
	}
	if named != "" && named != id {
		return sent, invalidRequest("client_id is not the client of the Authorization header.")
	}
	if secret == "" {
		sent.method, sent.secrets = client.AuthNone, nil
	}
	return sent, nil
}
