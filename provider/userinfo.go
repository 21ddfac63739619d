package provider

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	case errors.Is(err, errBearer):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_request", error_description="Send one access token, once, in one way."`)
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
	case errors.Is(err, errToken):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is missing, expired or revoked."`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
	case errors.Is(err, errScope):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="openid"`)
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "insufficient_scope"})
	case err != nil:
		p.answerFault(r.Context(), w, r, err)
	default:
		writeJSON(w, http.StatusOK, claims)
	}
}

var (
	errToken = errors.New("no live access token")
	errScope = errors.New("the access token has no scope openid")
	// errBearer reports a request that sends something twice, or a token in two ways (RFC 6750 section 2).
	errBearer = errors.New("access token sent twice")
)

// bearer returns the token of the request, or "" if it has none.
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	form, err := userinfoForm(w, r)
	header := r.Header.Values("Authorization")
	switch {
	case err != nil:
		return "", err
	case len(header) > 1, len(header) == 1 && form.Has("access_token"):
		return "", errBearer
	case len(header) == 0:
		return form.Get("access_token"), nil
	}
	scheme, token, _ := strings.Cut(header[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.TrimLeft(token, " "), nil
}

// userinfoForm returns the body of a POST that is a form; any other body says nothing.
func userinfoForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if r.ParseForm() != nil || checkRepeats(r.Form) != nil {
		return nil, errBearer
	}
	return r.PostForm, nil
}

// claims returns the claims about the user that the token's scopes allow.
func (p *Provider) claims(ctx context.Context, token string) (map[string]any, error) {
	g, err := p.accessGrant(ctx, token)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(g.Scopes, ScopeOpenID) {
		return nil, errScope
	}
	account, err := p.accounts.Account(ctx, g.Login.Subject)
	if errors.Is(err, ErrNotFound) || err == nil && account.Disabled {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("userinfo: %w", err)
	}
	return account.claims(g.Scopes), nil
}

// accessGrant returns what a live access token stands for.
func (p *Provider) accessGrant(ctx context.Context, token string) (*grant, error) {
	if p.tokens.validate(ctx, token, accessPrefix) != nil {
		return nil, errToken
	}
	row, err := p.store.Token(ctx, AccessToken, p.tokens.signature(token, accessPrefix))
	if errors.Is(err, ErrNotFound) || err == nil && !p.now().Before(row.Expires) {
		return nil, errToken
	}
	if err != nil {
		return nil, fmt.Errorf("access token: %w", err)
	}
	g := new(grant)
	return g, g.read(row.Data)
}

// claims returns the account's claims that the scopes allow (OIDC Core 5.4).
func (a Account) claims(scopes []string) map[string]any {
	claims := map[string]any{"sub": a.Subject}
	if slices.Contains(scopes, ScopeProfile) {
		claims["preferred_username"] = a.Username
		claims["updated_at"] = a.Updated.Unix()
		if a.Name != "" {
			claims["name"] = a.Name
		}
	}
	if slices.Contains(scopes, ScopeEmail) && a.Email != "" {
		claims["email"] = a.Email
		claims["email_verified"] = a.EmailVerified
	}
	return claims
}
