package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"vestibule/config"
)

// demoWalk is a browser at the sample app of a demo, signed in as one of its users.
type demoWalk struct {
	*browser
	text string // what the demo printed
}

func newDemoWalk(t *testing.T) demoWalk {
	t.Helper()
	text, stop := startDemo(t, "--listen", "127.0.0.1:0", "--sample-listen", "127.0.0.1:0")
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	s := &site{t: t, config: config.Config{Issuer: found(t, text, `(http://\S+)/account/security`)}, clock: newClock()}
	return demoWalk{s.newBrowser(t), text}
}

// cross follows a page to another site.
func (d demoWalk) cross(p *page) *page {
	for p.left != nil {
		p = d.open(p.left.String())
	}
	return p
}

func (d demoWalk) signIn(p *page, name string) *page {
	d.t.Helper()
	return d.cross(p.at("login", "initial").press("Sign in", "username", name, "password", found(d.t, d.text, name+`\s+password +(\S+)`)))
}

func (d demoWalk) home() *page { return d.open(found(d.t, d.text, `Open this +(\S+)`)) }

// TestDemoTransfer makes the step-up: a user who signed in with the password is asked for the code, and for nothing
// else, when the API wants more than the app had asked for.
func TestDemoTransfer(t *testing.T) {
	d := newDemoWalk(t)
	p := d.cross(d.home().click("Sign in"))
	p = d.signIn(p, "ada").at("consent", "initial")
	p = d.cross(p.press("Allow")).at("sample", "signed-in")
	p.says(`["pwd"]`).says(`"aal1"`).says("you gave your password and nothing else").says("One step was enough")

	p = d.cross(p.press("Transfer 100")) // she has no authenticator, so she sets one up on the way
	if p.name == "continue" {
		p = p.press("Continue")
	}
	phone := p.at("setup", "initial").phone()
	p = p.press("Continue", "code", demoCode(t, phone.secret)).at("codes", "initial")
	p = d.cross(p.press("Turn on two-step verification", "saved", "on")).at("sample", "done")
	p.says("100 transferred. You have 900 left.").says("Reloading this page does not transfer again.").says(`["pwd","otp","mfa"]`).says(`"aal2"`)
	p.says("The app accepts nothing less").says(`claims={"id_token":{"acr":{"essential":true,"values":["aal2"]}}} max_age=300`)

	p = d.cross(p.press("Transfer 100")).at("sample", "done") // the new access token is good enough
	p.says("You have 800 left.")
}

// TestDemoTransferAtOnce asks nothing of a user who took two steps a moment ago.
func TestDemoTransferAtOnce(t *testing.T) {
	d := newDemoWalk(t)
	p := d.cross(d.home().click("Sign in"))
	p = d.signIn(p, "grace").at("totp", "initial").press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	p = d.cross(p.at("consent", "initial").press("Allow")).at("sample", "signed-in")
	p.says("You proved all of it in this sign-in.").says("The app did not ask for two steps.")
	d.cross(p.press("Transfer 100")).at("sample", "done").says("You have 900 left.") // nothing more is asked
}

// TestDemoTransferOfAnother has somebody else come back from the step-up.
func TestDemoTransferOfAnother(t *testing.T) {
	d := newDemoWalk(t)
	p := d.signIn(d.cross(d.home().click("Sign in")), "ada")
	d.cross(p.at("consent", "initial").press("Allow")).at("sample", "signed-in")
	p = d.cross(d.home().press("Transfer 100")).at("setup", "initial").press("Cancel")
	p = d.cross(p).at("sample", "problem").says("You did not take the second step, so nothing was transferred. The server said unmet_authentication_requirements: ").says("You are signed in.")
	if strings.Contains(p.text(), "..") {
		t.Error("a sentence has two full stops")
	}

	d.open("/logout").press("Sign out")
	p = d.signIn(d.cross(d.home().press("Transfer 100")), "grace")
	p = p.at("totp", "initial").press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	d.cross(p.at("consent", "initial").press("Allow")).at("sample", "problem").says("somebody else has signed in")
}

func demoCode(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestDemoInBrowser makes the step-up in a real browser, where the policy of the app's page must let its form lead to
// the server and back.
func TestDemoInBrowser(t *testing.T) {
	d := newDemoWalk(t)
	b := d.site.newTab(t)
	b.open(found(t, d.text, `Open this +(\S+)`)).at("sample", "signed-out").press("Sign in").at("login", "initial")
	b.put("username", "ada").put("password", found(t, d.text, `ada\s+password +(\S+)`)).press("Sign in")
	b.at("consent", "initial").press("Allow").at("sample", "signed-in")
	b.press("Transfer 100").at("setup", "initial")
	b.put("code", b.oathCode(b.scan(), 0)).press("Continue").at("codes", "initial")
	b.toggle("#saved").press("Turn on two-step verification").at("sample", "done")
	if got := evaluate[string](b, `document.querySelector(".done").innerText`); !strings.HasPrefix(got, "100 transferred. You have 900 left.") {
		t.Errorf("the page says %q", got)
	}
	b.press("Transfer 100").at("sample", "done")
}
