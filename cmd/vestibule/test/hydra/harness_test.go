// Package hydra walks through sign-ins that an Ory Hydra asks for, over whole servers.
package hydra

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/hydra/hydratest"
)

const (
	callback = "http://127.0.0.1:9/callback"
	required = `{"vestibule":{"two_steps":"required"}}`
	refeds   = "https://refeds.org/profile/mfa"
)

// world is a Hydra, and servers that are its login and consent app.
type world struct {
	*servertest.Site
	t     *testing.T
	hydra *hydratest.Hydra
	shell *servertest.Shell // has processes for servers, which go by the real clock; nil: they are part of the test
}

// each runs the test on each database, with two servers that answer in turn, and with a Hydra of either kind.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	for name, stateless := range map[string]bool{"stateful": false, "stateless": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servertest.EachDatabase(t, func(t *testing.T, database string) {
				test(t, newWorld(t, database, hydratest.Config{Stateless: stateless}))
			})
		})
	}
}

func newWorld(t *testing.T, database string, c hydratest.Config, more ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t}
	c.Now = func() time.Time { return w.Clock.Now() }
	w.hydra = hydratest.Start(t, c)
	w.Site = servertest.New(t, database, append(more, func(c *config.Config) { c.HydraAdminURL = w.hydra.AdminURL })...)
	w.Site.Start(2)
	w.introduce()
	return w
}

// introduce tells Hydra of the pages, and of two clients.
func (w *world) introduce() {
	u := w.Config.Issuer
	w.hydra.SetURLs(hydratest.URLs{
		Login: u + "/hydra/login", Consent: u + "/hydra/consent", Logout: u + "/hydra/logout", Error: u + "/hydra/error",
		Device: u + "/hydra/device", DeviceDone: u + "/hydra/device/done", LoggedOut: u + "/logged-out",
	})
	w.client("shop", "")
	w.client("bank", required)
}

func (w *world) client(id, metadata string) {
	w.hydra.SetClient(hydratest.Client{
		ID: id, Name: "The " + id, Secret: "secret", RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{callback},
		Scope: "openid offline_access profile email address phone groups", Metadata: json.RawMessage(metadata),
	})
}

// user is somebody with a browser, who does what the pages ask for.
type user struct {
	*world
	t       *testing.T
	b       *servertest.Browser
	name    string
	subject string
	phone   servertest.Phone
	codes   []string
	denies  bool // does not allow anything

	pages []string          // seen since the last request
	meets func(page string) // told of each page before it is answered; nil: nobody is
}

func (w *world) user(t *testing.T, name string) *user {
	t.Helper()
	u := &user{world: w, t: t, b: w.NewBrowser(t), name: name}
	if w.shell != nil {
		u.subject = w.shell.AddUser(name)
	} else {
		u.subject = w.AddUser(name).Subject
	}
	return u
}

// enrol gives the user an authenticator, in another browser.
func (u *user) enrol() *user {
	u.t.Helper()
	if u.shell != nil { // the code of the step before is that of now
		u.Clock.Advance(time.Since(u.Clock.Now()) + servertest.Step)
	}
	u.phone, u.codes = u.NewBrowser(u.t).Enrol(u.name)
	return u
}

// ask has the client send the browser to Hydra, and does what it takes to come back. It returns what the client gets.
func (u *user) ask(client string, pairs ...string) url.Values {
	u.t.Helper()
	u.pages = nil
	return u.goOn(u.open(u.authURL(client, pairs...)))
}

func (u *user) authURL(client string, pairs ...string) string {
	return u.hydra.AuthURL(client, callback, append([]string{"scope", "openid offline_access profile"}, pairs...)...)
}

// open follows redirects between Hydra and the site.
func (u *user) open(address string) *servertest.Page {
	u.t.Helper()
	return u.follow(u.b.Open(address))
}

func (u *user) follow(p *servertest.Page) *servertest.Page {
	u.t.Helper()
	for range 20 {
		if p.Left == nil || !u.isOurs(p.Left) {
			return p
		}
		p = u.b.Open(p.Left.String())
	}
	u.t.Fatalf("too many redirects, the last to %s", p.Left)
	return nil
}

func (u *user) isOurs(to *url.URL) bool {
	return strings.HasPrefix(to.String(), u.hydra.URL) || strings.HasPrefix(to.String(), u.Config.Issuer)
}

// goOn does what each page asks for.
func (u *user) goOn(p *servertest.Page) url.Values {
	u.t.Helper()
	for range 12 {
		if p.Left != nil {
			return p.Left.Query()
		}
		u.pages = append(u.pages, p.Name)
		if u.meets != nil {
			u.meets(p.Name)
		}
		p = u.follow(u.answer(p))
	}
	u.t.Fatalf("the pages do not end: %v", u.pages)
	return nil
}

func (u *user) answer(p *servertest.Page) *servertest.Page {
	u.t.Helper()
	switch p.Name {
	case "login":
		return p.GiveName(u.name, servertest.Password)
	case "totp":
		return p.Press("Continue", "code", u.code(1))
	case "setup":
		u.phone = p.Phone()
		return p.Press("Continue", "code", u.code(0))
	case "codes":
		return p.Press("Turn on two-step verification", "saved", "yes")
	case "consent":
		if u.denies {
			return p.Press("Don’t allow")
		}
		if p.Find(func(n *html.Node) bool { return servertest.Attribute(n, "name") == "remember" }) == nil { // a device is asked for each time
			return p.Press("Allow")
		}
		return p.Press("Allow", "remember", "yes")
	}
	u.t.Fatalf("nobody knows what to do at page %s in state %s (%d):\n%s", p.Name, p.State, p.Status, p.Text())
	return nil
}

// code is what the phone shows after so many steps.
func (u *user) code(steps int) string {
	if u.shell != nil {
		return u.phone.RealCode(steps)
	}
	u.Clock.Advance(time.Duration(steps) * servertest.Step)
	return u.phone.Code(0)
}

// claims are those of an ID token that matter here.
type claims struct {
	Subject  string   `json:"sub"`
	Session  string   `json:"sid"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	AuthTime int64    `json:"auth_time"`
	Username string   `json:"preferred_username"`
}

// redeem exchanges the code as any client would.
func (u *user) redeem(client string, answer url.Values) (claims, *oauth2.Token) {
	u.t.Helper()
	if answer.Get("code") == "" {
		u.t.Fatalf("the client gets %v after pages %v", answer, u.pages)
	}
	token, err := u.oauth(client).Exchange(u.t.Context(), answer.Get("code"))
	if err != nil {
		u.t.Fatal(err)
	}
	return u.read(client, token), token
}

func (u *user) oauth(client string) *oauth2.Config {
	return &oauth2.Config{ClientID: client, ClientSecret: "secret", RedirectURL: callback, Endpoint: u.issuer().Endpoint()}
}

func (u *user) issuer() *oidc.Provider {
	u.t.Helper()
	p, err := oidc.NewProvider(context.Background(), u.hydra.URL)
	if err != nil {
		u.t.Fatal(err)
	}
	return p
}

func (u *user) read(client string, token *oauth2.Token) (c claims) {
	u.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := u.issuer().Verifier(&oidc.Config{ClientID: client, Now: u.Clock.Now}).Verify(u.t.Context(), raw)
	if err == nil {
		err = id.Claims(&c)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	return c
}

// sees asks, and fails the test unless the pages on the way are those.
func (u *user) sees(pages string, client string, pairs ...string) claims {
	u.t.Helper()
	c, token := u.redeem(client, u.ask(client, pairs...))
	if got := strings.Join(u.pages, " "); got != pages {
		u.t.Errorf("%s with %q: pages %q, want %q", client, pairs, got, pages)
	}
	u.introspects(token, c)
	return c
}

// hears asks, and fails the test unless the client gets the error, and the pages on the way are those.
func (u *user) hears(code, pages string, client string, pairs ...string) {
	u.t.Helper()
	if got := u.ask(client, pairs...); got.Get("error") != code || strings.Join(u.pages, " ") != pages {
		u.t.Errorf("%s with %q: the client gets %v after pages %v, want %s after %q", client, pairs, got, u.pages, code, pages)
	}
}

// introspects holds what an API learns of the access token to the ID token.
func (u *user) introspects(token *oauth2.Token, want claims) {
	u.t.Helper()
	response, err := http.PostForm(u.hydra.AdminURL+"/admin/oauth2/introspect", url.Values{"token": {token.AccessToken}})
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		Active bool   `json:"active"`
		Ext    claims `json:"ext"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		u.t.Fatal(err)
	}
	if !got.Active || got.Ext.ACR != want.ACR || !slices.Equal(got.Ext.AMR, want.AMR) || got.Ext.AuthTime == 0 || got.Ext.AuthTime > want.AuthTime {
		u.t.Errorf("introspection says %+v, the ID token %+v", got, want)
	}
}

// are fails the test unless the claims say that.
func (c claims) are(t *testing.T, acr string, amr ...string) claims {
	t.Helper()
	if c.ACR != acr || !slices.Equal(c.AMR, amr) {
		t.Errorf("acr %q, amr %v; want %q, %v", c.ACR, c.AMR, acr, amr)
	}
	return c
}

// at fails the test unless auth_time is as it was before, or is later.
func (c claims) at(t *testing.T, before claims, later bool) claims {
	t.Helper()
	if later != (c.AuthTime > before.AuthTime) || !later && c.AuthTime != before.AuthTime {
		t.Errorf("auth_time %d, before %d; want it later: %v", c.AuthTime, before.AuthTime, later)
	}
	return c
}
