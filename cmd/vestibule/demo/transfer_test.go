package demo

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"vestibule/cmd/vestibule/servertest"
)

// demoWalk is a browser at the sample app of a demo, signed in as one of its users.
type demoWalk struct {
	*servertest.Browser
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
	s := servertest.Elsewhere(t, found(t, text, `(http://\S+)/account/security`))
	return demoWalk{s.NewBrowser(t), text}
}

// cross follows a page to another site.
func (d demoWalk) cross(p *servertest.Page) *servertest.Page {
	for p.Left != nil {
		p = d.Open(p.Left.String())
	}
	return p
}

func (d demoWalk) signIn(p *servertest.Page, name string) *servertest.Page {
	d.T.Helper()
	return d.cross(p.At("login", "initial").Press("Sign in", "username", name, "password", found(d.T, d.text, name+`\s+password +(\S+)`)))
}

func (d demoWalk) home() *servertest.Page { return d.Open(found(d.T, d.text, `Open this +(\S+)`)) }

// TestDemoTransfer makes the step-up: a user who signed in with the password is asked for the code, and for nothing
// else, when the API wants more than the app had asked for.
func TestDemoTransfer(t *testing.T) {
	t.Parallel()
	d := newDemoWalk(t)
	p := d.cross(d.home().Click("Sign in"))
	p = d.signIn(p, "ada").At("consent", "initial")
	p = d.cross(p.Press("Allow")).At("sample", "signed-in")
	p.Says(`["pwd"]`).Says(`"aal1"`).Says("you gave your password and nothing else").Says("One step was enough")

	p = d.cross(p.Press("Transfer 100")) // she has no authenticator, so she sets one up on the way
	if p.Name == "continue" {
		p = p.Press("Continue")
	}
	p = p.At("setup", "initial").Click("Add an authenticator app").At("setup", "initial")
	phone := p.Phone()
	p = p.Press("Continue", "code", demoCode(t, phone.Secret)).At("codes", "initial")
	p = d.cross(p.Press("Turn on two-step verification", "saved", "on")).At("sample", "done")
	p.Says("100 transferred. You have 900 left.").Says("Reloading this page does not transfer again.").Says(`["pwd","otp","mfa"]`).Says(`"aal2"`)
	p.Says("The app accepts nothing less").Says(`claims={"id_token":{"acr":{"essential":true,"values":["aal2"]}}} max_age=300`)

	p = d.cross(p.Press("Transfer 100")).At("sample", "done") // the new access token is good enough
	p.Says("You have 800 left.")
}

// TestDemoTransferAtOnce asks nothing of a user who took two steps a moment ago.
func TestDemoTransferAtOnce(t *testing.T) {
	t.Parallel()
	d := newDemoWalk(t)
	p := d.cross(d.home().Click("Sign in"))
	p = d.signIn(p, "grace").At("totp", "initial").Press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	p = d.cross(p.At("consent", "initial").Press("Allow")).At("sample", "signed-in")
	p.Says("You proved all of it in this sign-in.").Says("The app did not ask for two steps.")
	d.cross(p.Press("Transfer 100")).At("sample", "done").Says("You have 900 left.") // nothing more is asked
}

// TestDemoTransferOfAnother has somebody else come back from the step-up.
func TestDemoTransferOfAnother(t *testing.T) {
	t.Parallel()
	d := newDemoWalk(t)
	p := d.signIn(d.cross(d.home().Click("Sign in")), "ada")
	d.cross(p.At("consent", "initial").Press("Allow")).At("sample", "signed-in")
	p = d.cross(d.home().Press("Transfer 100")).At("setup", "initial").Press("Cancel")
	p = d.cross(p).At("sample", "problem").Says("You did not take the second step, so nothing was transferred. The server said unmet_authentication_requirements: ").Says("You are signed in.")
	if strings.Contains(p.Text(), "..") {
		t.Error("a sentence has two full stops")
	}

	d.Open("/logout").Press("Sign out")
	p = d.signIn(d.cross(d.home().Press("Transfer 100")), "grace")
	p = p.At("totp", "initial").Press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	d.cross(p.At("consent", "initial").Press("Allow")).At("sample", "problem").Says("somebody else has signed in")
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
	t.Parallel()
	d := newDemoWalk(t)
	b := d.Site.NewTab(t)
	b.Open(found(t, d.text, `Open this +(\S+)`)).At("sample", "signed-out").Press("Sign in").At("login", "initial")
	b.Put("username", "ada").Put("password", found(t, d.text, `ada\s+password +(\S+)`)).Press("Sign in")
	b.At("consent", "initial").Press("Allow").At("sample", "signed-in")
	b.Press("Transfer 100").At("setup", "initial").Press("Add an authenticator app").At("setup", "initial")
	d.Site.Clock.Advance(time.Since(d.Site.Clock.Now())) // the demo goes by the real one
	b.Put("code", b.OathCode(b.Scan(), 0)).Press("Continue").At("codes", "initial")
	b.Toggle("#saved").Press("Turn on two-step verification").At("sample", "done")
	if got := servertest.Evaluate[string](b, `document.querySelector(".done").innerText`); !strings.HasPrefix(got, "100 transferred. You have 900 left.") {
		t.Errorf("the page says %q", got)
	}
	b.Press("Transfer 100").At("sample", "done")
}
