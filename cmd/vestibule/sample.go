package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

//go:embed sample
var sampleFiles embed.FS

var samplePage = template.Must(template.ParseFS(sampleFiles, "sample/page.html"))

// sample is a relying party, written as any app would be that knows nothing of this server but its address.
type sample struct {
	issuer   string
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier

	mu       sync.Mutex
	sessions map[string]sampleSession // by cookie
}

// sampleSession is what the page shows: claims, or what went wrong.
type sampleSession struct {
	Claims  []claim
	Problem string
}

type claim struct{ Name, Value, Meaning string }

// attempt is a sign-in under way. It stays in a cookie of its own.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

const (
	sampleCookie  = "sample_session"
	attemptCookie = "sample_attempt_" // and the state, so that two tabs do not disturb each other
	maxSessions   = 1000
)

// newSample reads the issuer's metadata and returns the app.
func newSample(ctx context.Context, issuer, id, secret, redirect string) (http.Handler, error) {
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	s := &sample{
		issuer: issuer,
		oauth: oauth2.Config{
			ClientID: id, ClientSecret: secret, Endpoint: p.Endpoint(), RedirectURL: redirect,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		verifier: p.Verifier(&oidc.Config{ClientID: id}),
		sessions: map[string]sampleSession{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /sign-in", s.signIn())
	mux.HandleFunc("GET /sign-in/two-steps", s.signIn(oauth2.SetAuthURLParam("acr_values", "aal2")))
	mux.HandleFunc("GET /sign-in/again", s.signIn(oauth2.SetAuthURLParam("prompt", "login")))
	mux.HandleFunc("GET "+callback, s.callback)
	return guard(mux), nil
}

// guard lets the pages load nothing but their own style.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, sampleFiles, "sample/style.css")
}

func (s *sample) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := samplePage.Execute(w, s.session(r)); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
	}
}

// signIn sends the browser to the server.
func (s *sample) signIn(more ...oauth2.AuthCodeOption) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := attempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier()}
		plain, err := json.Marshal(a)
		if err != nil {
			http.Error(w, "The sign-in could not begin.", http.StatusInternalServerError)
			return
		}
		setCookie(w, attemptCookie+a.State, url.QueryEscape(string(plain)), time.Hour)
		options := append(slices.Clone(more), oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier))
		http.Redirect(w, r, s.oauth.AuthCodeURL(a.State, options...), http.StatusSeeOther)
	}
}

// callback takes the answer and shows it on a page of its own, so that a refresh does not give the code twice.
func (s *sample) callback(w http.ResponseWriter, r *http.Request) {
	token, err := s.redeem(w, r)
	session := sampleSession{}
	if err != nil {
		session.Problem = err.Error()
	} else {
		session.Claims, err = readClaims(token)
		if err != nil {
			session.Problem = err.Error()
		}
	}
	id := rand.Text()
	s.mu.Lock()
	if len(s.sessions) >= maxSessions {
		clear(s.sessions)
	}
	s.sessions[id] = session
	s.mu.Unlock()
	setCookie(w, sampleCookie, id, 12*time.Hour)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// redeem makes the checks of OpenID Connect Core 3.1.3.7 and RFC 9207 and returns the ID token.
func (s *sample) redeem(w http.ResponseWriter, r *http.Request) (*oidc.IDToken, error) {
	query := r.URL.Query()
	a, err := takeAttempt(w, r, query.Get("state"))
	switch {
	case err != nil:
		return nil, err
	case query.Get("iss") != s.issuer:
		return nil, errors.New("the answer does not come from the server that was asked")
	case query.Get("error") != "":
		return nil, fmt.Errorf("the server said %s: %s", query.Get("error"), query.Get("error_description"))
	}
	tokens, err := s.oauth.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the server sent no ID token")
	}
	id, err := s.verifier.Verify(r.Context(), raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("verify the ID token: %w", err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1:
		return nil, errors.New("the ID token was made for another sign-in")
	}
	return id, id.VerifyAccessToken(tokens.AccessToken)
}

// takeAttempt returns the attempt that state belongs to, once.
func takeAttempt(w http.ResponseWriter, r *http.Request, state string) (attempt, error) {
	unknown := errors.New("this browser did not begin this sign-in, or it was answered before")
	cookie, err := r.Cookie(attemptCookie + state)
	if err != nil {
		return attempt{}, unknown
	}
	setCookie(w, cookie.Name, "", -time.Second)
	var a attempt
	plain, err := url.QueryUnescape(cookie.Value)
	if err != nil || json.Unmarshal([]byte(plain), &a) != nil {
		return attempt{}, unknown
	}
	if state == "" || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return attempt{}, unknown
	}
	return a, nil
}

func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (s *sample) session(r *http.Request) sampleSession {
	cookie, err := r.Cookie(sampleCookie)
	if err != nil {
		return sampleSession{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[cookie.Value]
}

// meanings say what the claims tell an app.
var meanings = map[string]string{
	"iss":       "who says all this",
	"sub":       "the user, by a name that never changes",
	"aud":       "the app that this was said to",
	"amr":       "how the user signed in: pwd is a password, otp an authenticator code, mfa two kinds of proof",
	"acr":       "how sure that is: aal1 is one step, aal2 is two",
	"auth_time": "when the user last proved something",
	"sid":       "the session at the server",
	"nonce":     "ties this to the sign-in that the app began",
	"at_hash":   "ties this to the access token",
	"iat":       "when this was made",
	"exp":       "when this ends",
}

// readClaims lists the claims, those about the sign-in itself first.
func readClaims(token *oidc.IDToken) ([]claim, error) {
	var all map[string]json.RawMessage
	if err := token.Claims(&all); err != nil {
		return nil, fmt.Errorf("read the ID token: %w", err)
	}
	var claims []claim
	for name, raw := range all {
		claims = append(claims, claim{name, readable(name, raw), meanings[name]})
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(rank(a.Name)-rank(b.Name), strings.Compare(a.Name, b.Name))
	})
	return claims, nil
}

// rank puts the claims about the sign-in before the others.
func rank(name string) int {
	first := []string{"sub", "amr", "acr", "auth_time"}
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

// readable adds the time of day to a number of seconds.
func readable(name string, raw json.RawMessage) string {
	var seconds int64
	if slices.Contains([]string{"iat", "exp", "auth_time", "updated_at"}, name) && json.Unmarshal(raw, &seconds) == nil {
		return fmt.Sprintf("%d (%s)", seconds, time.Unix(seconds, 0).UTC().Format(time.RFC1123))
	}
	return string(raw)
}
