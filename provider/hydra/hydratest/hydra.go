package hydratest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Config is what a Hydra is made of; the zero value works.
type Config struct {
	Now         func() time.Time // nil: time.Now
	RequestTime time.Duration    // from a request to its answer; 0: 30 min
	SessionTime time.Duration    // no session is remembered longer; 0: 30 days
	Challenge   int              // bytes that a challenge has at least; 0: 1100, as for a client with few settings
	// Stateless says that a challenge is not known to be used, as in v26: it reads as before, and what comes of it is
	// refused at the end. Without it a used challenge is answered with 410.
	Stateless bool
}

// URLs are the pages that a Hydra sends browsers to.
type URLs struct{ Login, Consent, Logout, Error, Device, DeviceDone, LoggedOut string }

// Fault is how a call of the admin API goes wrong.
type Fault int

// Faults of the admin API.
const (
	NoFault     Fault = iota
	Unavailable       // it answers 503
	Hang              // it does not answer
	Garbage           // it answers 200 with a page
	Broken            // it answers 500
)

// Hydra is one server of two addresses.
type Hydra struct {
	URL, AdminURL string // of the public endpoints, which is the issuer, and of the admin API

	config Config
	key    *rsa.PrivateKey

	mu       sync.Mutex
	urls     URLs
	fault    func(r *http.Request) Fault
	calls    []string
	clients  map[string]Client
	sessions map[string]session
	tickets  map[string]ticket
	used     map[string]bool // ids of logins and consents
	consents []consent
	codes    map[string]grant
	tokens   map[string]grant
	devices  map[string]*device // by user code
}

// session is what a Hydra remembers of a login: who and when, not how.
type session struct {
	ID, Subject string
	At, Expires time.Time
}

// Start runs a Hydra until the test ends.
func Start(t testing.TB, c Config) *Hydra {
	t.Helper()
	h := New(c)
	public, admin := httptest.NewServer(h.Public()), httptest.NewServer(h.Admin())
	h.URL, h.AdminURL = public.URL, admin.URL
	t.Cleanup(func() {
		public.CloseClientConnections()
		admin.CloseClientConnections()
		public.Close()
		admin.Close()
	})
	return h
}

// New returns a Hydra that listens nowhere. URL must be set before it is asked for anything.
func New(c Config) *Hydra {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.RequestTime == 0 {
		c.RequestTime = 30 * time.Minute
	}
	if c.SessionTime == 0 {
		c.SessionTime = 30 * 24 * time.Hour
	}
	if c.Challenge == 0 {
		c.Challenge = 1100
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // rand.Reader never fails
	}
	return &Hydra{
		config: c, key: key, clients: map[string]Client{}, sessions: map[string]session{}, tickets: map[string]ticket{},
		used: map[string]bool{}, codes: map[string]grant{}, tokens: map[string]grant{}, devices: map[string]*device{},
	}
}

// SetURLs says where the pages are.
func (h *Hydra) SetURLs(u URLs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.urls = u
}

// SetFault has f decide about each call of the admin API from now on; nil: all go well.
func (h *Hydra) SetFault(f func(r *http.Request) Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

// Calls returns the calls of the admin API since it was last asked, each as a method and a path.
func (h *Hydra) Calls() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	calls := h.calls
	h.calls = nil
	return calls
}

// Public serves the endpoints that browsers and clients use.
func (h *Hydra) Public() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", h.locked(h.discovery))
	mux.HandleFunc("GET /.well-known/jwks.json", h.locked(h.jwks))
	mux.HandleFunc("GET /oauth2/auth", h.locked(h.authorize))
	mux.HandleFunc("POST /oauth2/token", h.locked(h.token))
	mux.HandleFunc("GET /userinfo", h.locked(h.userinfo))
	mux.HandleFunc("GET /oauth2/sessions/logout", h.locked(h.logout))
	mux.HandleFunc("POST /oauth2/device/auth", h.locked(h.deviceAuth))
	mux.HandleFunc("GET /oauth2/device/verify", h.locked(h.deviceVerify))
	return mux
}

// Admin serves the admin API.
func (h *Hydra) Admin() http.Handler {
	mux := http.NewServeMux()
	const requests = "/admin/oauth2/auth/requests/"
	mux.HandleFunc("GET "+requests+"login", h.locked(h.readLogin))
	mux.HandleFunc("PUT "+requests+"login/accept", h.locked(h.acceptLogin))
	mux.HandleFunc("PUT "+requests+"login/reject", h.locked(h.rejectLogin))
	mux.HandleFunc("GET "+requests+"consent", h.locked(h.readConsent))
	mux.HandleFunc("PUT "+requests+"consent/accept", h.locked(h.acceptConsent))
	mux.HandleFunc("PUT "+requests+"consent/reject", h.locked(h.rejectConsent))
	mux.HandleFunc("GET "+requests+"logout", h.locked(h.readLogout))
	mux.HandleFunc("PUT "+requests+"logout/accept", h.locked(h.acceptLogout))
	mux.HandleFunc("PUT "+requests+"logout/reject", h.locked(h.rejectLogout))
	mux.HandleFunc("PUT "+requests+"device/accept", h.locked(h.acceptDevice))
	mux.HandleFunc("DELETE /admin/oauth2/auth/sessions/login", h.locked(h.deleteLogins))
	mux.HandleFunc("GET /admin/oauth2/auth/sessions/consent", h.locked(h.listConsents))
	mux.HandleFunc("DELETE /admin/oauth2/auth/sessions/consent", h.locked(h.deleteConsents))
	mux.HandleFunc("GET /admin/clients/{id}", h.locked(h.readClient))
	mux.HandleFunc("POST /admin/oauth2/introspect", h.locked(h.introspect))
	mux.HandleFunc("GET /health/ready", h.locked(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	}))
	return h.faulty(mux)
}

// faulty notes each call, and has it go wrong if the test says so.
func (h *Hydra) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.calls = append(h.calls, r.Method+" "+r.URL.Path)
		fault := NoFault
		if h.fault != nil {
			fault = h.fault(r)
		}
		h.mu.Unlock()
		switch fault {
		case Unavailable:
			refuse(w, http.StatusServiceUnavailable, "unavailable", "The server is down.")
		case Hang:
			io.Copy(io.Discard, r.Body) // else the server does not notice that the caller has gone
			<-r.Context().Done()
		case Broken:
			refuse(w, http.StatusInternalServerError, "error", "The server has a fault.")
		case Garbage:
			w.Write([]byte("<html>welcome</html>"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// locked runs one handler at a time.
func (h *Hydra) locked(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		do(w, r)
	}
}

// random returns so many random bytes as text.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// opaque returns a challenge or a verifier, which ends in signs that an address must escape.
func opaque(size int) string {
	b := make([]byte, size/4*3+1)
	rand.Read(b) // never fails
	return base64.URLEncoding.EncodeToString(b)
}
