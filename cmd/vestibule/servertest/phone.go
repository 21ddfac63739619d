package servertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"
)

// Phone is an authenticator app.
type Phone struct {
	Site   *Site
	Secret string
}

// Code is the code of the current step, or of one that many steps away from it.
func (a Phone) Code(steps int) string {
	a.Site.T.Helper()
	code, err := totp.GenerateCode(a.Secret, a.Site.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		a.Site.T.Fatalf("make a code: %v", err)
	}
	return code
}

// Wrong is a code that is none of those of the next and the last minutes, another one each time: the same
// within ten seconds is taken for a double click.
func (a Phone) Wrong() string {
	for {
		candidate := fmt.Sprintf("%06d", a.Site.guess.Add(1)*7919%1_000_000)
		if !a.near(candidate) {
			return candidate
		}
	}
}

func (a Phone) near(code string) bool {
	for steps := -150; steps <= 150; steps++ {
		if a.Code(steps) == code {
			return true
		}
	}
	return false
}

// GiveName fills in the sign-in page.
func (p *Page) GiveName(name, secret string) *Page {
	p.T.Helper()
	return p.Press("Sign in", "username", name, "password", secret)
}

// SignIn goes to the client's address and gives the password.
func (v *Trip) SignIn(b *Browser, name string) *Page {
	v.T.Helper()
	return b.Open(v.Address).At("login", "initial").GiveName(name, Password)
}

// GiveCode fills in the page of the code.
func (p *Page) GiveCode(code string) *Page {
	p.T.Helper()
	return p.Press("Continue", "code", code)
}

// Allow consents.
func (p *Page) Allow() *Page {
	p.T.Helper()
	return p.At("consent", "initial").Press("Allow")
}

// Phone reads the key from the first page of an enrolment.
func (p *Page) Phone() Phone {
	p.T.Helper()
	link := p.Find(func(n *html.Node) bool { return strings.HasPrefix(Attribute(n, "href"), "otpauth://") })
	if link == nil {
		p.T.Fatalf("page %s in state %s has no otpauth link:\n%s", p.Name, p.State, p.Text())
	}
	key := KeyOf(p.T, Attribute(link, "href"))
	p.Site.KeepSecret(key)
	return Phone{p.Site, key}
}

// RecoveryCodes reads the codes from the second page.
func (p *Page) RecoveryCodes() []string {
	p.T.Helper()
	var codes []string
	for _, n := range p.All(Element("code")) {
		codes = append(codes, TextOf(n))
		p.Site.KeepSecret(TextOf(n))
	}
	if len(codes) != 10 {
		p.T.Fatalf("page %s in state %s shows %d recovery codes, want 10: %q", p.Name, p.State, len(codes), codes)
	}
	return codes
}

// Enrol turns two-step verification on from the account pages. The code it uses is the one before
// the current, so that the current one is still good to sign in with.
func (b *Browser) Enrol(name string) (Phone, []string) {
	b.T.Helper()
	p := b.Open("/account/authenticators/new")
	if p.Name == "login" {
		p = p.GiveName(name, Password)
	}
	a := p.At("setup", "initial").Phone()
	p = p.Press("Continue", "code", a.Code(-1)).At("codes", "initial")
	codes := p.RecoveryCodes()
	p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
	return a, codes
}

// KeyOf reads an otpauth URI as an app does.
func KeyOf(t testing.TB, uri string) string {
	t.Helper()
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	return key.Secret()
}

// SetUp goes through the pages of a new authenticator inside a sign-in.
func (p *Page) SetUp() (*Page, Phone) {
	p.T.Helper()
	a := p.At("setup", "initial").Phone()
	p = p.Press("Continue", "code", a.Code(-1)).At("codes", "initial")
	p.RecoveryCodes()
	return p.Press("Turn on two-step verification", "saved", "on"), a
}

// Step is as long as a one-time code is good for.
const Step = 30 * time.Second
