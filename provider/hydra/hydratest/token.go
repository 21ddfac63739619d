package hydratest

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// grant is what a code or a token stands for.
type grant struct {
	flow    flow
	expires time.Time
	refresh bool // it is a refresh token
}

// token is the token endpoint.
func (h *Hydra) token(w http.ResponseWriter, r *http.Request) {
	c, ok := h.authenticate(w, r)
	if !ok {
		return
	}
	var g grant
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		g, ok = h.byCode(r)
	case "refresh_token":
		g, ok = h.byRefresh(r)
	case deviceGrant:
		g, ok = h.byDevice(w, r)
		if !ok {
			return
		}
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "The grant type is not known.")
		return
	}
	if !ok || g.flow.Client.ID != c.ID || !h.config.Now().Before(g.expires) {
		refuse(w, http.StatusBadRequest, "invalid_grant", "The grant is not known, was used, or has expired.")
		return
	}
	answer(w, http.StatusOK, h.tokensOf(g.flow))
}

// byCode spends a code.
func (h *Hydra) byCode(r *http.Request) (grant, bool) {
	code := r.PostFormValue("code")
	g, ok := h.codes[code]
	delete(h.codes, code)
	if !ok || g.flow.Query.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		return g, false
	}
	challenge := g.flow.Query.Get("code_challenge")
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	return g, challenge == "" || base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

// byRefresh spends a refresh token.
func (h *Hydra) byRefresh(r *http.Request) (grant, bool) {
	token := r.PostFormValue("refresh_token")
	g, ok := h.tokens[token]
	delete(h.tokens, token)
	return g, ok && g.refresh
}

// tokensOf makes tokens. All of them say what the accepts of login and consent said.
func (h *Hydra) tokensOf(f flow) map[string]any {
	now, scopes := h.config.Now(), f.Consent.GrantScope
	access := "ory_at_" + random(32)
	h.tokens[access] = grant{flow: f, expires: now.Add(time.Hour)}
	tokens := map[string]any{"access_token": access, "token_type": "bearer", "expires_in": 3600, "scope": strings.Join(scopes, " ")}
	if slices.Contains(scopes, "openid") {
		tokens["id_token"] = h.idToken(f, access)
	}
	if slices.Contains(scopes, "offline_access") || slices.Contains(scopes, "offline") {
		refresh := "ory_rt_" + random(32)
		h.tokens[refresh] = grant{flow: f, expires: now.Add(30 * 24 * time.Hour), refresh: true}
		tokens["refresh_token"] = refresh
	}
	return tokens
}

// reserved are claims of an ID token that a consent page cannot set.
var reserved = []string{"iss", "sub", "aud", "exp", "iat", "rat", "auth_time", "nonce", "sid", "acr", "amr", "at_hash", "jti"}

// idToken makes an ID token.
func (h *Hydra) idToken(f flow, access string) string {
	claims := maps.Clone(f.Consent.Session.IDToken)
	if claims == nil {
		claims = map[string]any{}
	}
	maps.DeleteFunc(claims, func(name string, _ any) bool { return slices.Contains(reserved, name) })
	maps.Copy(claims, f.assurance())
	now, sum := h.config.Now(), sha256.Sum256([]byte(access))
	maps.Copy(claims, map[string]any{
		"iss": h.URL, "sub": f.Subject, "aud": []string{f.Client.ID}, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "rat": f.Requested.Unix(),
		"sid": f.SID, "jti": random(16), "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	})
	if nonce := f.Query.Get("nonce"); nonce != "" {
		claims["nonce"] = nonce
	}
	return h.sign(claims)
}

// assurance is what the last accept of the login said, and nothing that was said before.
func (f flow) assurance() map[string]any {
	claims := map[string]any{"auth_time": f.At.Unix(), "acr": nil}
	if len(f.Login.AMR) > 0 {
		claims["amr"] = f.Login.AMR
	}
	if f.Query.Get("acr_values") != "" {
		claims["acr"] = "0"
	}
	if f.Login.ACR != "" {
		claims["acr"] = f.Login.ACR
	}
	return claims
}

// userinfo tells what the consent page has put into the ID token.
func (h *Hydra) userinfo(w http.ResponseWriter, r *http.Request) {
	g, ok := h.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || g.refresh || !h.config.Now().Before(g.expires) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "request_unauthorized", "The token is not known.")
		return
	}
	claims := map[string]any{}
	maps.Copy(claims, g.flow.Consent.Session.IDToken)
	maps.DeleteFunc(claims, func(name string, _ any) bool { return slices.Contains(reserved, name) })
	maps.Copy(claims, g.flow.assurance())
	claims["sub"] = g.flow.Subject
	answer(w, http.StatusOK, claims)
}

// introspect is the introspection endpoint, which is one of the admin API.
func (h *Hydra) introspect(w http.ResponseWriter, r *http.Request) {
	g, ok := h.tokens[r.PostFormValue("token")]
	if !ok || !h.config.Now().Before(g.expires) {
		answer(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	use := "access_token"
	if g.refresh {
		use = "refresh_token"
	}
	answer(w, http.StatusOK, map[string]any{
		"active": true, "client_id": g.flow.Client.ID, "sub": g.flow.Subject, "iss": h.URL, "exp": g.expires.Unix(), "token_use": use,
		"scope": strings.Join(g.flow.Consent.GrantScope, " "), "aud": g.flow.Consent.GrantAudience, "ext": g.flow.Consent.Session.AccessToken,
	})
}
