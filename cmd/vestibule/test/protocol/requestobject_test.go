package protocol

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// inObject is the address of the same request with all its parameters in a request object; the changes are claims in place of
// others, nil takes one away. Beside it stand client_id, and what more is given as name and value in turn.
func inObject(v *servertest.Trip, sign func(claims map[string]any) string, changes map[string]any, beside ...string) string {
	at, query := asked(v)
	claims := map[string]any{"iss": v.OAuth.ClientID, "aud": v.Site.Config.Issuer, "exp": v.Site.Clock.Now().Unix() + 60}
	for name := range query {
		claims[name] = query.Get(name)
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	around := url.Values{"client_id": {v.OAuth.ClientID}, "request": {sign(claims)}}
	for i := 0; i < len(beside); i += 2 {
		around.Set(beside[i], beside[i+1])
	}
	return at + "?" + around.Encode()
}

func asked(v *servertest.Trip) (at string, query url.Values) {
	u, err := url.Parse(v.Address)
	if err != nil {
		v.T.Fatal(err)
	}
	query, u.RawQuery = u.Query(), ""
	return u.String(), query
}

// unsignedObject makes a JWT that nobody has signed.
func unsignedObject(t *testing.T) func(map[string]any) string {
	return func(claims map[string]any) string {
		signed := strings.Split(servertest.NewClientKey(t, "x").Sign("JWT", claims), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + signed[1] + "."
	}
}

// TestRequestObject signs a user with two steps in by a signed request, and refuses others.
func TestRequestObject(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		phone := servertest.NewEnrolled(t, s, 1).Phone
		key := servertest.NewClientKey(t, "one")
		sign := func(claims map[string]any) string { return key.Sign("oauth-authz-req+jwt", claims) }
		c := s.NewClient(t, "bank", func(c *client.Client) { c.JWKS = key.JWKS() })
		strict := s.NewClient(t, "strict", func(c *client.Client) { c.JWKS, c.RequireSignedRequestObject = key.JWKS(), true })
		plain := s.NewClient(t, "plain", func(c *client.Client) { c.RequestObjectAlg = "none" })
		bare := s.NewClient(t, "bare")

		b := s.NewBrowser(t)
		s.Clock.Advance(servertest.Step)
		v := c.Begin()
		address := inObject(v, sign, map[string]any{"max_age": 300, "acr_values": "aal2"}, "scope", "openid", "response_type", "code", "state", "outside")
		p := b.Open(address).At("login", "initial").GiveName("ana", servertest.Password).GiveCode(phone.Code(0)).Allow()
		v.Finish(p).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		first := s.Clock.Now()
		s.Clock.Advance(6 * time.Minute)
		v = c.Begin("prompt", "none")
		v.Refused(b.Open(inObject(v, sign, map[string]any{"max_age": 300})), "login_required") // the number was read
		v = c.Begin("prompt", "none")
		v.Finish(b.Open(inObject(v, sign, nil))).Authenticated(t, "aal2", first, "pwd", "otp", "mfa")

		for _, tt := range []struct {
			name string
			c    *servertest.Client
			sign func(map[string]any) string
			more map[string]any
			want string
		}{
			{"of another key", c, func(claims map[string]any) string { return servertest.NewClientKey(t, "one").Sign("JWT", claims) }, nil, "invalid_request_object"},
			{"that is not signed", c, unsignedObject(t), nil, "request_not_supported"},
			{"of a client without keys", bare, sign, nil, "invalid_request_object"},
			{"that has expired", c, sign, map[string]any{"exp": s.Clock.Now().Unix() - 31}, "invalid_request_object"},
			{"for another server", c, sign, map[string]any{"aud": "https://bank.example"}, "invalid_request_object"},
			{"of another client", c, sign, map[string]any{"client_id": "shop"}, "invalid_request_object"},
			{"with another in it", c, sign, map[string]any{"request": "x"}, "invalid_request_object"},
			{"with another response type", c, sign, map[string]any{"response_type": "token"}, "invalid_request_object"},
			{"with a redirect URI that is not registered", c, sign, map[string]any{"redirect_uri": "https://evil.example"}, ""},
			{"alone", strict, sign, map[string]any{"response_type": nil}, "invalid_request"},
			{"of a client that signs none", plain, sign, nil, "invalid_request_object"},
		} {
			v := tt.c.Begin("prompt", "none")
			beside := []string{"scope", "openid", "response_type", "code", "redirect_uri", tt.c.OAuth.RedirectURL, "state", v.State}
			p := b.Open(inObject(v, tt.sign, tt.more, beside...))
			if tt.want == "" {
				p.HasStatus(http.StatusBadRequest)
				continue
			}
			if got := v.Answer(p).Get("error"); got != tt.want {
				t.Errorf("a request object %s: %s, want %s", tt.name, got, tt.want)
			}
		}
		v = strict.Begin("prompt", "none")
		v.Refused(b.Open(v.Address), "invalid_request") // not in a request object
		v = plain.Begin("prompt", "none")
		v.Refused(b.Open(inObject(v, unsignedObject(t), nil)), "consent_required")
	})
}

// TestRequestURI has a client keep its request objects at addresses that it has registered.
func TestRequestURI(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	key := servertest.NewClientKey(t, "one")
	var served atomic.Value
	served.Store("")
	var fetched atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		fmt.Fprintln(w, served.Load())
	}))
	t.Cleanup(host.Close)
	c := s.NewClient(t, "bank", func(c *client.Client) {
		c.JWKS, c.RequestURIs = key.JWKS(), []string{host.URL + "/one", "https://10.0.0.7/inside", "http://127.0.0.1:1/closed"}
	})
	bare := s.NewClient(t, "bare", func(c *client.Client) { c.JWKS = key.JWKS() })
	b := s.NewBrowser(t)
	v := c.Begin()
	v.Finish(v.SignIn(b, "ana").Allow())
	sign := func(claims map[string]any) string { return key.Sign("oauth-authz-req+jwt", claims) }
	open := func(c *servertest.Client, uri string) (*servertest.Trip, *servertest.Page) {
		v := c.Begin("prompt", "none")
		at, query := asked(v)
		claims := map[string]any{}
		for name := range query {
			claims[name] = query.Get(name)
		}
		served.Store(sign(claims))
		if uri == "hash" {
			sum := sha256.Sum256([]byte(served.Load().(string) + "\n"))
			uri = host.URL + "/one#" + base64.RawURLEncoding.EncodeToString(sum[:])
		}
		around := url.Values{"client_id": {c.OAuth.ClientID}, "request_uri": {uri}, "scope": {"openid"}, "response_type": {"code"},
			"redirect_uri": {c.OAuth.RedirectURL}, "state": {v.State}}
		return v, b.Open(at + "?" + around.Encode())
	}
	otherHash := host.URL + "/one#" + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, uri := range []string{host.URL + "/one", host.URL + "/one", otherHash, otherHash} { // each time another, at the same address
		v, p := open(c, uri)
		v.Finish(p)
	}
	v, p := open(c, "hash")
	v.Finish(p)
	before := fetched.Load()
	for name, tt := range map[string]struct {
		c         *servertest.Client
		uri, want string
	}{
		"another address":      {c, host.URL + "/two", "invalid_request_uri"},
		"inside":               {c, "https://10.0.0.7/inside", "invalid_request_uri"},
		"nobody there":         {c, "http://127.0.0.1:1/closed", "invalid_request_uri"},
		"of a client without":  {bare, host.URL + "/one", "request_uri_not_supported"},
		"of somebody's making": {c, "https://" + strings.ToLower(rand.Text()) + ".example/", "invalid_request_uri"},
	} {
		v, p := open(tt.c, tt.uri)
		if got := v.Answer(p).Get("error"); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if n := fetched.Load() - before; n > 0 {
		t.Errorf("the host was asked %d times for what it does not have", n)
	}
	for name, tt := range map[string]struct {
		set  func(*client.Client)
		want string
	}{
		"said nothing":           {func(*client.Client) {}, "consent_required"}, // and so it was taken
		"signs with one":         {func(c *client.Client) { c.RequestObjectAlg = "ES256" }, "invalid_request_object"},
		"signs all its requests": {func(c *client.Client) { c.RequireSignedRequestObject = true }, "invalid_request_object"},
	} {
		c := s.NewClient(t, strings.ReplaceAll(name, " ", "-"), func(c *client.Client) {
			c.JWKS, c.RequestURIs = key.JWKS(), []string{host.URL + "/one"}
			tt.set(c)
		})
		sign = unsignedObject(t)
		v, p := open(c, host.URL+"/one")
		if got := v.Answer(p).Get("error"); got != tt.want {
			t.Errorf("unsigned, of a client that %s: %s, want %s", name, got, tt.want)
		}
	}
}
