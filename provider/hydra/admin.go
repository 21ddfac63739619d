package hydra

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/limiter"
	"vestibule/provider/store"
)

// AdminConfig is how Hydra's admin API is reached.
type AdminConfig struct {
	URL      string        // of the API, without /admin
	Token    string        // sent as a bearer token; empty: none is sent
	CertFile string        // our certificate, PEM, for an API that asks for one; empty: we have none
	KeyFile  string        // its key, PEM
	CAFile   string        // certificates, PEM, of the authorities to trust; empty: those of the system
	Timeout  time.Duration // of one call, and of the wait for its turn; 0: 5 s
	AtOnce   int           // calls of either kind: reads of challenges, and all others; 0: 16
	Waiting  int           // calls of either kind that wait for their turn; 0: 256
}

// Admin calls Hydra's admin API. Use NewAdmin.
//
// Anybody can have a challenge read, of his own making or not. So reads have turns of their own: whoever has proved
// something does not wait behind them.
//
// Outcomes of all calls: store.ErrUnavailable if Hydra does not answer, or not as Hydra does; limiter.ErrBusy if as many wait
// as may, or the turn does not come; ErrChallenge for a challenge that is not known or has expired; *UsedError for one that
// was used.
type Admin struct {
	base          string // of the paths, which begin with a slash
	token         string
	http          *http.Client
	reads, others limiter.Limiter
}

// ErrChallenge reports a challenge that Hydra does not know: it was made up, is another Hydra's, or has expired.
var ErrChallenge = errors.New("hydra: unknown or expired challenge")

// UsedError reports a challenge that was used before.
type UsedError struct{ RedirectTo string } // where the browser goes on

func (e *UsedError) Error() string { return "hydra: the challenge was used" }

// RefusedError reports a call that Hydra understood and refused. It has no word of Hydra's but the code.
type RefusedError struct {
	Status int
	Code   string // may be empty
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("hydra: refused with %d %s", e.Status, e.Code)
}

// unavailableError is store.ErrUnavailable of Hydra, in words that do not blame the database.
type unavailableError struct{ why string }

func (e *unavailableError) Error() string { return "Hydra is unavailable: " + e.why }

// Is reports whether the target is store.ErrUnavailable.
func (e *unavailableError) Is(target error) bool { return target == store.ErrUnavailable }

var errForeign = &unavailableError{"the answer is not Hydra's"}

const (
	adminTime   = 5 * time.Second
	adminAtOnce = 16
	maxBody     = 1 << 20 // bytes of an answer
)

// NewAdmin returns an Admin, or what is wrong with the settings, all of it. It connects to nobody.
func NewAdmin(c AdminConfig) (*Admin, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, errors.New("hydra_admin_url is no URL")
	}
	if err := c.check(u); err != nil {
		return nil, err
	}
	trust, err := c.tls()
	if err != nil {
		return nil, err
	}
	c.Timeout, c.AtOnce = cmp.Or(c.Timeout, adminTime), cmp.Or(c.AtOnce, adminAtOnce)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trust
	transport.MaxConnsPerHost = 2*c.AtOnce + 1 // all calls go to one host: those of both lines, and Ready
	transport.MaxIdleConnsPerHost = transport.MaxConnsPerHost
	return &Admin{
		base: strings.TrimRight(c.URL, "/"), token: c.Token,
		http: &http.Client{
			Transport: transport, Timeout: c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		reads: limiter.Limiter{AtOnce: c.AtOnce, Waiting: c.Waiting}, others: limiter.Limiter{AtOnce: c.AtOnce, Waiting: c.Waiting},
	}, nil
}

func (c AdminConfig) check(u *url.URL) error {
	var faults []error
	secret := c.Token != "" || c.CertFile != ""
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{u.Scheme != "https" && u.Scheme != "http" || u.Host == "", "hydra_admin_url must be an http or https URL, as https://hydra:4445"},
		{u.User != nil || u.RawQuery != "" || u.Fragment != "", "hydra_admin_url must have no user, query or fragment"},
		{strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/admin"), "hydra_admin_url must end before /admin"},
		{u.Scheme == "http" && secret && !client.IsLoopback(u.Hostname()), "hydra_admin_url must be https where a token or a certificate is used"},
		{(c.CertFile == "") != (c.KeyFile == ""), "hydra_admin_cert_file and hydra_admin_key_file go together"},
		{strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }), "hydra_admin_token has characters that no header can have"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return errors.Join(faults...)
}

// tls is whom we trust, and what we show.
func (c AdminConfig) tls() (*tls.Config, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		content, err := os.ReadFile(c.CAFile)
		trust.RootCAs = x509.NewCertPool()
		if err == nil && !trust.RootCAs.AppendCertsFromPEM(content) {
			err = errors.New("it holds no certificate")
		}
		if err != nil {
			return nil, fmt.Errorf("hydra_admin_ca_file: %w", err)
		}
	}
	if c.CertFile != "" {
		certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("hydra_admin_cert_file: %w", err)
		}
		trust.Certificates = []tls.Certificate{certificate}
	}
	return trust, nil
}

// Ready reports whether Hydra answers. It waits for nobody's turn.
func (a *Admin) Ready(ctx context.Context) error {
	return a.send(ctx, "ready", http.MethodGet, "/health/ready", nil, nil, nil)
}

// call does one call when it is its turn in the line.
func (a *Admin) call(ctx context.Context, line *limiter.Limiter, what, method, path string, query url.Values, in, out any) error {
	waits, cancel := context.WithTimeout(ctx, a.http.Timeout)
	done, err := line.Take(waits, "")
	cancel()
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return context.Canceled
	case err != nil:
		return fmt.Errorf("hydra: %s: %w", what, limiter.ErrBusy)
	}
	defer done()
	return a.send(ctx, what, method, path, query, in, out)
}

// send does one call: what it is for is all that an error tells of it. in is the body, nil for none; out gets the answer,
// nil if nobody wants it.
func (a *Admin) send(ctx context.Context, what, method, path string, query url.Values, in, out any) error {
	r, err := a.request(ctx, method, path, query, in)
	if err != nil {
		return fmt.Errorf("hydra: %s: %w", what, err)
	}
	response, err := a.http.Do(r)
	if err != nil {
		return a.unanswered(ctx, what, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return a.unanswered(ctx, what, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("hydra: %s: %w", what, refusalOf(response.StatusCode, body))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("hydra: %s: %w", what, errForeign)
	}
	return nil
}

func (a *Admin) request(ctx context.Context, method, path string, query url.Values, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path+"?"+query.Encode(), body)
	if err != nil {
		return nil, withoutURL(err)
	}
	r.Header.Set("Accept", "application/json")
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	return r, nil
}

// unanswered is an error of the way to Hydra. A caller who has gone is not Hydra's fault.
func (a *Admin) unanswered(ctx context.Context, what string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return fmt.Errorf("hydra: %s: %w", what, &unavailableError{withoutURL(err).Error()})
}

// withoutURL takes the address out of an error: there are challenges in it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// refusalOf reads an answer that is none of success.
func refusalOf(status int, body []byte) error {
	var said struct {
		Error      json.RawMessage `json:"error"`
		RedirectTo string          `json:"redirect_to"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		said.Error = nil
	}
	var code string
	if json.Unmarshal(said.Error, &code) != nil || len(code) > 64 { // not Hydra's, but that of a gateway before it
		code = ""
	}
	switch {
	case status == http.StatusGone && isAddress(said.RedirectTo):
		return &UsedError{said.RedirectTo}
	case status == http.StatusNotFound && code != "":
		return store.ErrNotFound
	case status == http.StatusUnauthorized && code == "request_unauthorized":
		return ErrChallenge
	case status >= 400 && status < 500 && code != "" && status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusTooManyRequests:
		return &RefusedError{status, code}
	}
	return &unavailableError{fmt.Sprintf("it answers with %d", status)}
}

// isAddress reports whether a browser can be sent there.
func isAddress(to string) bool {
	u, err := url.Parse(to)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
