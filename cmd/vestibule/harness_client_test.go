package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	rp "vestibule/provider/client"
)

// returnURI is where relying parties of these tests live; nothing is ever sent there.
const returnURI = "https://shop.example/callback"

// client is a relying party made of go-oidc and x/oauth2, as their READMEs show it.
type client struct {
	t         *testing.T
	site      *site
	oauth     oauth2.Config
	provider  *oidc.Provider
	verifier  *oidc.IDTokenVerifier
	algorithm string
}

// newClient registers a confidential client and returns it.
func (s *site) newClient(t *testing.T, id string, change ...func(*rp.Client)) *client {
	t.Helper()
	secret, hash := rp.NewSecret()
	s.keepSecret(secret)
	now := s.clock.now()
	c := rp.Client{
		ID: id, Name: "The " + id, SecretHash: hash, RedirectURIs: []string{returnURI},
		Scopes:     []string{"openid", "profile", "email", "offline_access"},
		IDTokenAlg: rp.RS256, Created: now, Updated: now,
	}
	for _, f := range change {
		f(&c)
	}
	if c.Public {
		c.SecretHash, secret = "", ""
	}
	if err := s.store.CreateClient(t.Context(), c); err != nil {
		t.Fatalf("create client %s: %v", id, err)
	}
	return s.discover(t, c, secret)
}

// discover reads the site's metadata as the client does when it starts.
func (s *site) discover(t *testing.T, c rp.Client, secret string) *client {
	t.Helper()
	op, err := oidc.NewProvider(context.WithoutCancel(t.Context()), s.config.Issuer)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	return &client{
		t: t, site: s, provider: op, algorithm: c.IDTokenAlg,
		verifier: op.Verifier(&oidc.Config{ClientID: c.ID, Now: s.clock.now, SupportedSigningAlgs: algorithms(c)}),
		oauth: oauth2.Config{
			ClientID: c.ID, ClientSecret: secret, Endpoint: op.Endpoint(),
			RedirectURL: c.RedirectURIs[0], Scopes: []string{"openid", "profile", "email"},
		},
	}
}

// trip is a sign-in as the client remembers it.
type trip struct {
	*client
	state, nonce, pkce string
	address            string // where to send the browser
}

// begin makes an authorization request. The options are more parameters, as name and value in turn.
func (c *client) begin(parameters ...string) *trip {
	c.t.Helper()
	v := &trip{client: c, state: rand.Text(), nonce: rand.Text(), pkce: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(v.pkce), oidc.Nonce(v.nonce)}
	for i := 0; i < len(parameters); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(parameters[i], parameters[i+1]))
	}
	v.address = c.oauth.AuthCodeURL(v.state, options...)
	return v
}

// beginOffline asks for a refresh token too.
func (c *client) beginOffline() *trip {
	c.t.Helper()
	return c.begin("scope", "openid profile email offline_access")
}

// claims are what the client learned about the sign-in.
type claims struct {
	Subject  string   `json:"sub"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	AuthTime int64    `json:"auth_time"`
	Session  string   `json:"sid"`
	Nonce    string   `json:"nonce"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// tokenResult is the end of a trip.
type tokenResult struct {
	claims
	tokens *oauth2.Token
}

// code checks the answer to the request as RFC 9207 and RFC 6749 tell the client to, and returns the code.
func (v *trip) code(p *page) string {
	v.t.Helper()
	q := v.answer(p)
	if q.Get("error") != "" || q.Get("code") == "" {
		v.t.Fatalf("the client got %v, want a code", q)
	}
	v.site.keepSecret(q.Get("code"))
	return q.Get("code")
}

// refused checks that the client got this error.
func (v *trip) refused(p *page, want string) {
	v.t.Helper()
	if q := v.answer(p); q.Get("error") != want || q.Has("code") {
		v.t.Fatalf("the client got %v, want error %q", q, want)
	}
}

func (v *trip) answer(p *page) url.Values {
	v.t.Helper()
	if p.left == nil {
		v.t.Fatalf("the browser is at %s, page %q, state %q (%d); want the client:\n%s", p.address, p.name, p.state, p.status, p.text())
	}
	q := p.left.Query()
	p.left.RawQuery = ""
	if got := p.left.String(); got != v.oauth.RedirectURL {
		v.t.Fatalf("the browser was sent to %s, want %s", got, v.oauth.RedirectURL)
	}
	p.left.RawQuery = q.Encode()
	if q.Get("state") != v.state || q.Get("iss") != v.site.config.Issuer {
		v.t.Fatalf("the answer %v has not the state %q and the issuer %q", q, v.state, v.site.config.Issuer)
	}
	return q
}

// finish exchanges the code and verifies the ID token.
func (v *trip) finish(p *page) tokenResult {
	v.t.Helper()
	tokens, err := v.exchange(v.code(p))
	if err != nil {
		v.t.Fatalf("exchange: %v", err)
	}
	r := v.read(tokens)
	if r.Nonce != v.nonce {
		v.t.Errorf("the nonce is %q, want %q", r.Nonce, v.nonce)
	}
	return r
}

func (v *trip) exchange(code string) (*oauth2.Token, error) {
	return v.oauth.Exchange(v.t.Context(), code, oauth2.VerifierOption(v.pkce))
}

// refresh uses a refresh token.
func (c *client) refresh(token string) (*oauth2.Token, error) {
	return c.oauth.TokenSource(c.t.Context(), &oauth2.Token{RefreshToken: token}).Token()
}

// read verifies the ID token of an answer of the token endpoint.
func (c *client) read(tokens *oauth2.Token) tokenResult {
	c.t.Helper()
	c.site.keepSecret(tokens.AccessToken)
	c.site.keepSecret(tokens.RefreshToken)
	raw, _ := tokens.Extra("id_token").(string)
	c.site.keepSecret(raw)
	id, err := c.verifier.Verify(c.t.Context(), raw)
	if err != nil {
		c.t.Fatalf("ID token: %v", err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		c.t.Errorf("at_hash: %v", err)
	}
	r := tokenResult{tokens: tokens}
	if err := id.Claims(&r.claims); err != nil {
		c.t.Fatalf("claims: %v", err)
	}
	return r
}

// authenticated fails the test unless the sign-in is told as it was.
func (r tokenResult) authenticated(t *testing.T, acr string, at time.Time, amr ...string) tokenResult {
	t.Helper()
	if !reflect.DeepEqual(r.AMR, amr) || r.ACR != acr || r.AuthTime != at.Unix() || r.Session == "" {
		t.Errorf("the ID token says amr %q, acr %q, auth_time %d, sid %q; want %q, %q, %d and a sid",
			r.AMR, r.ACR, r.AuthTime, r.Session, amr, acr, at.Unix())
	}
	return r
}

// same fails the test unless both tell of one authentication.
func (r tokenResult) same(t *testing.T, other tokenResult) {
	t.Helper()
	if !reflect.DeepEqual(r.AMR, other.AMR) || r.ACR != other.ACR || r.AuthTime != other.AuthTime ||
		r.Session != other.Session || r.Subject != other.Subject {
		t.Errorf("the ID tokens tell of two sign-ins: %+v and %+v", r.claims, other.claims)
	}
}

// algorithms is what the client accepts: only what it has registered for.
func algorithms(c rp.Client) []string {
	if c.IDTokenAlg == "" {
		return nil
	}
	return []string{c.IDTokenAlg}
}
