package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestProcesses knows only what an operator and a client know: commands, environment names, pages. The
// servers are processes, two of them where the database allows it, and each is killed with SIGKILL before
// every step, in the middle of enrolments and sign-ins.
func TestProcesses(t *testing.T) {
	t.Parallel()
	for name, newDatabase := range map[string]func(*testing.T) string{"sqlite": servertest.SQLite, "postgres": servertest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o := newOperator(t, newDatabase(t))
			o.command(servertest.Password, "migrate", "up")
			o.command(servertest.Password, "user", "create", "ana", "--email", "ana@example.com", "--password-file", "-")
			c, secret := o.createShop()
			o.start(map[string]int{"sqlite": 1, "postgres": 2}[name])
			shop := s.Discover(t, c, secret)
			o.walk(t, s, shop)
			if status := string(o.command("", "user", "get", "ana")); !strings.Contains(status, "9 of 10") {
				t.Errorf("user get does not say that 9 recovery codes are left:\n%s", status)
			}
		})
	}
}

func (o *shell) walk(t *testing.T, s *servertest.Site, shop *servertest.Client) {
	t.Helper()
	b := s.NewBrowser(t)
	v := shop.Begin()
	p := o.kill(v.SignIn(b, "ana").At("consent", "initial"))
	first := v.Finish(p.Allow())
	if first.ACR != "aal1" {
		t.Errorf("acr is %q, want aal1", first.ACR)
	}
	p = o.kill(b.Open("/account/authenticators/new").At("setup", "initial"))
	a := p.Phone()
	p = o.kill(p.Press("Continue", "code", realCode(a, 0)).At("codes", "initial"))
	codes := p.Reload().RecoveryCodes()

	other := s.NewBrowser(t) // the factor is not on yet, and the killed server made no half of one
	v = shop.Begin()
	v.Finish(o.kill(v.SignIn(other, "ana")))

	o.kill(p.Press("Turn on two-step verification", "saved", "on").At("security", "on"))
	other = s.NewBrowser(t)
	v = shop.Begin("scope", "openid profile email offline_access")
	p = o.kill(other.Open(v.Address).At("login", "initial"))
	p = o.kill(p.GiveName("ana", servertest.Password).At("totp", "initial"))
	p = o.kill(p.GiveCode(realCode(a, 1)).At("consent", "initial"))
	second := v.Finish(o.kill(p.Press("Allow")))
	if second.ACR != "aal2" || strings.Join(second.AMR, " ") != "pwd otp mfa" {
		t.Errorf("amr is %q, acr %q; want pwd otp mfa and aal2", second.AMR, second.ACR)
	}
	renewed, err := shop.Refresh(second.Token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	shop.Read(renewed).Same(t, second)
	v = shop.Begin("prompt", "none")
	v.Finish(o.kill(other.Open(v.Address))).Same(t, second)

	v = shop.Begin()
	p = v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial").Click("Use a recovery code")
	p = o.kill(p.Press("Continue", "recovery", codes[0]).At("recovery-used", "initial"))
	if third := v.Finish(p.Press("Continue")); strings.Join(third.AMR, " ") != "pwd mfa" {
		t.Errorf("amr is %q, want pwd mfa", third.AMR)
	}
}

// realCode is a code by the clock that the processes have. Ahead of time is good: should a step end before
// the code arrives, it is still a neighbour.
func realCode(a servertest.Phone, steps int) string {
	a.Site.Clock.Advance(time.Since(a.Site.Clock.Now()))
	return a.Code(steps)
}

// shell runs commands and servers on one database.
type shell struct {
	t       *testing.T
	site    *servertest.Site
	environ []string
	servers []*exec.Cmd
	turn    int
}

func newOperator(t *testing.T, database string) (*servertest.Site, *shell) {
	t.Helper()
	s := servertest.NewFront(t, database)
	o := &shell{t: t, site: s, environ: append(os.Environ(),
		"VESTIBULE_ISSUER="+s.Config.Issuer, "VESTIBULE_LISTEN=127.0.0.1:0", "VESTIBULE_ADMIN_LISTEN=127.0.0.1:0",
		"VESTIBULE_DATABASE="+database, "VESTIBULE_SECRET_KEYS="+s.Config.SecretKeys[0])}
	t.Cleanup(func() {
		for _, server := range o.servers {
			o.end(server)
		}
	})
	return s, o
}

// command runs a command and returns what it prints.
func (o *shell) command(input string, args ...string) []byte {
	o.t.Helper()
	var fault bytes.Buffer
	cmd := exec.CommandContext(o.t.Context(), "vestibule", args...)
	cmd.Env, cmd.Stdin, cmd.Stderr = o.environ, strings.NewReader(input), &fault
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("vestibule %s: %v\n%s", strings.Join(args, " "), err, &fault)
	}
	return out
}

// createShop registers a client, and returns what it knows of itself.
func (o *shell) createShop() (c client.Client, secret string) {
	o.t.Helper()
	var said struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	created := o.command("", "client", "create", "shop", "--name", "The shop", "--redirect-uri", servertest.ReturnURI, "--output", "json")
	if err := json.Unmarshal(created, &said); err != nil {
		o.t.Fatalf("client create: %v in %s", err, created)
	}
	return client.Client{ID: said.ID, RedirectURIs: []string{servertest.ReturnURI}}, said.Secret
}

// start starts n servers, which answer in turn.
func (o *shell) start(n int) {
	o.t.Helper()
	o.servers = make([]*exec.Cmd, n)
	fronts := make([]*servertest.Instance, n)
	for i := range n {
		o.servers[i], fronts[i] = o.serve()
	}
	o.site.Use(fronts...)
}

func (o *shell) serve() (*exec.Cmd, *servertest.Instance) {
	o.t.Helper()
	cmd := exec.Command("vestibule", "serve")
	cmd.Env = o.environ
	out, err := cmd.StderrPipe()
	if err != nil {
		o.t.Fatalf("serve: %v", err)
	}
	if err := cmd.Start(); err != nil {
		o.t.Fatalf("serve: %v", err)
	}
	lines := bufio.NewScanner(out)
	address := waitListening(o.t, lines)[0]
	go io.Copy(o.site.Log, out) // ends with the process
	return cmd, servertest.NewRemote(address)
}

// kill ends one server with SIGKILL and starts another. It passes on the page that the browser shows.
func (o *shell) kill(p *servertest.Page) *servertest.Page {
	o.t.Helper()
	i := o.turn % len(o.servers)
	o.turn++
	fronts := append([]*servertest.Instance{}, o.site.Servers()...)
	o.end(o.servers[i])
	o.servers[i], fronts[i] = o.serve()
	o.site.Use(fronts...)
	return p
}

func (o *shell) end(server *exec.Cmd) {
	if err := server.Process.Kill(); err != nil {
		o.t.Errorf("kill: %v", err)
	}
	server.Wait() // says that it was killed
}
