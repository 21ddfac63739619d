// Package zitadel is a provider on zitadel/oidc with the mountable step. It is a module of its own, so that Vestibule need
// not bring that library along.
package zitadel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"vestibule/cmd/vestibule/servertest"
)

// program is a provider as somebody runs one: the library's own example storage, which knows a password and no more, and a
// log-in with a cookie.
type program struct {
	*storage.Storage
	provider *op.Provider
	now      func() time.Time
	logIn    *servertest.LogIn

	mu       sync.Mutex
	requests map[string]*request // by id, and by refresh token
}

const redirect = "https://app.test/callback?tenant=one&next=%2Fa%3Fb%3Dc"

func newProgram(issuer string, now func() time.Time) (*program, error) {
	users := storage.NewUserStore(issuer)
	p := &program{
		Storage: storage.NewStorageWithClients(users, map[string]*storage.Client{"app": storage.WebClient("app", "secret of the app", redirect)}),
		now:     now, logIn: &servertest.LogIn{Now: now}, requests: map[string]*request{},
	}
	var err error
	p.provider, err = op.NewProvider(&op.Config{CodeMethodS256: true, GrantTypeRefreshToken: true}, p, op.StaticIssuer(issuer), op.WithAllowInsecure())
	return p, err
}

// request is one under way, and what was granted by it.
type request struct {
	*storage.AuthRequest
	form    url.Values // prompt, acr_values and max_age
	hinted  string     // whose the ID token is that came as id_token_hint, which the library has checked
	at      time.Time
	browser string // the first one that came for it, by its cookie
	proved  proved
}

// proved is what the program keeps of a sign-in.
type proved struct {
	subject, acr string
	amr          []string
	at           time.Time
}

func (r *request) GetSubject() string               { return r.proved.subject }
func (r *request) GetACR() string                   { return r.proved.acr }
func (r *request) GetAMR() []string                 { return r.proved.amr }
func (r *request) GetAuthTime() time.Time           { return r.proved.at }
func (r *request) Done() bool                       { return r.proved.subject != "" }
func (r *request) SetCurrentScopes(scopes []string) { r.Scopes = scopes }

func (p *program) CreateAuthRequest(ctx context.Context, asked *oidc.AuthRequest, user string) (op.AuthRequest, error) {
	loud := *asked
	loud.Prompt = nil // the example refuses to be silent
	made, err := p.Storage.CreateAuthRequest(ctx, &loud, user)
	if err != nil {
		return nil, err
	}
	r := &request{AuthRequest: made.(*storage.AuthRequest), hinted: user, at: p.now()}
	r.form = url.Values{"prompt": {strings.Join(asked.Prompt, " ")}, "acr_values": {strings.Join(asked.ACRValues, " ")}}
	if asked.MaxAge != nil {
		r.form.Set("max_age", fmt.Sprint(*asked.MaxAge))
	}
	p.put(r.ID, r)
	return r, nil
}

func (p *program) put(id string, r *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests[id] = r
}

func (p *program) request(id string) (*request, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.requests[id]; ok {
		return r, nil
	}
	return nil, errors.New("no such request")
}

// own returns the request if it is this browser's: that of the first that came for it. Nobody gets the answer to a request
// that somebody else was sent to.
func (p *program) own(w http.ResponseWriter, r *http.Request, id string) (*request, error) {
	ar, err := p.request(id)
	if err != nil {
		return nil, err
	}
	value := rand.Text()
	if c, err := r.Cookie("browser"); err == nil {
		value = c.Value
	} else {
		http.SetCookie(w, &http.Cookie{Name: "browser", Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if ar.browser == "" {
		ar.browser = value
	}
	if ar.browser != value {
		return nil, errors.New("the request of another browser")
	}
	return ar, nil
}

// prove keeps what has come of the sign-in for a request: the first time.
func (p *program) prove(id string, with proved) error {
	r, err := p.request(id)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.proved.subject != "" && r.proved.subject != with.subject {
		return errors.New("somebody else has signed in for the request")
	}
	if r.proved.subject == "" {
		r.proved = with
	}
	return nil
}

// callback is where the library goes on, in the browser whose request it is.
func (p *program) callback(w http.ResponseWriter, r *http.Request) {
	if _, err := p.own(w, r, r.FormValue("id")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.provider.ServeHTTP(w, r)
}

func (p *program) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return p.request(id)
}

func (p *program) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	r, err := p.Storage.AuthRequestByCode(ctx, code)
	if err != nil {
		return nil, err
	}
	return p.request(r.GetID())
}

func (p *program) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	return p.request(token)
}

func (p *program) CreateAccessAndRefreshTokens(ctx context.Context, tr op.TokenRequest, current string) (string, string, time.Time, error) {
	r := tr.(*request)
	r.UserID = r.proved.subject
	access, refresh, expires, err := p.Storage.CreateAccessAndRefreshTokens(ctx, r.AuthRequest, current)
	if err == nil {
		p.put(refresh, r)
	}
	return access, refresh, expires, err
}

func (p *program) register(mux *http.ServeMux) {
	mux.Handle("/", p.provider)
	mux.HandleFunc("GET /authorize/callback", p.callback)
	p.logIn.Register(mux)
}
