package resource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/docs/doctest"
	"vestibule/provider/assurance"
	"vestibule/provider/resource"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// good is an answer about a live token of a user who gave a code a minute ago.
var good = fmt.Sprintf(`{"active":true,"token_type":"Bearer","scope":"openid transfer","client_id":"shop","sub":"ana",`+
	`"iss":"https://id.example.com","acr":"aal2","amr":["pwd","otp","mfa"],"auth_time":%d,"exp":%d}`, noon.Unix()-60, noon.Unix()+60)

// server is an introspection endpoint that says the same about every token, and counts.
type server struct {
	*httptest.Server
	asked  atomic.Int64
	mu     sync.Mutex
	answer http.HandlerFunc
}

func newServer(t *testing.T, body string) *server {
	t.Helper()
	s := &server{answer: json(http.StatusOK, body)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) say(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func json(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// guard returns a Guard on s at noon.
func (s *server) guard(t *testing.T, change ...func(*resource.Config)) *resource.Guard {
	t.Helper()
	c := resource.Config{
		Endpoint: s.URL, ClientID: "api", ClientSecret: "open: sesame", Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return noon },
	}
	for _, f := range change {
		f(&c)
	}
	g, err := resource.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// call asks an API behind the guard. Its answer to whom it lets through is 200 and the subject.
func call(t *testing.T, g *resource.Guard, rule resource.Rule, authorization ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/transfer?access_token=query", strings.NewReader("access_token=form"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	g.Require(rule, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := resource.FromContext(r.Context())
		fmt.Fprintln(w, token.Subject, ok)
	})).ServeHTTP(w, r)
	return w.Result()
}

func TestRequire(t *testing.T) {
	without := func(part string) string { return strings.Replace(good, part, "", 1) }
	authTime := fmt.Sprintf(`"auth_time":%d,`, noon.Unix()-60)
	const (
		none    = `Bearer`
		invalid = `Bearer error="invalid_token", error_description="the access token is malformed, expired or revoked"`
		level   = `Bearer error="insufficient_user_authentication", error_description="the user must sign in with more steps"`
		age     = `Bearer error="insufficient_user_authentication", error_description="the user must sign in again"`
	)
	two := []string{"aal2", "https://refeds.org/profile/mfa"}
	for _, tt := range []struct {
		name      string
		answer    string
		rule      resource.Rule
		header    string
		status    int
		challenge string
	}{
		{"good", good, resource.Rule{}, "Bearer abc", 200, ""},
		{"scheme in small letters", good, resource.Rule{}, "bearer abc", 200, ""},
		{"all that is wanted", good, resource.Rule{Scopes: []string{"transfer"}, ACR: two, MaxAge: time.Minute}, "Bearer abc", 200, ""},
		{"nothing sent", good, resource.Rule{}, "", 401, none},
		{"other scheme", good, resource.Rule{}, "Basic YTpi", 401, none},
		{"empty token", good, resource.Rule{}, "Bearer ", 401, invalid},
		{"malformed token", good, resource.Rule{}, "Bearer a b", 401, invalid},
		{"endless token", good, resource.Rule{}, "Bearer " + strings.Repeat("a", 5000), 401, invalid},
		{"not active", `{"active":false}`, resource.Rule{}, "Bearer abc", 401, invalid},
		{"says nothing", `{}`, resource.Rule{}, "Bearer abc", 401, invalid},
		{"refresh token", strings.Replace(good, `"Bearer"`, `"refresh_token"`, 1), resource.Rule{}, "Bearer abc", 401, invalid},
		{"no type", without(`"token_type":"Bearer",`), resource.Rule{}, "Bearer abc", 401, invalid},
		{"expired", strings.Replace(good, fmt.Sprint(noon.Unix()+60), fmt.Sprint(noon.Unix()), 1), resource.Rule{}, "Bearer abc", 401, invalid},
		{"scope", good, resource.Rule{Scopes: []string{"openid", "admin"}, ACR: []string{"aal3"}}, "Bearer abc", 403,
			`Bearer error="insufficient_scope", error_description="the access token lacks a scope", scope="openid admin"`},
		{"part of a scope", good, resource.Rule{Scopes: []string{"trans"}}, "Bearer abc", 403,
			`Bearer error="insufficient_scope", error_description="the access token lacks a scope", scope="trans"`},
		{"level", good, resource.Rule{ACR: []string{"aal3"}}, "Bearer abc", 401, level + `, acr_values="aal3"`},
		{"level and age", good, resource.Rule{ACR: []string{"aal3", "x"}, MaxAge: 5 * time.Minute}, "Bearer abc", 401, level + `, acr_values="aal3 x", max_age="300"`},
		{"other name", good, resource.Rule{ACR: two[1:]}, "Bearer abc", 401, level + `, acr_values="https://refeds.org/profile/mfa"`},
		{"no level", without(`"acr":"aal2",`), resource.Rule{ACR: two}, "Bearer abc", 401, level + `, acr_values="aal2 https://refeds.org/profile/mfa"`},
		{"age", good, resource.Rule{ACR: two, MaxAge: 59 * time.Second}, "Bearer abc", 401, age + `, acr_values="aal2 https://refeds.org/profile/mfa", max_age="59"`},
		{"no time", without(authTime), resource.Rule{MaxAge: time.Hour}, "Bearer abc", 401, age + `, max_age="3600"`},
		{"quotes", good, resource.Rule{ACR: []string{`a"\b`}}, "Bearer abc", 401, level + `, acr_values="a\"\\b"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.header != "" {
				headers = []string{tt.header}
			}
			resp := call(t, newServer(t, tt.answer).guard(t), tt.rule, headers...)
			if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != tt.status || got != tt.challenge {
				t.Errorf("%d %s\nwant %d %s", resp.StatusCode, got, tt.status, tt.challenge)
			}
			if tt.status != 200 && resp.Header.Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be kept by a cache")
			}
		})
	}
}

// TestLevels: a higher level does for a lower one, and a name that is no level stands for itself.
func TestLevels(t *testing.T) {
	own := [][]string{{"aal1", "1"}, {"aal2", "2", "https://refeds.org/profile/mfa"}, {"phr", "3"}}
	for _, tt := range []struct {
		levels [][]string
		acr    string
		wanted []string
		want   bool
	}{
		{nil, "phr", []string{"aal2"}, true},
		{nil, "phr", []string{"aal1"}, true},
		{nil, "aal2", []string{"aal1"}, true},
		{nil, "aal2", []string{"phr"}, false},
		{nil, "aal1", []string{"phr", "aal2"}, false},
		{nil, "aal2", []string{"phr", "aal2"}, true},
		{nil, "", []string{"aal1"}, false},
		{nil, "gold", []string{"aal1"}, false},
		{nil, "phr", []string{"gold"}, false},
		{nil, "gold", []string{"gold", "phr"}, true},
		{nil, "PHR", []string{"aal2"}, false},
		{nil, "3", []string{"aal2"}, false},
		{own, "3", []string{"aal2"}, true},
		{own, "2", []string{"https://refeds.org/profile/mfa"}, true},
		{own, "1", []string{"2"}, false},
		{own, "aal1", []string{"1"}, true},
		{own, "", []string{"1"}, false},
		{[][]string{{"bronze"}, {"gold"}}, "gold", []string{"bronze"}, true},
		{[][]string{{"bronze"}, {"gold"}}, "phr", []string{"aal2"}, false},
		{[][]string{}, "phr", []string{"aal2"}, false}, // nothing is in order
	} {
		s := newServer(t, strings.Replace(good, `"aal2"`, fmt.Sprintf("%q", tt.acr), 1))
		g := s.guard(t, func(c *resource.Config) { c.Levels = tt.levels })
		if _, err := g.Check(t.Context(), "abc", resource.Rule{ACR: tt.wanted}); err == nil != tt.want || err != nil && !errors.Is(err, resource.ErrLevel) {
			t.Errorf("acr %q where %q is wanted, of %q: %v, want it to pass: %v", tt.acr, tt.wanted, tt.levels, err, tt.want)
		}
	}
}

// TestServersLevels: without a word the guard has the order of the server's levels.
func TestServersLevels(t *testing.T) {
	for has, acr := range assurance.Ranked {
		g := newServer(t, strings.Replace(good, `"aal2"`, fmt.Sprintf("%q", acr), 1)).guard(t)
		for asked, name := range assurance.Ranked {
			if _, err := g.Check(t.Context(), "abc", resource.Rule{ACR: []string{name}}); (err == nil) != (has >= asked) {
				t.Errorf("%s where %s is wanted: %v", acr, name, err)
			}
		}
	}
}

func TestTwoTokens(t *testing.T) {
	s := newServer(t, good)
	if resp := call(t, s.guard(t), resource.Rule{}, "Bearer abc", "Bearer def"); resp.StatusCode != http.StatusBadRequest || s.asked.Load() != 0 {
		t.Errorf("two tokens: %s, the server was asked %d times", resp.Status, s.asked.Load())
	}
}

// What cannot be a token is not worth a question.
func TestMalformedIsNotAsked(t *testing.T) {
	s := newServer(t, good)
	for _, access := range []string{"", "a b", "ä", "a\x00b", "=", "{}", strings.Repeat("a", 4097)} {
		if _, err := s.guard(t).Check(t.Context(), access, resource.Rule{}); !errors.Is(err, resource.ErrToken) {
			t.Errorf("Check(%.20q) = %v, want %v", access, err, resource.ErrToken)
		}
	}
	if n := s.asked.Load(); n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

// The token goes into the body, the credentials into the header, encoded as RFC 6749 section 2.3.1 says.
func TestQuestion(t *testing.T) {
	s := newServer(t, good)
	s.say(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.Method != "POST" || r.PostFormValue("token") != "a+/b=" || r.PostFormValue("token_type_hint") != "access_token" || id != "api" || secret != "open%3A+sesame" || r.URL.RawQuery != "" {
			t.Errorf("question %s %s %v, credentials %q %q", r.Method, r.URL, r.PostForm, id, secret)
		}
		json(200, good)(w, r)
	})
	token, err := s.guard(t).Check(t.Context(), "a+/b=", resource.Rule{})
	if err != nil {
		t.Fatal(err)
	}
	want := resource.Token{
		Subject: "ana", ClientID: "shop", Scopes: []string{"openid", "transfer"}, ACR: "aal2", AMR: []string{"pwd", "otp", "mfa"},
		AuthTime: noon.Add(-time.Minute), Expires: noon.Add(time.Minute),
	}
	if fmt.Sprint(token.Subject, token.ClientID, token.Scopes, token.ACR, token.AMR, token.AuthTime.Unix(), token.Expires.Unix()) !=
		fmt.Sprint(want.Subject, want.ClientID, want.Scopes, want.ACR, want.AMR, want.AuthTime.Unix(), want.Expires.Unix()) {
		t.Errorf("token %+v, want %+v", token, want)
	}
}

// Nobody is let through when the server does not vouch for the token, and the log says why without a secret.
func TestUnavailable(t *testing.T) {
	elsewhere := newServer(t, good)
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"credentials", json(401, `{"error":"invalid_client"}`), "check its id and secret"},
		{"fault", json(500, good), "500 Internal Server Error"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "307"},
		{"page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html>") }, "not with JSON"},
		{"half", json(200, good[:40]), "read the answer"},
		{"wrong types", json(200, `{"active":"true"}`), "read the answer"},
		{"too long", json(200, `{"scope":"`+strings.Repeat("a ", 64<<10)+`","active":true,"token_type":"Bearer"}`), "read the answer"},
		{"cut off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, good)
			s.say(tt.answer)
			var lines bytes.Buffer
			g := s.guard(t, func(c *resource.Config) { c.Log = slog.New(slog.NewTextHandler(&lines, nil)) })
			resp := call(t, g, resource.Rule{}, "Bearer tell-nobody")
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
				t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
			}
			if !strings.Contains(lines.String(), tt.want) || strings.Contains(lines.String(), "tell-nobody") || strings.Contains(lines.String(), "sesame") {
				t.Errorf("the log should say %q and no secret: %s", tt.want, &lines)
			}
		})
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

func TestServerIsGone(t *testing.T) {
	s := newServer(t, good)
	g := s.guard(t, func(c *resource.Config) { c.Cache = resource.MaxCache })
	s.Close()
	if _, err := g.Check(t.Context(), "abc", resource.Rule{}); !errors.Is(err, resource.ErrUnavailable) {
		t.Errorf("Check: %v, want %v", err, resource.ErrUnavailable)
	}
}

// A slow server does not keep a request that its own client has left.
func TestSlowServer(t *testing.T) {
	s := newServer(t, good)
	leave := make(chan struct{})
	s.say(func(http.ResponseWriter, *http.Request) { <-leave })
	defer close(leave)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.guard(t).Check(ctx, "abc", resource.Rule{}); !errors.Is(err, resource.ErrUnavailable) {
		t.Errorf("Check: %v, want %v", err, resource.ErrUnavailable)
	}
}

func TestCache(t *testing.T) {
	now := noon
	s := newServer(t, good)
	g := s.guard(t, func(c *resource.Config) {
		c.Cache, c.Now = 5*time.Second, func() time.Time { return now }
	})
	check := func(access string, rule resource.Rule, want error, asked int64) {
		t.Helper()
		if _, err := g.Check(t.Context(), access, rule); !errors.Is(err, want) {
			t.Errorf("Check(%s): %v, want %v", access, err, want)
		}
		if got := s.asked.Load(); got != asked {
			t.Errorf("the server was asked %d times, want %d", got, asked)
		}
	}
	check("one", resource.Rule{}, nil, 1)
	check("one", resource.Rule{}, nil, 1)
	check("two", resource.Rule{}, nil, 2)
	check("one", resource.Rule{ACR: []string{"aal3"}}, resource.ErrLevel, 2) // each rule for itself
	s.say(json(200, `{"active":false}`))
	check("one", resource.Rule{}, nil, 2)
	now = noon.Add(5 * time.Second)
	check("one", resource.Rule{}, resource.ErrToken, 3)
	check("one", resource.Rule{}, resource.ErrToken, 4) // what is bad is not kept
	s.say(json(200, strings.Replace(good, fmt.Sprint(noon.Unix()+60), fmt.Sprint(now.Unix()+2), 1)))
	check("three", resource.Rule{}, nil, 5)
	now = now.Add(2 * time.Second)
	check("three", resource.Rule{}, resource.ErrToken, 5) // it expired meanwhile
}

// What one request does with its token changes nothing for the next.
func TestCacheIsNotShared(t *testing.T) {
	s := newServer(t, good)
	g := s.guard(t, func(c *resource.Config) { c.Cache = 5 * time.Second })
	for range 3 { // from the server, and from the cache
		token, err := g.Check(t.Context(), "abc", resource.Rule{})
		if err != nil || token.Scopes[0] != "openid" || token.AMR[0] != "pwd" {
			t.Fatalf("Check = %+v, %v", token, err)
		}
		token.Scopes[0], token.AMR[0] = "admin", "hwk"
	}
	if _, err := g.Check(t.Context(), "abc", resource.Rule{Scopes: []string{"admin"}}); !errors.Is(err, resource.ErrScope) || s.asked.Load() != 1 {
		t.Errorf("Check with a scope that a handler has made up: %v, the server was asked %d times", err, s.asked.Load())
	}
}

// A rule that makes no sense lets nobody through, least of all everybody.
func TestNegativeMaxAge(t *testing.T) {
	s := newServer(t, good)
	rule := resource.Rule{MaxAge: -5 * time.Minute}
	if _, err := s.guard(t).Check(t.Context(), "abc", rule); !errors.Is(err, resource.ErrUnavailable) || !strings.Contains(err.Error(), "MaxAge") {
		t.Errorf("Check: %v, want an error that names MaxAge", err)
	}
	var log bytes.Buffer
	g := s.guard(t, func(c *resource.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if resp := call(t, g, rule, "Bearer abc"); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(log.String(), "MaxAge") {
		t.Errorf("%s, want 503; the log says %s", resp.Status, &log)
	}
}

func TestCacheAtOnce(t *testing.T) {
	g := newServer(t, good).guard(t, func(c *resource.Config) { c.Cache = time.Second })
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if _, err := g.Check(t.Context(), fmt.Sprint("token-", i%4), resource.Rule{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config resource.Config
		want   string
	}{
		{"no endpoint", resource.Config{ClientID: "api", ClientSecret: "x"}, "is not an address"},
		{"no scheme", resource.Config{Endpoint: "id.example.com/introspect", ClientID: "api", ClientSecret: "x"}, "is not an address"},
		{"plain http", resource.Config{Endpoint: "http://id.example.com/introspect", ClientID: "api", ClientSecret: "x"}, "use https"},
		{"plain http by a name", resource.Config{Endpoint: "http://127.0.0.1.example.com/introspect", ClientID: "api", ClientSecret: "x"}, "use https"},
		{"no secret", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api"}, "only a confidential client"},
		{"long cache", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api", ClientSecret: "x", Cache: time.Minute}, "a revoked token"},
		{"a name twice", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api", ClientSecret: "x", Levels: [][]string{{"1"}, {"2", "1"}}}, "each name stands for one level"},
		{"a level without a name", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api", ClientSecret: "x", Levels: [][]string{{"1"}, nil}}, "has no name"},
		{"an empty name", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api", ClientSecret: "x", Levels: [][]string{{""}}}, "empty"},
		{"nothing", resource.Config{}, "is not an address"},
		{"keys without an issuer", resource.Config{Keys: "https://id.example.com/jwks", Resource: "https://api.example"}, "another server"},
		{"keys without a resource", resource.Config{Keys: "https://id.example.com/jwks", Issuer: "https://id.example.com"}, "another API"},
		{"keys over plain http", resource.Config{Keys: "http://id.example.com/jwks", Issuer: "https://id.example.com", Resource: "https://api.example"}, "use https"},
		{"a resource that is no address", resource.Config{Keys: "https://id.example.com/jwks", Issuer: "https://id.example.com", Resource: "urn:api"}, "is not an address"},
		{"a resource with a query", resource.Config{Keys: "https://id.example.com/jwks", Issuer: "https://id.example.com", Resource: "https://api.example?x"}, "a query"},
		{"keys", resource.Config{Keys: "https://id.example.com/jwks", Issuer: "https://id.example.com", Resource: "https://api.example"}, ""},
		{"good", resource.Config{Endpoint: "https://id.example.com/introspect", ClientID: "api", ClientSecret: "x", Cache: resource.MaxCache}, ""},
		{"loopback", resource.Config{Endpoint: "http://[::1]:8080/introspect", ClientID: "api", ClientSecret: "x"}, ""},
	} {
		_, err := resource.New(tt.config)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) && tt.want != "" {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// The example of the documents is newAPI, line by line.
func TestReadme(t *testing.T) {
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(doctest.Open(t, "docs/apps.md").Text, "## Guard an API")
	block := doctest.Document{Text: section}.Block(t, "go")
	if want := "\t" + strings.ReplaceAll(strings.TrimSpace(block), "\n", "\n\t"); !strings.Contains(string(code), want) {
		t.Errorf("example_test.go has not these lines of docs/apps.md:\n%s", want)
	}
}
