package allocation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/client"
)

// meter is the way to a site without a network, which counts what the handler allocates.
type meter struct {
	site           *servertest.Site
	bytes, objects uint64
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(sent *http.Request) (*http.Response, error) {
	r := sent.Clone(sent.Context())
	r.RequestURI, r.RemoteAddr, r.Host = r.URL.RequestURI(), "192.0.2.1:4711", r.URL.Host
	r.URL.Scheme, r.URL.Host = "", ""
	if r.Body == nil {
		r.Body = http.NoBody
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	a.body.Grow(256 << 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	serve(m.site, a, r)
	runtime.ReadMemStats(&after)
	m.bytes += after.TotalAlloc - before.TotalAlloc
	m.objects += after.Mallocs - before.Mallocs
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: a.header, Request: sent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}, nil
}

// serve is a name that profiles can be cut down to.
//
//go:noinline
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }

// answer has all the room it needs: what it keeps costs a server nothing.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// take returns what was allocated since it was last asked.
func (m *meter) take() (bytes, objects uint64) {
	bytes, objects = m.bytes, m.objects
	m.bytes, m.objects = 0, 0
	return bytes, objects
}

// shop is a client with a user who has an authenticator, and the ways to the site that count.
type shop struct {
	*servertest.Client
	meter *meter
	phone servertest.Phone
	ctx   context.Context
}

func newShop(t testing.TB, database string) *shop {
	t.Helper()
	s := servertest.New(t, database, func(c *config.Config) { c.HashMemory, c.HashPasses = leastMemory, 1 })
	addUser(t, s, "ana")
	c := &shop{Client: s.NewClient(t, "shop", func(c *client.Client) { c.IDTokenAlg = client.ES256 }), meter: &meter{site: s}}
	c.phone, _ = s.NewBrowser(t).Enrol("ana")
	c.ctx = oidc.ClientContext(context.WithoutCancel(t.Context()), &http.Client{Transport: c.meter})
	s.Log.Stop()
	return c
}

// leastMemory is what Argon2id takes at least, in KiB, so that the hash is next to nothing of what counts.
const leastMemory = 8

// addUser adds an account whose hash costs as little as that of the settings.
func addUser(t testing.TB, s *servertest.Site, name string) {
	t.Helper()
	hash, err := (&account.Hasher{Memory: leastMemory, Passes: 1}).Hash(t.Context(), servertest.Password)
	if err != nil {
		t.Fatal(err)
	}
	user := account.Account{Subject: name, Username: name, Name: "Ana Lima", Email: name + "@example.com", Created: s.Clock.Now(), Updated: s.Clock.Now()}
	if err := s.Store.CreateAccount(t.Context(), user, hash); err != nil {
		t.Fatal(err)
	}
}

// browser is a new one.
func (c *shop) browser() *servertest.Browser {
	b := c.Site.NewBrowser(c.T)
	b.HTTP.Transport = c.meter
	return b
}
