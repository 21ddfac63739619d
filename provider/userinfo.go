package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// userinfo is the UserInfo endpoint (OIDC Core 5.3). The token comes in the Authorization header, or in the body
// of a POST; never in the address. One that is bound to a key comes in the header, by the scheme DPoP and with a proof
// (RFC 9449 section 7).
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	b, err := bring(w, r)
	if err == nil {
		err = p.tellUser(w, r, b)
	}
	var refusal *dpop.Error
	var unreadable *fosite.RFC6749Error
	switch {
	case errors.Is(err, errNoToken): // whoever sends nothing has made no mistake (RFC 6750 section 3.1)
		p.challenge(w, b, http.StatusUnauthorized, "")
	case errors.Is(err, errBearer):
		p.challenge(w, b, http.StatusBadRequest, "invalid_request", "error_description", "Send the access token once, and not in the address.")
	case errors.Is(err, errToken):
		p.challenge(w, b, http.StatusUnauthorized, "invalid_token", "error_description", "The access token is expired or revoked, for an API, or none of ours.")
	case errors.Is(err, errBound):
		p.challenge(w, b, http.StatusUnauthorized, "invalid_token", "error_description", "The access token is bound to a key: send it by the scheme DPoP, with a proof by that key.")
	case errors.As(err, &refusal):
		p.challenge(w, b, http.StatusUnauthorized, refusal.Code, "error_description", refusal.Text)
	case errors.Is(err, errNotShown):
		p.challenge(w, b, http.StatusUnauthorized, "invalid_token", "error_description", "The access token is bound to a certificate: show that.")
	case errors.As(err, &unreadable):
		p.challenge(w, b, http.StatusBadRequest, unreadable.ErrorField, "error_description", describe(unreadable))
	case errors.Is(err, errScope):
		p.challenge(w, b, http.StatusForbidden, "insufficient_scope", "scope", client.ScopeOpenID)
	case err != nil:
		p.answerFault(r.Context(), w, r, err)
	}
}

// tellUser answers with the claims, in the form that the client has registered.
func (p *Provider) tellUser(w http.ResponseWriter, r *http.Request, b brought) error {
	c, claims, err := p.claims(w, r, b)
	if err != nil {
		return err
	}
	return p.answerUserInfo(w, r, c, claims)
}

// challenge answers as RFC 6750 section 3 and RFC 9449 section 7.1 say: by the scheme that was used, and where no token is
// good by the other too. An empty code is left out; details are name and value in turn.
func (p *Provider) challenge(w http.ResponseWriter, b brought, status int, code string, details ...string) {
	parameters, body := "", map[string]string{}
	if code != "" {
		details = append([]string{"error", code}, details...)
	}
	for i := 0; i < len(details); i += 2 {
		parameters += ", " + details[i] + `="` + details[i+1] + `"`
		body[details[i]] = details[i+1]
	}
	const realm = ` realm="userinfo"`
	algorithms := `, algs="` + strings.Join(p.proofs.Supported(), " ") + `"`
	switch {
	case b.dpop:
		w.Header().Set("WWW-Authenticate", "DPoP"+realm+parameters+algorithms)
	case status == http.StatusUnauthorized:
		w.Header().Add("WWW-Authenticate", "Bearer"+realm+parameters)
		w.Header().Add("WWW-Authenticate", "DPoP"+realm+algorithms)
	default:
		w.Header().Set("WWW-Authenticate", "Bearer"+realm+parameters)
	}
	writeJSON(w, status, body)
}

var (
	errNoToken  = errors.New("no access token was sent")
	errBearer   = errors.New("an access token was sent in a way that is not allowed")
	errToken    = errors.New("no live access token")
	errBound    = errors.New("the access token is bound to a key that was not proved")
	errNotShown = errors.New("the access token is bound to a certificate that was not shown")
	errScope    = errors.New("the access token has no scope openid")
)

// brought is an access token as a request brings it.
type brought struct {
	token string
	dpop  bool // by the scheme DPoP
}

// bring returns the token, which may come in one way only (RFC 6750 section 2). An address is written to logs.
func bring(w http.ResponseWriter, r *http.Request) (brought, error) {
	if readForm(w, r) != nil || r.Form.Has("access_token") != r.PostForm.Has("access_token") {
		return brought{}, errBearer
	}
	form, header := r.PostForm["access_token"], r.Header.Values("Authorization")
	switch {
	case len(form)+len(header) > 1:
		return brought{}, errBearer
	case len(form) == 1:
		return brought{token: form[0]}, nil
	case len(header) == 0:
		return brought{}, errNoToken
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	b := brought{strings.TrimLeft(token, " "), strings.EqualFold(scheme, "DPoP")}
	if !b.dpop && !strings.EqualFold(scheme, "Bearer") {
		return b, errNoToken
	}
	return b, nil
}

// claims returns the client that the token was given to, and the claims about the user that its scopes and its request allow
// (OIDC Core 5.4, 5.5).
func (p *Provider) claims(w http.ResponseWriter, r *http.Request, b brought) (c client.Client, told map[string]any, err error) {
	a, err := p.accessGrant(w, r, b)
	if err != nil {
		return c, nil, err
	}
	g := &a.grant
	if !slices.Contains(g.Scopes, client.ScopeOpenID) {
		return c, nil, errScope
	}
	user, counts, err := p.counts(r.Context(), &g.Login, a.user)
	if counts {
		c, err = p.clients.Client(r.Context(), a.token.Client)
	} else if err == nil {
		err = store.ErrNotFound
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c, nil, errToken
	case err != nil:
		return c, nil, fmt.Errorf("userinfo: %w", err)
	}
	told = user.Claims().For(g.Scopes, g.Claims.UserInfo)
	told["sub"] = p.names.Subject(c, user.Subject)
	return c, told, nil
}

// access is a live access token and what it stands for.
type access struct {
	token tokens.Token
	grant grant
	user  *account.Account // whose it is, if that was read with it
}

// accessGrant returns a live access token, if the request may use it. Its proof is looked at before the token, and used up after
// it: whoever has no token writes nothing.
func (p *Provider) accessGrant(w http.ResponseWriter, r *http.Request, b brought) (*access, error) {
	var proof *dpop.Proof
	if b.dpop {
		var err error
		if proof, err = p.proofOf(w, r, b.token); err != nil {
			return nil, err
		}
	}
	chain, err := p.shown(r)
	if err != nil {
		return nil, err
	}
	a, err := p.readAccessToken(r.Context(), b.token)
	if err != nil {
		return nil, err
	}
	switch bound := a.grant.Bound; {
	case bound.Certificate != "" && bound.Certificate != thumbprint(chain):
		return nil, p.refuseToken(r, &a.token, errNotShown)
	case bound.Key == "" && !b.dpop:
		return a, nil
	case bound.Key == "": // RFC 9449 section 7.1: what can be used without a proof is no token of that scheme
		return nil, errToken
	case proof == nil || proof.Thumbprint != bound.Key:
		return nil, p.refuseToken(r, &a.token, errBound)
	}
	if err := p.checkProofOf(r.Context(), a.token.Client, proof); err != nil {
		return nil, err
	}
	return a, p.proofs.Use(r.Context(), proof)
}

// checkProofOf refuses a proof by an algorithm that the client may not use.
func (p *Provider) checkProofOf(ctx context.Context, id string, proof *dpop.Proof) error {
	switch c, err := p.clients.Client(ctx, id); {
	case errors.Is(err, store.ErrNotFound):
		return errToken
	case err != nil:
		return err
	default:
		return proof.By(c.ProofAlgorithms())
	}
}

// proofOf returns the proof that comes with the access token.
func (p *Provider) proofOf(w http.ResponseWriter, r *http.Request, token string) (*dpop.Proof, error) {
	proof, err := p.proof(w, r, "/userinfo")
	switch {
	case err != nil:
		return nil, err
	case proof == nil:
		return nil, dpop.ErrMissing
	}
	return proof, proof.For(token)
}

// refuseToken returns why an access token is refused whose key was not proved, and records that it was.
func (p *Provider) refuseToken(r *http.Request, t *tokens.Token, why error) error {
	e := audit.Event{Kind: audit.EventTokenKeyRefused, Outcome: audit.OutcomeRefused, Client: t.Client, Subject: t.Subject,
		Session: t.Session, Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{"token": "access token"}}
	if err := p.reportKey(r.Context(), e, t.Signature); err != nil {
		return err
	}
	return why
}

// readAccessToken returns a live access token, or errToken.
func (p *Provider) readAccessToken(ctx context.Context, token string) (*access, error) {
	key, err := p.keyOf(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case key.Kind != tokens.AccessToken:
		return nil, errToken
	}
	var a access
	a.token, a.user, err = p.userToken(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && !p.now().Before(a.token.Expires) {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("access token: %w", err)
	}
	if err := a.grant.read(a.token.Data); err != nil {
		return nil, err
	}
	if a.grant.ofClient() || a.grant.Resource != "" { // or the API could learn of the user by it what the app has been allowed to
		return nil, errToken
	}
	return &a, nil
}
