package protocol

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// links are the addresses that the page leads to in a new tab, each of which must learn nothing of it.
func links(t *testing.T, p *servertest.Page) (all []string) {
	t.Helper()
	for _, n := range p.All(func(n *html.Node) bool { return n.Data == "a" }) {
		attributes := map[string]string{}
		for _, a := range n.Attr {
			attributes[a.Key] = a.Val
		}
		if attributes["target"] != "_blank" {
			continue
		}
		if all = append(all, attributes["href"]); attributes["rel"] != "noopener noreferrer" {
			t.Errorf("the link to %s has rel=%q", attributes["href"], attributes["rel"])
		}
	}
	return all
}

// TestConsentTellsOfTheApp shows the user what the app says of itself, and which API it wants to use. The logo comes from the
// server: its host never hears of the user.
func TestConsentTellsOfTheApp(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	e := servertest.NewEnrolled(t, s, 1)
	s.Clock.Advance(servertest.Step)
	api := s.NewInspectorAs(t, "api")
	s.ChangeClient(t, "api", func(c *client.Client) { c.Name, c.ResourceScopes = "Ledger", []string{"transfer"} })
	var asked atomic.Int64
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/logo.svg" {
			w.Header().Set("Content-Type", "image/png")
			w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
			return
		}
		w.Write(picture.Bytes())
	}))
	defer host.Close()
	c := s.NewClient(t, "books", func(c *client.Client) {
		c.LogoURI, c.URI, c.PolicyURI, c.TermsURI = host.URL+"/logo", "https://books.example/?a=1&b=2", "https://books.example/privacy", "https://books.example/terms"
		c.Scopes, c.IDTokenLifetime = append(c.Scopes, "transfer", "read"), 120
	})
	s.NewClient(t, "drawn", func(c *client.Client) { c.LogoURI = host.URL + "/logo.svg" })
	b := s.NewBrowser(t)
	v := c.Begin("scope", "openid transfer read", "resource", api.Resource)
	p := v.SignIn(b, e.User).GiveCode(e.Phone.Code(0)).At("consent", "initial").
		Says("The books will be able to use Ledger in your name").Says("transfer – a permission at Ledger").Says("read – a permission that this app defines").Says("Remember this choice")
	if got := links(t, p); !slices.Equal(got, []string{"https://books.example/?a=1&b=2", "https://books.example/privacy", "https://books.example/terms"}) {
		t.Errorf("the page leads to %q", got)
	}
	if strings.Contains(p.Body, host.URL) || !strings.Contains(p.Body, `<img class="logo" src="/consent/logo?client=books" alt="">`) || asked.Load() != 0 {
		t.Errorf("the logo is not from here, or was fetched for the page (%d times):\n%s", asked.Load(), p.Body)
	}
	if r := v.Finish(p.Allow()); r.Expires-r.IssuedAt != 120 {
		t.Errorf("the ID token is good for %d s", r.Expires-r.IssuedAt)
	}
	for path, want := range map[string]int{"?client=books": 200, "?client=drawn": 404, "?client=shop": 404, "?client=nobody": 404, "": 404} {
		for range 2 {
			got := ask(t, s, "/consent/logo"+path, nil, func(*http.Request) {})
			if got.status != want || want == 200 && (got.kind != "image/png" || got.body != picture.String()) {
				t.Errorf("%q answers %d %s", path, got.status, got.kind)
			}
		}
	}
	if asked.Load() != 2 {
		t.Errorf("logos were fetched %d times, want each of two once", asked.Load())
	}
	v = e.Begin("prompt", "consent")
	if p = b.Open(v.Address).At("consent", "initial"); len(links(t, p)) > 0 || strings.Contains(p.Body, "<img") || strings.Contains(p.Body, "in your name") {
		t.Errorf("an app that says nothing of itself is shown with\n%s", p.Body)
	}
}

// TestDeviceForAnAPI signs in devices that want tokens for an API. Whoever allows that is told so, and asked each time.
func TestDeviceForAnAPI(t *testing.T) {
	eachLiving(t, 1, func(t *testing.T, l *living) {
		api := l.Site.NewInspectorAs(t, "api")
		b := l.Site.NewBrowser(t)
		d := l.tv.NewDevice(t, "openid offline_access", "resource", api.Resource)
		p := l.signIn(d.Enter(b)).At("consent", "initial").Says("The tv will be able to use The API in your name")
		if strings.Contains(p.Body, `name="remember"`) {
			t.Error("a choice is to be remembered that is asked for each time")
		}
		p.Allow().At("device-done", "initial")
		first := wants(t, "the device", d.Poll(), "")
		renewed, err := l.tv.Refresh(first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if got := api.Ask(t, renewed.AccessToken); !got.Active || got.Subject == "" || l.Site.UserInfo(renewed.AccessToken) != http.StatusUnauthorized {
			t.Errorf("the API learns %+v", got)
		}
		l.tv.NewDevice(t, "openid", "resource", api.Resource).Enter(b).At("consent", "initial")
		for what, resource := range map[string]string{"another API": "https://other.example", "no address": "x"} {
			if got := l.Site.Ask(l.tv, l.Provider.Endpoint().DeviceAuthURL, map[string][]string{"scope": {"openid"}, "resource": {resource}}); got.Error != "invalid_target" {
				t.Errorf("%s: %+v, want invalid_target", what, got)
			}
		}
		gone := l.tv.NewDevice(t, "openid", "resource", api.Resource)
		p = gone.Enter(b).At("consent", "initial")
		l.Site.ChangeClient(t, "tv", func(c *client.Client) { c.Audiences = nil })
		l.Site.Clock.Advance(4 * time.Second)
		p.Allow().At("error", "request")
		wants(t, "an API that the client may not use any more", gone.PollNext(), "authorization_pending")
	})
}

// TestConsentIsForTheAPI: what a user has allowed an app without an API, or for another, is no leave to use this one.
func TestConsentIsForTheAPI(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	e := servertest.NewEnrolled(t, s, 1)
	s.Clock.Advance(servertest.Step)
	api, other := s.NewInspectorAs(t, "api"), s.NewInspector(t)
	b := s.NewBrowser(t)
	v := e.Begin("scope", "openid email")
	v.Finish(v.SignIn(b, e.User).GiveCode(e.Phone.Code(0)).At("consent", "initial").Allow())
	for _, resource := range []string{api.Resource, other.Resource} {
		v = e.Begin("scope", "openid", "prompt", "none", "resource", resource)
		v.Refused(b.Open(v.Address), "consent_required")
		v = e.Begin("scope", "openid", "resource", resource)
		v.Finish(b.Open(v.Address).At("consent", "initial").Says("will be able to use The API in your name").Allow())
		v = e.Begin("scope", "openid email", "prompt", "none", "resource", resource)
		v.Finish(b.Open(v.Address))
	}
	v = e.Begin("scope", "openid email", "prompt", "none")
	v.Finish(b.Open(v.Address))
}
