package allocation

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
)

// flow is a whole sign-in in a new browser: password, code, consent, and tokens for the code.
func (c *shop) flow() *oauth2.Token {
	c.T.Helper()
	c.Site.Clock.Advance(servertest.Step)
	v := c.Begin("scope", "openid profile email offline_access", "prompt", "consent")
	return c.redeem(v, v.SignIn(c.browser(), "ana").GiveCode(c.phone.Code(0)).Allow())
}

// redeem is the exchange of the code that the page at the client has.
func (c *shop) redeem(v *servertest.Trip, p *servertest.Page) *oauth2.Token {
	c.T.Helper()
	token, err := v.OAuth.Exchange(c.ctx, v.Code(p), oauth2.VerifierOption(v.PKCE))
	if err != nil {
		c.T.Fatal(err)
	}
	return token
}

// silent is a sign-on in a browser that has a session, at a client that has consent.
func (c *shop) silent(b *servertest.Browser) *oauth2.Token {
	c.T.Helper()
	v := c.Begin()
	return c.redeem(v, b.Open(v.Address))
}

// refresh uses the refresh token.
func (c *shop) refresh(token *oauth2.Token) *oauth2.Token {
	c.T.Helper()
	next, err := c.OAuth.TokenSource(c.ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		c.T.Fatal(err)
	}
	return next
}

// introspect asks about the access token.
func (c *shop) introspect(token *oauth2.Token) {
	c.T.Helper()
	r := c.request(http.MethodPost, "/introspect", url.Values{"token": {token.AccessToken}})
	r.SetBasicAuth(c.OAuth.ClientID, c.OAuth.ClientSecret)
	c.answered(r, `"active":true`)
}

// userinfo asks about the user.
func (c *shop) userinfo(token *oauth2.Token) {
	c.T.Helper()
	r := c.request(http.MethodGet, "/userinfo", nil)
	token.SetAuthHeader(r)
	c.answered(r, `"email"`)
}

func (c *shop) request(method, path string, form url.Values) *http.Request {
	c.T.Helper()
	r, err := http.NewRequestWithContext(c.ctx, method, c.Site.Config.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.T.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// answered sends the request and fails the test unless the answer has the words.
func (c *shop) answered(r *http.Request, words string) {
	c.T.Helper()
	response, err := c.meter.RoundTrip(r)
	if err != nil {
		c.T.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), words) {
		c.T.Fatalf("%s answers %d, %v: %s", r.RequestURI, response.StatusCode, err, body)
	}
}

// operations are what there is to count, each after what it needs, which does not.
var operations = []struct {
	name  string
	begin func(c *shop) (operate func())
}{
	{"flow", func(c *shop) func() { return func() { c.flow() } }},
	{"silent", func(c *shop) func() {
		b := c.signedIn()
		return func() { c.silent(b) }
	}},
	{"refresh", func(c *shop) func() {
		token := c.flow()
		return func() { token = c.refresh(token) }
	}},
	{"introspection", func(c *shop) func() {
		token := c.flow()
		return func() { c.introspect(token) }
	}},
	{"userinfo", func(c *shop) func() {
		token := c.flow()
		return func() { c.userinfo(token) }
	}},
}

// signedIn is a browser with a session, of a user who has consented.
func (c *shop) signedIn() *servertest.Browser {
	c.T.Helper()
	c.Site.Clock.Advance(servertest.Step)
	b, v := c.browser(), c.Begin("prompt", "consent")
	c.redeem(v, v.SignIn(b, "ana").GiveCode(c.phone.Code(0)).Allow())
	return b
}

func BenchmarkSQLite(b *testing.B)   { benchmark(b, servertest.SQLite) }
func BenchmarkPostgres(b *testing.B) { benchmark(b, servertest.PostgreSQL) }

func benchmark(b *testing.B, database func(testing.TB) string) {
	for _, o := range operations {
		b.Run(o.name, func(b *testing.B) {
			c := newShop(b, database(b))
			operate := o.begin(c)
			operate()
			c.meter.take()
			for b.Loop() {
				operate()
			}
			bytes, objects := c.meter.take()
			b.ReportMetric(float64(bytes)/float64(b.N), "server-B/op")
			b.ReportMetric(float64(objects)/float64(b.N), "server-allocs/op")
		})
	}
}
