package sample

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// BackChannelPath is where the server tells the app that a session has ended (OpenID Connect Back-Channel Logout 1.0).
const BackChannelPath = "/backchannel-logout"

// logoutEvent is what makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// hear ends the app's sessions of the session that has ended. It comes from the server, and no browser is there to be told.
func (s *app) hear(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	sid, err := s.ended(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.sessions, func(_ string, session appSession) bool { return session.sid == sid })
}

// ended makes the checks of Back-Channel Logout 1.0 section 2.6, and returns the session.
func (s *app) ended(r *http.Request) (sid string, err error) {
	raw := r.PostFormValue("logout_token")
	token, err := s.verifier.Verify(r.Context(), raw)
	if err != nil {
		return "", err
	}
	var claims struct {
		Session string                     `json:"sid"`
		Events  map[string]json.RawMessage `json:"events"`
		Nonce   *string                    `json:"nonce"`
	}
	if err := token.Claims(&claims); err != nil {
		return "", err
	}
	if typeOf(raw) != "logout+jwt" || claims.Events[logoutEvent] == nil || claims.Nonce != nil || claims.Session == "" {
		return "", errors.New("this is no logout token")
	}
	return claims.Session, nil
}

// sessionOf is the server's session that the ID token is of.
func sessionOf(token *oidc.IDToken) (sid string, err error) {
	var claims struct {
		Session string `json:"sid"`
	}
	err = token.Claims(&claims)
	return claims.Session, err
}

// typeOf is the typ of a JWT whose signature was checked.
func typeOf(raw string) string {
	head, _, _ := strings.Cut(raw, ".")
	data, _ := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if json.Unmarshal(data, &header) != nil {
		return ""
	}
	return header.Type
}
