package hydra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider/store"
)

// RelyingParty is a client as Hydra keeps it.
type RelyingParty struct {
	ID           string          `json:"client_id"`
	Name         string          `json:"client_name"`
	RedirectURIs []string        `json:"redirect_uris"`
	Scope        string          `json:"scope"`                      // separated by spaces
	AuthMethod   string          `json:"token_endpoint_auth_method"` // none: the client has no secret
	SkipConsent  bool            `json:"skip_consent"`               // its users allow it everything
	Metadata     json.RawMessage `json:"metadata"`                   // for whoever runs Hydra to use
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

// LoginRequest is what Hydra wants to know: who sits at the browser. What it does not show of the authorization request
// is in RequestURL.
type LoginRequest struct {
	Client     RelyingParty `json:"client"`
	RequestURL string       `json:"request_url"`
	Scopes     []string     `json:"requested_scope"`
	Skip       bool         `json:"skip"`       // Hydra has a session of Subject
	Subject    string       `json:"subject"`    // empty unless Skip
	SessionID  string       `json:"session_id"` // the sid
	OIDC       struct {
		HintClaims map[string]any `json:"id_token_hint_claims"` // of an ID token that Hydra has checked; may be nil
	} `json:"oidc_context"`
}

// form is the authorization request. Login has looked at the address.
func (l LoginRequest) form() url.Values {
	u, err := url.Parse(l.RequestURL)
	if err != nil {
		return nil
	}
	return u.Query()
}

// isDevice reports whether the request is that of a device (RFC 8628), which no browser began at a client.
func (l LoginRequest) isDevice() bool { return isDevice(l.form()) }

func isDevice(form url.Values) bool { return !form.Has("response_type") }

// LoginAccept says who has signed in, and how.
type LoginAccept struct {
	Subject     string   `json:"subject"`
	Remember    bool     `json:"remember"`
	RememberFor int      `json:"remember_for"` // seconds; 0: as long as Hydra keeps sessions
	ACR         string   `json:"acr"`
	AMR         []string `json:"amr"`
	Context     any      `json:"context"` // comes back in the consent request
}

// ConsentRequest is what Hydra wants to know: what the client may have.
type ConsentRequest struct {
	ID        string          `json:"consent_request_id"`
	Client    RelyingParty    `json:"client"`
	Scopes    []string        `json:"requested_scope"`
	Audience  []string        `json:"requested_access_token_audience"`
	Subject   string          `json:"subject"`
	SessionID string          `json:"login_session_id"` // the sid
	Context   json.RawMessage `json:"context"`          // of the LoginAccept
}

// ConsentAccept says what the client may have.
type ConsentAccept struct {
	GrantScope    []string       `json:"grant_scope"`
	GrantAudience []string       `json:"grant_access_token_audience"`
	Remember      bool           `json:"remember"`
	RememberFor   int            `json:"remember_for"` // seconds; 0: for ever
	Session       ConsentSession `json:"session"`
}

// ConsentSession is what goes into tokens.
type ConsentSession struct {
	AccessToken map[string]any `json:"access_token"` // as ext of an introspection
	IDToken     map[string]any `json:"id_token"`     // and the answer of userinfo
}

// Rejection is an OAuth error for the client.
type Rejection struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	Status      int    `json:"status_code"`
}

// LogoutRequest is what Hydra wants to know: whether the user wants to sign out.
type LogoutRequest struct {
	Subject     string `json:"subject"`
	SessionID   string `json:"sid"`
	RPInitiated bool   `json:"rp_initiated"` // a client asked, and has shown an ID token of the user's
}

// Paths of the admin API.
const (
	requestsPath = "/admin/oauth2/auth/requests/"
	sessionsPath = "/admin/oauth2/auth/sessions/" // of what Hydra remembers of users
	clientsPath  = "/admin/clients/"
)

// Login reads a login request.
func (a *Admin) Login(ctx context.Context, challenge string) (LoginRequest, error) {
	var request LoginRequest
	err := a.challenge(ctx, http.MethodGet, "login", "", challenge, nil, &request)
	return request, complete("login", err, request.Client.ID != "" && isAddress(request.RequestURL))
}

// AcceptLogin returns where the browser goes on.
func (a *Admin) AcceptLogin(ctx context.Context, challenge string, accept LoginAccept) (string, error) {
	return a.answer(ctx, "login", "/accept", challenge, accept)
}

// RejectLogin returns where the browser goes on.
func (a *Admin) RejectLogin(ctx context.Context, challenge string, why Rejection) (string, error) {
	return a.answer(ctx, "login", "/reject", challenge, why)
}

// Consent reads a consent request.
func (a *Admin) Consent(ctx context.Context, challenge string) (ConsentRequest, error) {
	var request ConsentRequest
	err := a.challenge(ctx, http.MethodGet, "consent", "", challenge, nil, &request)
	return request, complete("consent", err, request.Client.ID != "" && request.Subject != "")
}

// AcceptConsent returns where the browser goes on.
func (a *Admin) AcceptConsent(ctx context.Context, challenge string, accept ConsentAccept) (string, error) {
	return a.answer(ctx, "consent", "/accept", challenge, accept)
}

// RejectConsent returns where the browser goes on.
func (a *Admin) RejectConsent(ctx context.Context, challenge string, why Rejection) (string, error) {
	return a.answer(ctx, "consent", "/reject", challenge, why)
}

// Logout reads a logout request.
func (a *Admin) Logout(ctx context.Context, challenge string) (LogoutRequest, error) {
	var request LogoutRequest
	err := a.challenge(ctx, http.MethodGet, "logout", "", challenge, nil, &request)
	return request, err
}

// AcceptLogout returns where the browser goes on, which ends Hydra's session there.
func (a *Admin) AcceptLogout(ctx context.Context, challenge string) (string, error) {
	return a.answer(ctx, "logout", "/accept", challenge, struct{}{})
}

// AcceptUserCode returns where the browser of a device's user goes on (RFC 8628 section 3.3). A *RefusedError reports a
// code that Hydra does not know.
func (a *Admin) AcceptUserCode(ctx context.Context, challenge, code string) (string, error) {
	return a.answer(ctx, "device", "/accept", challenge, map[string]string{"user_code": code})
}

// Client returns a relying party, or store.ErrNotFound.
func (a *Admin) Client(ctx context.Context, id string) (RelyingParty, error) {
	var c RelyingParty
	if id == "" || id == "." || id == ".." { // which a path would lose
		return c, store.ErrNotFound
	}
	err := a.call(ctx, &a.others, "client", http.MethodGet, clientsPath+url.PathEscape(id), nil, nil, &c)
	if err == nil && c.ID != id {
		err = fmt.Errorf("hydra: client: %w", errForeign)
	}
	return c, err
}

// isChallenge reports whether a text can be a challenge: what a Hydra of any version makes has a hundred bits at least, and
// only letters, digits and a few signs.
func isChallenge(text string) bool {
	return len(text) >= 16 && len(text) <= maxChallenge && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~+/=", r))
	})
}

const maxChallenge = 16 << 10 // bytes: more than the address of a request may have at most servers

// challenge does a call about a challenge. What can be none costs no call.
func (a *Admin) challenge(ctx context.Context, method, kind, way, challenge string, in, out any) error {
	if !isChallenge(challenge) {
		return ErrChallenge
	}
	line := &a.others
	if method == http.MethodGet || kind == "device" { // a guess, as may be
		line = &a.reads
	}
	err := a.call(ctx, line, kind+way, method, requestsPath+kind+way, url.Values{kind + "_challenge": {challenge}}, in, out)
	if errors.Is(err, store.ErrNotFound) {
		return ErrChallenge
	}
	return err
}

// complete refuses an answer that lacks what Hydra always says.
func complete(what string, err error, ok bool) error {
	if err == nil && !ok {
		return fmt.Errorf("hydra: %s: %w", what, errForeign)
	}
	return err
}

// answer answers a challenge.
func (a *Admin) answer(ctx context.Context, kind, way, challenge string, body any) (string, error) {
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	err := a.challenge(ctx, http.MethodPut, kind, way, challenge, body, &next)
	if err == nil && !isAddress(next.RedirectTo) {
		return "", fmt.Errorf("hydra: %s%s: %w", kind, way, errForeign)
	}
	return next.RedirectTo, err
}
