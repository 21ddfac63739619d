package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"
)

// phone is an authenticator app.
type phone struct {
	site   *site
	secret string
}

// code is the code of the current step, or of one that many steps away from it.
func (a phone) code(steps int) string {
	a.site.t.Helper()
	code, err := totp.GenerateCode(a.secret, a.site.clock.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		a.site.t.Fatalf("make a code: %v", err)
	}
	return code
}

// wrong is a code that is none of those of the next and the last minutes, another one each time: the same
// within ten seconds is taken for a double click.
func (a phone) wrong() string {
	for {
		candidate := fmt.Sprintf("%06d", a.site.guess.Add(1)*7919%1_000_000)
		if !a.near(candidate) {
			return candidate
		}
	}
}

func (a phone) near(code string) bool {
	for steps := -150; steps <= 150; steps++ {
		if a.code(steps) == code {
			return true
		}
	}
	return false
}

// giveName fills in the sign-in page.
func (p *page) giveName(name, secret string) *page {
	p.t.Helper()
	return p.press("Sign in", "username", name, "password", secret)
}

// signIn goes to the client's address and gives the password.
func (v *trip) signIn(b *browser, name string) *page {
	v.t.Helper()
	return b.open(v.address).at("login", "initial").giveName(name, password)
}

// giveCode fills in the page of the code.
func (p *page) giveCode(code string) *page {
	p.t.Helper()
	return p.press("Continue", "code", code)
}

// allow consents.
func (p *page) allow() *page {
	p.t.Helper()
	return p.at("consent", "initial").press("Allow")
}

// phone reads the key from the first page of an enrolment.
func (p *page) phone() phone {
	p.t.Helper()
	link := p.find(func(n *html.Node) bool { return strings.HasPrefix(attribute(n, "href"), "otpauth://") })
	if link == nil {
		p.t.Fatalf("page %s in state %s has no otpauth link:\n%s", p.name, p.state, p.text())
	}
	key := keyOf(p.t, attribute(link, "href"))
	p.site.keepSecret(key)
	return phone{p.site, key}
}

// recoveryCodes reads the codes from the second page.
func (p *page) recoveryCodes() []string {
	p.t.Helper()
	var codes []string
	for _, n := range p.all(element("code")) {
		codes = append(codes, text(n))
		p.site.keepSecret(text(n))
	}
	if len(codes) != 10 {
		p.t.Fatalf("page %s in state %s shows %d recovery codes, want 10: %q", p.name, p.state, len(codes), codes)
	}
	return codes
}

// enrol turns two-step verification on from the account pages. The code it uses is the one before
// the current, so that the current one is still good to sign in with.
func (b *browser) enrol(name string) (phone, []string) {
	b.t.Helper()
	p := b.open("/account/authenticators/new")
	if p.name == "login" {
		p = p.giveName(name, password)
	}
	a := p.at("setup", "initial").phone()
	p = p.press("Continue", "code", a.code(-1)).at("codes", "initial")
	codes := p.recoveryCodes()
	p.press("Turn on two-step verification", "saved", "on").at("security", "on")
	return a, codes
}

// keyOf reads an otpauth URI as an app does.
func keyOf(t *testing.T, uri string) string {
	t.Helper()
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	return key.Secret()
}
