package step

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"golang.org/x/crypto/bcrypt"

	"vestibule/cmd/vestibule/servertest"
)

// fositeProgram is a provider on fosite as somebody runs one: users, a log-in with a cookie, and two endpoints.
type fositeProgram struct {
	origin   string
	provider fosite.OAuth2Provider
	now      func() time.Time
	begin    http.HandlerFunc // what the program does with an authorization request

	mu       sync.Mutex
	sessions map[string]logIn
	requests map[string]fosite.AuthorizeRequester
}

type logIn struct {
	user string
	at   time.Time
}

const fositeRedirect = "https://app.test/callback"

func newFositeProgram(t *testing.T, origin string, now func() time.Time) *fositeProgram {
	t.Helper()
	secret, err := bcrypt.GenerateFromPassword([]byte("secret of the app"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	db := storage.NewMemoryStore()
	db.Clients["app"] = &fosite.DefaultClient{
		ID: "app", Secret: secret, RedirectURIs: []string{fositeRedirect}, ResponseTypes: []string{"code"},
		GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{"openid", "offline"},
	}
	c := &fosite.Config{GlobalSecret: []byte(rand.Text() + rand.Text())[:32], IDTokenIssuer: origin, ClientSecretsHasher: &fosite.BCrypt{Config: &fosite.Config{HashCost: bcrypt.MinCost}}}
	return &fositeProgram{
		origin: origin, provider: compose.ComposeAllEnabled(c, db, key), now: now,
		sessions: map[string]logIn{}, requests: map[string]fosite.AuthorizeRequester{},
	}
}

func (p *fositeProgram) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /authorize", p.begin)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "log in and go to ", r.FormValue("return_to"))
	})
	mux.HandleFunc("POST /login", p.logIn)
}

func (p *fositeProgram) logIn(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("password") != servertest.Password {
		http.Error(w, "wrong", http.StatusForbidden)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	value := rand.Text()
	p.sessions[value] = logIn{r.PostFormValue("username"), p.now()}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	if back := r.PostFormValue("return_to"); strings.HasPrefix(back, "/step/") {
		http.Redirect(w, r, back, http.StatusSeeOther)
	}
}

// loggedIn is the log-in of the browser that sent r.
func (p *fositeProgram) loggedIn(r *http.Request) logIn {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := r.Cookie("session")
	if err != nil {
		return logIn{}
	}
	return p.sessions[c.Value]
}

// keep keeps a request between the program's pages, and returns the name that it has there.
func (p *fositeProgram) keep(ar fosite.AuthorizeRequester) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := rand.Text()
	ar.(*fosite.AuthorizeRequest).RequestedAt = p.now() // the tests have a clock of their own
	p.requests[id] = ar
	return id
}

func (p *fositeProgram) kept(id string) fosite.AuthorizeRequester {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[id]
}

func (p *fositeProgram) token(w http.ResponseWriter, r *http.Request) {
	request, err := p.provider.NewAccessRequest(r.Context(), r, newSession())
	if err != nil {
		p.provider.WriteAccessError(r.Context(), w, request, err)
		return
	}
	response, err := p.provider.NewAccessResponse(r.Context(), request)
	if err != nil {
		p.provider.WriteAccessError(r.Context(), w, request, err)
		return
	}
	p.provider.WriteAccessResponse(r.Context(), w, request, response)
}
