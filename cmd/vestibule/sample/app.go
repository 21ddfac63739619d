package sample

import (
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
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

//go:embed page.html style.css
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// CallbackPath is where the app takes the server's answers.
const CallbackPath = "/callback"

// Config is what an app knows of its server, its API and itself.
type Config struct {
	Issuer       string // of the server; its metadata tell the rest
	ClientID     string
	ClientSecret string
	Address      string // of the app itself, without a slash at the end; its redirect URI is this and CallbackPath
	API          string // the address of its API, which its access tokens are for
}

// app is a relying party. It has an API, which it calls with the access token of whoever is signed in.
type app struct {
	issuer   string
	api      string
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	signOut  signOut

	mu       sync.Mutex
	sessions map[string]appSession // by cookie
}

// appSession is what the page shows, and the access token, which it does not.
type appSession struct {
	Claims  []claim
	Asked   string // of the server
	Reasons []reasonFor
	Done    string // by the API
	Problem string
	Left    bool // the user has signed out, here and at the server
	subject string
	proved
}

// proved is what the server gave the app for a sign-in: the access token is for the API, the ID token for the sign-out.
type proved struct{ access, idToken string }

type claim struct{ Name, Value, Meaning string }

// attempt is a sign-in under way. It stays in a cookie of its own.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Began    int64  `json:"began"` // seconds since 1970
	Asked    wish   `json:"asked"`
	Transfer int    `json:"transfer,omitempty"` // how many sign-ins, with this one, are on the way to a transfer
	Subject  string `json:"subject,omitempty"`  // who wants the transfer; empty: whoever signs in
}

const (
	sessionCookie = "sample_session"
	attemptCookie = "sample_attempt_" // and the state, so that two tabs do not disturb each other
	maxSessions   = 1000
	maxSignIns    = 3 // on the way to a transfer: an API that is never content must not send the user round in circles
)

// NewApp reads the server's metadata and returns the app.
func NewApp(ctx context.Context, c Config) (http.Handler, error) {
	p, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	s := &app{
		issuer: c.Issuer,
		api:    c.API,
		oauth: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: c.Address + CallbackPath,
			Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
		},
		verifier: p.Verifier(&oidc.Config{ClientID: c.ClientID}),
		signOut:  signOut{back: c.Address + SignedOutPath},
		sessions: map[string]appSession{},
	}
	if err := p.Claims(&s.signOut); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /sign-in", s.signIn(wish{}))
	mux.HandleFunc("GET /sign-in/two-steps", s.signIn(wish{ACR: []string{"aal2"}}))
	mux.HandleFunc("GET /sign-in/again", s.signIn(wish{Again: true}))
	mux.HandleFunc("POST /transfer", s.transfer)
	mux.HandleFunc("GET "+CallbackPath, s.callback)
	mux.HandleFunc("POST /sign-out", s.leave)
	mux.HandleFunc("GET "+SignedOutPath, s.left)
	return guard(c.Issuer, http.NewCrossOriginProtection().Handler(mux)), nil
}

// guard lets the pages load nothing but their own style, and their form lead nowhere but to the server.
func guard(issuer string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self' "+issuer)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func style(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "style.css")
}

func (s *app) home(w http.ResponseWriter, r *http.Request) { show(w, s.session(r)) }

func show(w http.ResponseWriter, session appSession) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, session); err != nil {
		http.Error(w, "The page could not be shown.", http.StatusInternalServerError)
	}
}

// signIn asks the server who the user is.
func (s *app) signIn(asked wish) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.begin(w, r, attempt{Asked: asked}) }
}

// begin sends the browser to the server.
func (s *app) begin(w http.ResponseWriter, r *http.Request, a attempt) {
	a.State, a.Nonce, a.Verifier, a.Began = rand.Text(), rand.Text(), oauth2.GenerateVerifier(), time.Now().Unix()
	plain, err := json.Marshal(a)
	if err != nil {
		http.Error(w, "The sign-in could not begin.", http.StatusInternalServerError)
		return
	}
	setCookie(w, attemptCookie+a.State, url.QueryEscape(string(plain)), time.Hour)
	options := append(a.Asked.options(), oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier), oauth2.SetAuthURLParam("resource", s.api))
	http.Redirect(w, r, s.oauth.AuthCodeURL(a.State, options...), http.StatusSeeOther)
}

// callback takes the answer and shows it on a page of its own, so that a refresh does not give the code twice. A
// transfer that the sign-in was for is done now.
func (s *app) callback(w http.ResponseWriter, r *http.Request) {
	a, err := takeAttempt(w, r, r.URL.Query().Get("state"))
	session := s.session(r)
	session.Done, session.Problem = "", ""
	if err == nil {
		session, err = s.arrive(r, a, session)
	}
	switch {
	case err != nil:
		session.Problem = a.problem(err)
	case a.Transfer > 0:
		s.finishTransfer(w, r, session, a.Transfer)
		return
	}
	s.keep(w, r, session)
}

// arrive returns the session that the answer begins, or the old one if there is none.
func (s *app) arrive(r *http.Request, a attempt, old appSession) (appSession, error) {
	token, proved, err := s.redeem(r, a)
	switch {
	case err != nil:
		return old, err
	case a.Subject != "" && a.Subject != token.Subject:
		return old, errors.New("somebody else has signed in, so that nothing was transferred")
	}
	claims, err := readClaims(token)
	if err != nil {
		return old, err
	}
	why, err := reasons(token, a)
	if err != nil {
		return old, err
	}
	return appSession{Claims: claims, Reasons: why, Asked: a.Asked.String(), subject: token.Subject, proved: proved}, nil
}

// keep shows a session from now on, under a new id: the old one may be known to whoever used the browser before.
func (s *app) keep(w http.ResponseWriter, r *http.Request, session appSession) {
	id := rand.Text()
	s.drop(r)
	s.mu.Lock()
	if len(s.sessions) >= maxSessions {
		clear(s.sessions)
	}
	s.sessions[id] = session
	s.mu.Unlock()
	setCookie(w, sessionCookie, id, 12*time.Hour)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// drop forgets the browser's session.
func (s *app) drop(r *http.Request) {
	if old, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, old.Value)
		s.mu.Unlock()
	}
}

// redeem makes the checks of OpenID Connect Core 3.1.3.7 and RFC 9207 and returns the ID token, and both tokens as they
// came.
func (s *app) redeem(r *http.Request, a attempt) (_ *oidc.IDToken, _ proved, _ error) {
	query := r.URL.Query()
	switch {
	case query.Get("iss") != s.issuer:
		return nil, proved{}, errors.New("the answer does not come from the server that was asked")
	case query.Get("error") != "":
		return nil, proved{}, &refusal{query.Get("error"), query.Get("error_description")}
	}
	tokens, err := s.oauth.Exchange(r.Context(), query.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, proved{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, proved{}, errors.New("the server sent no ID token")
	}
	id, err := s.verifier.Verify(r.Context(), raw)
	switch {
	case err != nil:
		return nil, proved{}, fmt.Errorf("verify the ID token: %w", err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1:
		return nil, proved{}, errors.New("the ID token was made for another sign-in")
	}
	return id, proved{tokens.AccessToken, raw}, id.VerifyAccessToken(tokens.AccessToken)
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

func (s *app) session(r *http.Request) appSession {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return appSession{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[cookie.Value]
}
