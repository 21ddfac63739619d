// Package fetch gets documents from addresses that somebody outside has named, such as the keys of a client. Whoever names
// one must not have this server ask machines that only it can reach: an address is looked at when it is connected to, after
// names have become numbers. Begin with New; a Cache remembers what was read. It sends no secret and no cookie, and never
// goes through a proxy of the environment, which would connect to what is refused here.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/limiter"
)

var (
	// ErrAddress reports an address that is not public, or not allowed for another reason.
	ErrAddress = errors.New("the address is not allowed")
	// ErrBusy reports that too much is being fetched already: nobody's fault, try again.
	ErrBusy = limiter.ErrBusy
)

const (
	// Limit is how many bytes a document may have.
	Limit = 64 << 10
	// timeout is for the whole of it: name, connection, redirects and body.
	timeout = 5 * time.Second
	// hops is how many redirects are followed.
	hops = 3

	atOnce     = 16 // documents under way from all hosts
	atOnceHost = 4  // from one
	waiting    = 64 // that wait for a turn
)

// Config is what a Fetcher is made of. The zero value works: the public Internet, by https.
type Config struct {
	Internal    []netip.Prefix // networks that are not public, but may be asked; nil: none. Those of cloud metadata never are
	Loopback    bool           // this machine may be asked too, by http as well: for tests, and servers on one machine
	Roots       *x509.CertPool // who vouches for hosts; nil: those that the system trusts
	NoRedirects bool           // what is elsewhere is not fetched
	Resolver    *net.Resolver  // finds the addresses of names; nil: the system's
}

// Strange is the Config for addresses that anybody may have named: no Internal network is asked for them.
func (c Config) Strange() Config {
	c.Internal = nil
	return c
}

// Fetcher gets documents. It may be used from many goroutines. Documents that strangers name are for another one than
// documents of registered clients, which would wait behind them.
type Fetcher struct {
	config Config
	client *http.Client
	all    limiter.Limiter
	hosts  limiter.Limiter // by host and port
}

// New returns a Fetcher.
func New(c Config) *Fetcher {
	f := &Fetcher{config: c,
		all: limiter.Limiter{AtOnce: atOnce, Waiting: waiting}, hosts: limiter.Limiter{AtOnce: atOnceHost, Waiting: waiting}}
	dialer := &net.Dialer{Timeout: timeout, Resolver: c.Resolver, Control: c.control}
	f.client = &http.Client{
		Transport: &http.Transport{ // without Proxy: the environment's would connect in our place
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, // each document is looked up and connected to anew
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > hops || c.NoRedirects {
				return errors.New("it leads from one address to the next")
			}
			return f.check(r.URL)
		},
	}
	return f
}

// check is that of the settings, for errors.Is.
func (f *Fetcher) check(u *url.URL) error {
	if err := f.config.check(u); err != nil {
		return fmt.Errorf("%w: %v", ErrAddress, err)
	}
	return nil
}

func (f *Fetcher) parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: not an address", ErrAddress)
	}
	return u, f.check(u)
}

// Document is what was at an address.
type Document struct {
	Body  []byte
	Type  string        // Content-Type, as its host says
	Fresh time.Duration // how long it may be kept, as its host says; negative: it says nothing
	Host  string        // that it came from, which redirects may have led to
}

// Post sends a form to the address, and returns the status of the answer: no redirect is followed, and nothing is read of it.
// Errors are those of Fetch.
func (f *Fetcher) Post(ctx context.Context, address string, form url.Values) (status int, err error) {
	u, err := f.parse(address)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	leave, err := f.turn(ctx, strings.ToLower(u.Host))
	if err != nil {
		return 0, err
	}
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Vestibule")
	response, err := f.client.Transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// Fetch gets the document at the address. Errors: ErrAddress, ErrBusy, or what has gone wrong with the host.
func (f *Fetcher) Fetch(ctx context.Context, address, accept string) (Document, error) {
	u, err := f.parse(address)
	if err != nil {
		return Document{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	leave, err := f.turn(ctx, strings.ToLower(u.Host))
	if err != nil {
		return Document{}, err
	}
	defer leave()
	return f.get(ctx, u, accept)
}

// turn waits for one of the host, and of all.
func (f *Fetcher) turn(ctx context.Context, host string) (leave func(), err error) {
	ofHost, err := f.hosts.Take(ctx, host)
	if err != nil {
		return nil, inTime(err)
	}
	ofAll, err := f.all.Take(ctx, "")
	if err != nil {
		ofHost()
		return nil, inTime(err)
	}
	return func() { ofAll(); ofHost() }, nil
}

// inTime says of a turn that did not come in time that too many waited: no host was asked.
func inTime(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrBusy
	}
	return err
}

func (f *Fetcher) get(ctx context.Context, u *url.URL, accept string) (Document, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Document{}, err
	}
	r.Header.Set("Accept", accept)
	r.Header.Set("User-Agent", "Vestibule")
	response, err := f.client.Do(r)
	if err != nil {
		return Document{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Document{}, fmt.Errorf("%s answers %d", u.Host, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, Limit+1))
	switch {
	case err != nil:
		return Document{}, err
	case len(body) > Limit:
		return Document{}, fmt.Errorf("%s sends more than %d bytes", u.Host, Limit)
	}
	return Document{body, response.Header.Get("Content-Type"), fresh(response.Header), response.Request.URL.Hostname()}, nil
}

// fresh reads Cache-Control (RFC 9111 section 5.2.2).
func fresh(h http.Header) time.Duration {
	found := time.Duration(-1)
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				found = time.Duration(seconds) * time.Second
			}
		}
	}
	return found
}
