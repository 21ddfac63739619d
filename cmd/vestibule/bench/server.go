package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider/operator"
)

// patience is how long one request may take.
const patience = time.Minute

// mostBytes of an answer are read.
const mostBytes = 1 << 20

// serverAt is the server as its client knows it.
type serverAt struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	Introspection string `json:"introspection_endpoint"`

	users     Users
	transport *http.Transport
	http      *http.Client
}

// authorization is what the client sends a browser with, and what it checks the answer by.
type authorization struct{ address, state, verifier string }

func (s *serverAt) authorization(prompt string) authorization {
	a := authorization{state: rand.Text(), verifier: rand.Text() + rand.Text()}
	values := url.Values{
		"response_type": {"code"}, "client_id": {s.users.ClientID}, "redirect_uri": {operator.SeedReturn}, "prompt": {prompt},
		"scope": {"openid profile email offline_access"}, "state": {a.state}, "nonce": {rand.Text()},
		"code_challenge": {challenge(a.verifier)}, "code_challenge_method": {"S256"},
	}
	a.address = s.Authorization + "?" + values.Encode()
	return a
}

// grant is a code, and what proves that it is ours.
type grant struct{ code, verifier string }

// tokens are what a client gets.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

func (s *serverAt) exchange(ctx context.Context, g grant) (t tokens, err error) {
	err = s.ask(ctx, s.Token, url.Values{"grant_type": {"authorization_code"}, "code": {g.code}, "redirect_uri": {operator.SeedReturn}, "code_verifier": {g.verifier}}, &t)
	if err == nil && (t.Access == "" || t.Refresh == "" || t.ID == "") {
		err = faultf("a token is missing", "the answer to a code has not all three")
	}
	return t, err
}

func (s *serverAt) refresh(ctx context.Context, token string) (t tokens, err error) {
	err = s.ask(ctx, s.Token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, &t)
	if err == nil && (t.Access == "" || t.Refresh == "") {
		err = faultf("a token is missing", "the answer to a refresh has not both")
	}
	return t, err
}

func (s *serverAt) introspect(ctx context.Context, token string) (active bool, err error) {
	var answer struct {
		Active bool `json:"active"`
	}
	err = s.ask(ctx, s.Introspection, url.Values{"token": {token}}, &answer)
	return answer.Active, err
}

func (s *serverAt) userInfo(ctx context.Context, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.UserInfo, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	var answer struct {
		Subject string `json:"sub"`
	}
	if err := s.read(request, &answer); err != nil {
		return err
	}
	if answer.Subject == "" {
		return faultf("a claim is missing", "userinfo has no sub")
	}
	return nil
}

// ask sends a form as the client.
func (s *serverAt) ask(ctx context.Context, address string, form url.Values, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(s.users.ClientID), url.QueryEscape(s.users.Secret))
	return s.read(request, answer)
}

// read sends a request and reads JSON.
func (s *serverAt) read(request *http.Request, answer any) error {
	response, err := s.http.Do(request)
	if err != nil {
		return noAnswer(request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	if err != nil {
		return noAnswer(request.URL.Path, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(request, response.StatusCode, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return faultf("no JSON", "%s: %v", request.URL.Path, err)
	}
	return nil
}

// refusal is the error that the server names (RFC 6749 section 5.2), or its status.
func refusal(request *http.Request, status int, body []byte) error {
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error == "" {
		said.Error = http.StatusText(status)
	}
	return faultf(said.Error, "%s %s answers %d %s", request.Method, request.URL.Path, status, said.Description)
}
