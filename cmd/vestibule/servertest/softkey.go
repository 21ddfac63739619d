package servertest

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"vestibule/config"
	"vestibule/mfa/webauthn/webauthntest"
)

// Keyed is a client whose only user has a passkey in software and recovery codes.
type Keyed struct {
	*Client
	Device *webauthntest.Authenticator
	Codes  []string
}

// OnLocalhost has the site called by a name: browsers keep passkeys for names alone.
func OnLocalhost(c *config.Config) { c.Issuer = strings.Replace(c.Issuer, "127.0.0.1", "localhost", 1) }

// NewKeyed is the client shop whose user ana has a passkey, at a site that is OnLocalhost, of that many servers.
func NewKeyed(t *testing.T, s *Site, servers int) *Keyed {
	t.Helper()
	s.Start(servers)
	s.AddUser("ana")
	k := &Keyed{s.NewClient(t, "shop"), webauthntest.New(s.Config.Issuer), nil}
	p := s.NewBrowser(t).Open("/account/setup/webauthn").GiveName("ana", Password).At("setup", "initial")
	p = p.Press("Create a passkey", "response", p.KeyMade(k.Device)).At("codes", "initial")
	k.Codes = p.RecoveryCodes()
	p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
	return k
}

// Asked is the page that asks for the passkey, in a new browser.
func (k *Keyed) Asked() (*Trip, *Page) {
	k.T.Helper()
	v := k.Begin()
	return v, v.SignIn(k.Site.NewBrowser(k.T), "ana").At("webauthn", "initial")
}

// KeyOptions are those that the page has for a browser's passkeys.
func (p *Page) KeyOptions() string {
	return Attribute(p.Find(func(n *html.Node) bool { return Attribute(n, "data-passkey") != "" }), "data-options")
}

// KeyMade is what a browser with the device answers to the page of a set-up.
func (p *Page) KeyMade(d *webauthntest.Authenticator) string {
	p.T.Helper()
	answer, err := d.Create(p.KeyOptions())
	if err != nil {
		p.T.Fatal(err)
	}
	return answer
}

// KeyAnswer is what a browser with the device answers to a page that asks for a passkey.
func (p *Page) KeyAnswer(d *webauthntest.Authenticator) string {
	p.T.Helper()
	answer, err := d.Get(p.KeyOptions())
	if err != nil {
		p.T.Fatal(err)
	}
	return answer
}

// GiveKey gives it.
func (p *Page) GiveKey(d *webauthntest.Authenticator) *Page {
	p.T.Helper()
	return p.Press("Use my passkey", "response", p.KeyAnswer(d))
}
