package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// userinfo is the UserInfo endpoint (OIDC Core 5.3). The token comes in the Authorization header, or in the body
// of a POST; never in the address.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(w, r)
	var claims map[string]any
	if err == nil {
		claims, err = p.claims(r.Context(), token)
	}
	switch {
	case errors.Is(err, errNoToken): // whoever sends nothing has made no mistake (RFC 6750 section 3.1)
		challenge(w, http.StatusUnauthorized, "")
	case errors.Is(err, errBearer):
		challenge(w, http.StatusBadRequest, "invalid_request", "error_description", "Send the access token once, and not in the address.")
	case errors.Is(err, errToken):
		challenge(w, http.StatusUnauthorized, "invalid_token", "error_description", "The access token is expired or revoked, for an API, or none of ours.")
	case errors.Is(err, errScope):
		challenge(w, http.StatusForbidden, "insufficient_scope", "scope", client.ScopeOpenID)
	case err != nil:
		p.answerFault(r.Context(), w, r, err)
	default:
		writeJSON(w, http.StatusOK, claims)
	}
}

// challenge answers as RFC 6750 section 3 says. An empty code is left out; details are name and value in turn.
func challenge(w http.ResponseWriter, status int, code string, details ...string) {
	header, body := `Bearer realm="userinfo"`, map[string]string{}
	if code != "" {
		details = append([]string{"error", code}, details...)
	}
	for i := 0; i < len(details); i += 2 {
		header += ", " + details[i] + `="` + details[i+1] + `"`
		body[details[i]] = details[i+1]
	}
	w.Header().Set("WWW-Authenticate", header)
	writeJSON(w, status, body)
}

var (
	errNoToken = errors.New("no access token was sent")
	errBearer  = errors.New("an access token was sent in a way that is not allowed")
	errToken   = errors.New("no live access token")
	errScope   = errors.New("the access token has no scope openid")
)

// bearer returns the token, which may come in one way only (RFC 6750 section 2). An address is written to logs.
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	if readForm(w, r) != nil || r.Form.Has("access_token") != r.PostForm.Has("access_token") {
		return "", errBearer
	}
	form, header := r.PostForm["access_token"], r.Header.Values("Authorization")
	switch {
	case len(form)+len(header) > 1:
		return "", errBearer
	case len(form) == 1:
		return form[0], nil
	case len(header) == 0:
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errNoToken
	}
	return strings.TrimLeft(token, " "), nil
}

// claims returns the claims about the user that the token's scopes and its request allow (OIDC Core 5.4, 5.5).
func (p *Provider) claims(ctx context.Context, token string) (map[string]any, error) {
	g, err := p.accessGrant(ctx, token)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(g.Scopes, client.ScopeOpenID) {
		return nil, errScope
	}
	user, err := p.accounts.Account(ctx, g.Login.Subject)
	if errors.Is(err, store.ErrNotFound) || err == nil && !p.admits(user, &g.Login) {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	told := user.Claims().For(g.Scopes, g.Claims.UserInfo)
	told["sub"] = user.Subject
	return told, nil
}

// accessGrant returns what a live access token stands for.
func (p *Provider) accessGrant(ctx context.Context, token string) (*grant, error) {
	kind, signature, err := p.keyOf(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case kind != tokens.AccessToken:
		return nil, errToken
	}
	row, err := p.store.Token(ctx, kind, signature)
	if errors.Is(err, store.ErrNotFound) || err == nil && !p.now().Before(row.Expires) {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("access token: %w", err)
	}
	g := new(grant)
	if err := g.read(row.Data); err != nil {
		return nil, err
	}
	if g.ofClient() || g.Resource != "" { // or the API could learn of the user by it what the app has been allowed to
		return nil, errToken
	}
	return g, nil
}
