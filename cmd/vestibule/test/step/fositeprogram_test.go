package step

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"

	"vestibule/cmd/vestibule/servertest"
)

// fositeProgram is a provider on fosite as somebody runs one: users, a log-in with a cookie, and two endpoints.
type fositeProgram struct {
	origin   string
	provider fosite.OAuth2Provider
	signer   jwt.Signer
	now      func() time.Time
	logIn    *servertest.LogIn
	begin    http.HandlerFunc // what the program does with an authorization request

	mu       sync.Mutex
	requests map[string]fosite.AuthorizeRequester
}

const fositeRedirect = "https://app.test/callback?tenant=one&next=%2Fa%3Fb%3Dc"

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
		signer: &jwt.DefaultSigner{GetPrivateKey: func(context.Context) (any, error) { return key, nil }}, logIn: &servertest.LogIn{Now: now},
		requests: map[string]fosite.AuthorizeRequester{},
	}
}

func (p *fositeProgram) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /authorize", p.begin)
	mux.HandleFunc("POST /token", p.token)
	p.logIn.Register(mux)
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

// answer is the redirect URI of a request with the parameters beside its own, the state, and the issuer (RFC 9207).
func (p *fositeProgram) answer(ar fosite.AuthorizeRequester, parameters url.Values) string {
	to := *ar.GetRedirectURI()
	query := to.Query()
	maps.Copy(query, parameters)
	query.Set("iss", p.origin)
	if state := ar.GetState(); state != "" {
		query.Set("state", state)
	}
	to.RawQuery = query.Encode()
	return to.String()
}

// fail answers a request with an error: at its redirect URI if that is the client's.
func (p *fositeProgram) fail(w http.ResponseWriter, r *http.Request, ar fosite.AuthorizeRequester, err error) {
	if !ar.IsRedirectURIValid() {
		p.provider.WriteAuthorizeError(r.Context(), w, ar, err)
		return
	}
	http.Redirect(w, r, p.answer(ar, fosite.ErrorToRFC6749Error(err).ToValues()), http.StatusSeeOther)
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
