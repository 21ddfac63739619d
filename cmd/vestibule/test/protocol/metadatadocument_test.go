package protocol

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/client"
)

// publisher serves a metadata document, and counts who asks.
type publisher struct {
	*httptest.Server
	document atomic.Value // with %s for its own address
	asked    atomic.Int64
	kind     string
}

func newPublisher(t *testing.T, document string) *publisher {
	p := &publisher{kind: "application/json"}
	p.document.Store(document)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if r.URL.Path == "/elsewhere.json" {
			http.Redirect(w, r, "/client.json", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", p.kind)
		fmt.Fprint(w, strings.ReplaceAll(p.document.Load().(string), "SELF", p.id()))
	}))
	t.Cleanup(p.Close)
	return p
}

// serveTLS has it be at an https address.
func (p *publisher) serveTLS(t *testing.T) {
	plain := p.Config.Handler
	p.Server = httptest.NewTLSServer(plain)
	t.Cleanup(p.Close)
}

func (p *publisher) id() string { return p.URL + "/client.json" }

const published = `{"client_id": "SELF", "client_name": "Editor", "redirect_uris": ["https://shop.example/callback"], "scope": "openid offline_access", "two_steps": "", "wishes": 1}`

func withDocuments(c *config.Config) { c.ClientMetadataDocuments = true }

// named is the relying party whose id is that address.
func named(t *testing.T, s *servertest.Site, id string) *servertest.Client {
	c := s.Discover(t, client.Client{ID: id, RedirectURIs: []string{servertest.ReturnURI}, IDTokenAlg: client.RS256}, "")
	c.OAuth.Endpoint.AuthStyle = 1 // in the form
	return c
}

// TestClientIDMetadataDocument signs a user with two steps in at an app that nobody has registered, whose id is the address of
// its document. The document is fetched once for many, followed when it changes, and what was given goes on while its host is away.
func TestClientIDMetadataDocument(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, withDocuments, func(t *testing.T, s *servertest.Site) {
		user := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		host := newPublisher(t, published)
		c := named(t, s, host.id())
		for _, status := range servertest.AtOnce(10, func(int) int {
			response, err := http.Get(c.Begin().Address)
			if err != nil {
				return 0
			}
			defer response.Body.Close()
			return response.StatusCode
		}) {
			if status != http.StatusOK {
				t.Errorf("one of many is answered with %d", status)
			}
		}
		if n := host.asked.Load(); n != 1 {
			t.Errorf("the document was fetched %d times for ten requests, want once", n)
		}
		v := c.Begin("scope", "openid offline_access email")
		consent := v.SignIn(s.NewBrowser(t), user.User).GiveCode(user.Phone.Code(0)).At("consent", "initial")
		u, _ := url.Parse(host.URL)
		if text := consent.Text(); !strings.Contains(text, "belongs to "+u.Host) || !strings.Contains(text, "Editor") || strings.Contains(text, "your organisation") {
			t.Errorf("the consent page says %s", text)
		}
		r := v.Finish(consent.Press("Allow")).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if got, err := s.Store.Client(t.Context(), host.id()); err != nil || got.RegisteredBy != client.ByDocument || !got.Public || got.Consent != client.ConsentAsk {
			t.Errorf("the client is %+v, %v", got, err)
		}
		b := s.NewBrowser(t)
		b.Open(c.Begin().Address).At("login", "initial")
		host.document.Store(strings.ReplaceAll(published, "/callback", "/other"))
		s.Clock.Advance(10 * time.Minute)
		if page := b.Open(c.Begin().Address); page.Left != nil || page.State != "request" {
			t.Errorf("a redirect URI that the document has no more leads to page %q, %v", page.Name, page.Left)
		}
		host.document.Store("gone")
		s.Clock.Advance(25 * time.Hour)
		if page := b.Open(c.Begin().Address); page.Left != nil || page.State != "request" || !strings.Contains(page.Text(), "cannot be fetched") {
			t.Errorf("without a document: page %q, %v: %s", page.Name, page.Left, page.Text())
		}
		tokens, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatalf("refresh while there is no document: %v", err)
		}
		s.KeepSecret(tokens.AccessToken)
		s.KeepSecret(tokens.RefreshToken)
	})
}

// TestMetadataDocumentsAreRefused: addresses that lead inside or elsewhere, documents that are of others, too large or faulty.
// Nothing is registered, and no redirect is followed.
func TestMetadataDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), withDocuments)
	b := s.NewBrowser(t)
	refused := func(what, id, want string) {
		t.Helper()
		c := servertest.Client{T: t, Site: s}
		c.OAuth.ClientID, c.OAuth.RedirectURL, c.OAuth.Endpoint.AuthURL = id, servertest.ReturnURI, s.Config.Issuer+"/authorize"
		page := b.Open(c.Begin().Address)
		if page.Left != nil || page.State != "request" || !strings.Contains(page.Text(), want) {
			t.Errorf("%s: page %q, state %q, %v, want %q: %s", what, page.Name, page.State, page.Left, want, page.Text())
		}
	}
	for id, want := range map[string]string{
		"https://10.1.2.3/client.json": "cannot be fetched", "https://169.254.169.254/latest/meta-data": "cannot be fetched", "https://[fd00::1]/client.json": "cannot be fetched",
		"http://shop.example/client.json": "must be https", "https://shop.example": "must have a path", "https://shop.example/": "must have a path",
		"https://ana@shop.example/c": "without a user name", "https://shop.example/a/../c": "segments", "https://shop.example/c#x": "a fragment",
		"https://shop.example/c?x=y": "a query", "javascript://shop.example/c": "must be https", "https://Shop.example/c": "lower case", "https://shop.example/" + strings.Repeat("a", 512): "512 bytes",
	} {
		refused(id, id, want)
	}
	for what, document := range map[string][2]string{
		"of another":         {strings.Replace(published, "SELF", "https://shop.example/client.json", 1), "must have that client_id"},
		"without an id":      {`{"redirect_uris": ["https://shop.example/callback"]}`, "must have that client_id"},
		"with a secret":      {strings.Replace(published, `"wishes"`, `"client_secret": "s", "wishes"`, 1), "must not have a secret"},
		"that needs one":     {strings.Replace(published, `"wishes"`, `"token_endpoint_auth_method": "client_secret_basic", "wishes"`, 1), "token_endpoint_auth_method"},
		"with a fragment":    {strings.ReplaceAll(published, "/callback", "/callback#x"), "redirect_uris"},
		"that a browser run": {strings.ReplaceAll(published, "https://shop.example/callback", "javascript:alert(1)"), "redirect_uris"},
		"large":              {published + strings.Repeat(" ", 17<<10), "cannot be fetched"},
		"huge":               {published + strings.Repeat(" ", 1<<20), "cannot be fetched"},
		"no JSON":            {"<html>", "cannot be fetched"},
	} {
		host := newPublisher(t, document[0])
		refused("a document "+what, host.id(), document[1])
	}
	host := newPublisher(t, published)
	refused("a redirect", host.URL+"/elsewhere.json", "cannot be fetched")
	if host.asked.Load() != 1 {
		t.Errorf("a redirect was followed: %d requests", host.asked.Load())
	}
	host.kind = "text/html"
	refused("a page", host.id(), "cannot be fetched")
	if all, err := s.Store.Clients(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("%d clients are registered, %v", len(all), err)
	}
	off := servertest.New(t, servertest.SQLite(t))
	s, b = off, off.NewBrowser(t)
	refused("where it is off", host.id(), "")
}

// TestMetadataDocumentHosts: of hosts that are not allowed nothing is fetched; and one network has not all new apps come.
func TestMetadataDocumentHosts(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), withDocuments, func(c *config.Config) {
		c.ClientMetadataHosts, c.RegistrationPerHour = []string{"*.shop.example", "127.0.0.1"}, 2
	})
	ask := func(id string) string {
		c := named(t, s, id)
		return s.NewBrowser(t).Open(c.Begin().Address).Text()
	}
	if got := ask("https://elsewhere.example/client.json"); !strings.Contains(got, "not known here") {
		t.Errorf("another host: %s", got)
	}
	for i := range 3 {
		got := ask(newPublisher(t, published).id())
		if limited := strings.Contains(got, "As many new apps have come"); limited != (i == 2) {
			t.Errorf("new app %d: %s", i+1, got)
		}
	}
}
