package servertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"vestibule/provider/client"
)

// ReturnURI is where relying parties of these tests live; nothing is ever sent there.
const ReturnURI = "https://shop.example/callback"

// Client is a relying party made of go-oidc and x/oauth2, as their READMEs show it.
type Client struct {
	T         testing.TB
	Site      *Site
	OAuth     oauth2.Config
	Provider  *oidc.Provider
	Verifier  *oidc.IDTokenVerifier
	Algorithm string
	Resource  string   // the API that its tokens are for (RFC 8707); empty: none
	Shown     []string // what a proxy says that it has shown in TLS, a line of the header Client-Cert each
}

// NewClient registers a confidential client and returns it.
func (s *Site) NewClient(t testing.TB, id string, change ...func(*client.Client)) *Client {
	t.Helper()
	secret, hash := client.NewSecret()
	s.KeepSecret(secret)
	now := s.Clock.Now()
	c := client.Client{
		ID: id, Name: "The " + id, SecretHash: hash, RedirectURIs: []string{ReturnURI},
		Scopes:     []string{"openid", "profile", "email", "offline_access"},
		Audiences:  usualAPIs,
		IDTokenAlg: client.RS256, Created: now, Updated: now,
	}
	for _, f := range change {
		f(&c)
	}
	if !c.NeedsSecret() {
		c.SecretHash, secret = "", ""
	}
	if err := s.Store.CreateClient(t.Context(), c); err != nil {
		t.Fatalf("create client %s: %v", id, err)
	}
	return s.Discover(t, c, secret)
}

// Discover reads the site's metadata as the client does when it starts.
func (s *Site) Discover(t testing.TB, c client.Client, secret string) *Client {
	t.Helper()
	op, err := oidc.NewProvider(context.WithoutCancel(t.Context()), s.Config.Issuer)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	var redirect string // a device has none
	if len(c.RedirectURIs) > 0 {
		redirect = c.RedirectURIs[0]
	}
	return &Client{
		T: t, Site: s, Provider: op, Algorithm: c.IDTokenAlg,
		Verifier: op.Verifier(&oidc.Config{ClientID: c.ID, Now: s.Clock.Now, SupportedSigningAlgs: algorithms(c)}),
		OAuth: oauth2.Config{
			ClientID: c.ID, ClientSecret: secret, Endpoint: op.Endpoint(),
			RedirectURL: redirect, Scopes: []string{"openid", "profile", "email"},
		},
	}
}

// Trip is a sign-in as the client remembers it.
type Trip struct {
	*Client
	State, Nonce, PKCE string
	Address            string // where to send the browser
}

// Begin makes an authorization request. The options are more parameters, as name and value in turn.
func (c *Client) Begin(parameters ...string) *Trip {
	c.T.Helper()
	v := &Trip{Client: c, State: rand.Text(), Nonce: rand.Text(), PKCE: oauth2.GenerateVerifier()}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(v.PKCE), oidc.Nonce(v.Nonce)}
	if c.Resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", c.Resource))
	}
	for i := 0; i < len(parameters); i += 2 {
		options = append(options, oauth2.SetAuthURLParam(parameters[i], parameters[i+1]))
	}
	v.Address = c.OAuth.AuthCodeURL(v.State, options...)
	return v
}

// For has the client ask for tokens for the API.
func (c *Client) For(api *Inspector) { c.Resource = api.Resource }

// BeginOffline asks for a refresh token too.
func (c *Client) BeginOffline() *Trip {
	c.T.Helper()
	return c.Begin("scope", "openid profile email offline_access")
}

// Claims are what the client learned about the sign-in.
type Claims struct {
	Subject  string   `json:"sub"`
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	AuthTime int64    `json:"auth_time"`
	Session  string   `json:"sid"`
	Nonce    string   `json:"nonce"`
	IssuedAt int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// Tokens is the end of a trip.
type Tokens struct {
	Claims
	Token *oauth2.Token
}

// IDToken is the ID token as it came.
func (r Tokens) IDToken() string {
	raw, _ := r.Token.Extra("id_token").(string)
	return raw
}

// Code checks the answer to the request as RFC 9207 and RFC 6749 tell the client to, and returns the code.
func (v *Trip) Code(p *Page) string {
	v.T.Helper()
	q := v.Answer(p)
	if q.Get("error") != "" || q.Get("code") == "" {
		v.T.Fatalf("the client got %v, want a code", q)
	}
	v.Site.KeepSecret(q.Get("code"))
	return q.Get("code")
}

// Refused checks that the client got this error.
func (v *Trip) Refused(p *Page, want string) {
	v.T.Helper()
	if q := v.Answer(p); q.Get("error") != want || q.Has("code") {
		v.T.Fatalf("the client got %v, want error %q", q, want)
	}
}

// Answer checks where the browser was sent to, and returns the parameters of the answer.
func (v *Trip) Answer(p *Page) url.Values {
	v.T.Helper()
	if p.Left == nil {
		v.T.Fatalf("the browser is at %s, page %q, state %q (%d); want the client:\n%s", p.Address, p.Name, p.State, p.Status, p.Text())
	}
	q := p.Left.Query()
	p.Left.RawQuery = ""
	if got := p.Left.String(); got != v.OAuth.RedirectURL {
		v.T.Fatalf("the browser was sent to %s, want %s", got, v.OAuth.RedirectURL)
	}
	p.Left.RawQuery = q.Encode()
	if q.Get("state") != v.State || q.Get("iss") != v.Site.Config.Issuer {
		v.T.Fatalf("the answer %v has not the state %q and the issuer %q", q, v.State, v.Site.Config.Issuer)
	}
	return q
}

// Finish exchanges the code and verifies the ID token.
func (v *Trip) Finish(p *Page) Tokens {
	v.T.Helper()
	tokens, err := v.Exchange(v.Code(p))
	if err != nil {
		v.T.Fatalf("exchange: %v", err)
	}
	r := v.Read(tokens)
	if r.Nonce != v.Nonce {
		v.T.Errorf("the nonce is %q, want %q", r.Nonce, v.Nonce)
	}
	return r
}

// Exchange gives the code for tokens.
func (v *Trip) Exchange(code string) (*oauth2.Token, error) {
	return v.OAuth.Exchange(v.T.Context(), code, oauth2.VerifierOption(v.PKCE))
}

// Refresh uses a refresh token.
func (c *Client) Refresh(token string) (*oauth2.Token, error) {
	return c.OAuth.TokenSource(c.T.Context(), &oauth2.Token{RefreshToken: token}).Token()
}

// Revoke ends a token (RFC 7009), at the endpoint that the metadata names. It may be called from any goroutine. The
// parameters are more than the token, as name and value in turn.
func (c *Client) Revoke(token string, parameters ...string) error {
	var metadata struct {
		Endpoint string `json:"revocation_endpoint"`
	}
	if err := c.Provider.Claims(&metadata); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	form := url.Values{"token": {token}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	switch reply := c.Site.Ask(c, metadata.Endpoint, form); {
	case reply.Status == http.StatusOK: // with an empty body
		return nil
	case reply.Failure != nil:
		return fmt.Errorf("revoke: %w", reply.Failure)
	default:
		return fmt.Errorf("revoke: %d %s: %s", reply.Status, reply.Error, reply.Description)
	}
}

// Read verifies the ID token of an answer of the token endpoint.
func (c *Client) Read(tokens *oauth2.Token) Tokens {
	c.T.Helper()
	c.Site.KeepSecret(tokens.AccessToken)
	c.Site.KeepSecret(tokens.RefreshToken)
	raw, _ := tokens.Extra("id_token").(string)
	c.Site.KeepSecret(raw)
	id, err := c.Verifier.Verify(c.T.Context(), raw)
	if err != nil {
		c.T.Fatalf("ID token: %v", err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		c.T.Errorf("at_hash: %v", err)
	}
	r := Tokens{Token: tokens}
	if err := id.Claims(&r.Claims); err != nil {
		c.T.Fatalf("claims: %v", err)
	}
	return r
}

// Authenticated fails the test unless the sign-in is told as it was.
func (r Tokens) Authenticated(t testing.TB, acr string, at time.Time, amr ...string) Tokens {
	t.Helper()
	if !reflect.DeepEqual(r.AMR, amr) || r.ACR != acr || r.AuthTime != at.Unix() || r.Session == "" {
		t.Errorf("the ID token says amr %q, acr %q, auth_time %d, sid %q; want %q, %q, %d and a sid",
			r.AMR, r.ACR, r.AuthTime, r.Session, amr, acr, at.Unix())
	}
	return r
}

// Same fails the test unless both tell of one authentication.
func (r Tokens) Same(t testing.TB, other Tokens) {
	t.Helper()
	if !reflect.DeepEqual(r.AMR, other.AMR) || r.ACR != other.ACR || r.AuthTime != other.AuthTime ||
		r.Session != other.Session || r.Subject != other.Subject {
		t.Errorf("the ID tokens tell of two sign-ins: %+v and %+v", r.Claims, other.Claims)
	}
}

// algorithms is what the client accepts: only what it has registered for.
func algorithms(c client.Client) []string {
	if c.IDTokenAlg == "" {
		return nil
	}
	return []string{c.IDTokenAlg}
}

// Essential is the claims parameter of a client that takes nothing but these values of acr.
func Essential(values ...string) string {
	data, err := json.Marshal(map[string]any{"id_token": map[string]any{"acr": map[string]any{"essential": true, "values": values}}})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// SignInSilently signs in without a page.
func SignInSilently(c *Client, b *Browser) Tokens {
	c.T.Helper()
	v := c.Begin("prompt", "none")
	return v.Finish(b.Open(v.Address))
}

// PublishedKeys are the ids of the keys that a server publishes; the test fails if it publishes a private one.
func PublishedKeys(t testing.TB, a *Instance) []string {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/jwks", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil {
		t.Fatalf("/jwks: %v in %s", err, w.Body)
	}
	if strings.Contains(w.Body.String(), `"d":`) {
		t.Error("/jwks has a private key")
	}
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.KeyID)
	}
	return ids
}

// Reply is what the token endpoint says, or another where a client authenticates.
type Reply struct {
	Status       int
	Type         string `json:"token_type"`
	RequestURI   string `json:"request_uri"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	Bound        struct {
		Key         string `json:"jkt"`
		Certificate string `json:"x5t#S256"`
	} `json:"cnf"` // of an introspection
	Nonce   string `json:"-"` // for the next DPoP proof
	Failure error
}

// Token asks the token endpoint. It may be called from any goroutine.
func (s *Site) Token(c *Client, form url.Values) Reply {
	return s.Ask(c, c.OAuth.Endpoint.TokenURL, form)
}

// Ask sends a form to an endpoint where the client authenticates; a public one says who it is in the form. It may be called
// from any goroutine.
func (s *Site) Ask(c *Client, endpoint string, form url.Values) Reply {
	return s.AskWith(c, endpoint, form, "")
}

// AskWith is Ask with a DPoP proof, if it is not empty.
func (s *Site) AskWith(c *Client, endpoint string, form url.Values, proof string) Reply {
	response, err := c.SendWith(endpoint, form, proof)
	if err != nil {
		return Reply{Failure: err}
	}
	defer response.Body.Close()
	return ReadReply(response)
}

// Send is Ask for an answer that is no Reply, which the caller closes.
func (c *Client) Send(endpoint string, form url.Values) (*http.Response, error) {
	return c.SendWith(endpoint, form, "")
}

// SendWith is Send with a DPoP proof, if it is not empty.
func (c *Client) SendWith(endpoint string, form url.Values, proof string) (*http.Response, error) {
	if c.OAuth.ClientSecret == "" {
		form.Set("client_id", c.OAuth.ClientID)
	}
	header := http.Header{"Client-Cert": c.Shown}
	if proof != "" {
		header.Set("DPoP", proof)
	}
	return c.Site.send(url.QueryEscape(c.OAuth.ClientID), url.QueryEscape(c.OAuth.ClientSecret), endpoint, form, header)
}

// AskAs sends a form with an id and a secret in the header as they are; without a secret neither is there.
func (s *Site) AskAs(id, secret, endpoint string, form url.Values) Reply {
	response, err := s.send(id, secret, endpoint, form, http.Header{})
	if err != nil {
		return Reply{Failure: err}
	}
	defer response.Body.Close()
	return ReadReply(response)
}

func (s *Site) send(id, secret, endpoint string, form url.Values, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if secret != "" {
		request.SetBasicAuth(id, secret)
	}
	return http.DefaultClient.Do(request)
}

// ReadReply reads an answer of the token endpoint, and closes it.
func ReadReply(response *http.Response) Reply {
	a := Reply{Status: response.StatusCode, Nonce: response.Header.Get("DPoP-Nonce")}
	a.Failure = json.NewDecoder(response.Body).Decode(&a)
	return a
}

// UserInfo returns how the userinfo endpoint answers to an access token.
func (s *Site) UserInfo(token string) int {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, s.Config.Issuer+"/userinfo", nil)
	if err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	(&oauth2.Token{AccessToken: token}).SetAuthHeader(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	return response.StatusCode
}
