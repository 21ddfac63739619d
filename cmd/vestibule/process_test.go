package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
)

// TestProcesses knows only what an operator and a client know: commands, environment names, pages. The
// servers are processes, two of them where the database allows it, and each is killed with SIGKILL before
// every step, in the middle of enrolments and sign-ins.
func TestProcesses(t *testing.T) {
	for name, newDatabase := range map[string]func(*testing.T) string{"sqlite": sqliteDatabase, "postgres": postgresDatabase} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o := newOperator(t, newDatabase(t))
			o.command(password, "migrate", "up")
			o.command(password, "user", "create", "ana", "--email", "ana@example.com", "--password-file", "-")
			var c struct {
				ID     string `json:"client_id"`
				Secret string `json:"client_secret"`
			}
			created := o.command("", "client", "create", "shop", "--name", "The shop", "--redirect-uri", returnURI, "--output", "json")
			if err := json.Unmarshal(created, &c); err != nil {
				t.Fatalf("client create: %v in %s", err, created)
			}
			o.start(map[string]int{"sqlite": 1, "postgres": 2}[name])
			shop := s.discover(t, provider.Client{ID: c.ID, RedirectURIs: []string{returnURI}}, c.Secret)
			o.walk(t, s, shop)
			if status := string(o.command("", "user", "get", "ana")); !strings.Contains(status, "9 of 10") {
				t.Errorf("user get does not say that 9 recovery codes are left:\n%s", status)
			}
		})
	}
}

func (o *operator) walk(t *testing.T, s *site, shop *client) {
	t.Helper()
	b := s.newBrowser(t)
	v := shop.begin()
	p := o.kill(v.signIn(b, "ana").at("consent", "initial"))
	first := v.finish(p.allow())
	if first.ACR != "aal1" {
		t.Errorf("acr is %q, want aal1", first.ACR)
	}
	p = o.kill(b.open("/account/authenticators/new").at("setup", "initial"))
	a := p.phone()
	p = o.kill(p.press("Continue", "code", a.realCode(0)).at("codes", "initial"))
	codes := p.reload().recoveryCodes()

	other := s.newBrowser(t) // the factor is not on yet, and the killed server made no half of one
	v = shop.begin()
	v.finish(o.kill(v.signIn(other, "ana")))

	o.kill(p.press("Turn on two-step verification", "saved", "on").at("security", "on"))
	other = s.newBrowser(t)
	v = shop.begin("scope", "openid profile email offline_access")
	p = o.kill(other.open(v.address).at("login", "initial"))
	p = o.kill(p.giveName("ana", password).at("totp", "initial"))
	p = o.kill(p.giveCode(a.realCode(1)).at("consent", "initial"))
	second := v.finish(o.kill(p.press("Allow")))
	if second.ACR != "aal2" || strings.Join(second.AMR, " ") != "pwd otp mfa" {
		t.Errorf("amr is %q, acr %q; want pwd otp mfa and aal2", second.AMR, second.ACR)
	}
	renewed, err := shop.refresh(second.tokens.RefreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	shop.read(renewed).same(t, second)
	v = shop.begin("prompt", "none")
	v.finish(o.kill(other.open(v.address))).same(t, second)

	v = shop.begin()
	p = v.signIn(s.newBrowser(t), "ana").at("totp", "initial").click("Use a recovery code")
	p = o.kill(p.press("Continue", "recovery", codes[0]).at("recovery-used", "initial"))
	if third := v.finish(p.press("Continue")); strings.Join(third.AMR, " ") != "pwd mfa" {
		t.Errorf("amr is %q, want pwd mfa", third.AMR)
	}
}

// realCode is a code by the clock that the processes have. Ahead of time is good: should a step end before
// the code arrives, it is still a neighbour.
func (a phone) realCode(steps int) string {
	a.site.clock.advance(time.Since(a.site.clock.now()))
	return a.code(steps)
}

// operator runs commands and servers on one database.
type operator struct {
	t       *testing.T
	site    *site
	environ []string
	servers []*exec.Cmd
	turn    int
}

func newOperator(t *testing.T, database string) (*site, *operator) {
	t.Helper()
	s := &site{t: t, clock: newClock(), log: &journal{}}
	front := httptest.NewServer(s)
	t.Cleanup(front.Close)
	s.config.Issuer, s.config.SecretKeys, s.config.Database = front.URL, []string{mfa.NewKey()}, database
	t.Cleanup(s.checkLog)
	t.Cleanup(s.checkDump)
	o := &operator{t: t, site: s, environ: append(os.Environ(),
		"VESTIBULE_ISSUER="+front.URL, "VESTIBULE_LISTEN=127.0.0.1:0", "VESTIBULE_ADMIN_LISTEN=127.0.0.1:0",
		"VESTIBULE_DATABASE="+database, "VESTIBULE_SECRET_KEYS="+s.config.SecretKeys[0])}
	t.Cleanup(func() {
		for _, server := range o.servers {
			o.end(server)
		}
	})
	return s, o
}

// command runs a command and returns what it prints.
func (o *operator) command(input string, args ...string) []byte {
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

// start starts n servers, which answer in turn.
func (o *operator) start(n int) {
	o.t.Helper()
	o.servers = make([]*exec.Cmd, n)
	fronts := make([]*Instance, n)
	for i := range n {
		o.servers[i], fronts[i] = o.serve()
	}
	o.site.use(fronts...)
}

func (o *operator) serve() (*exec.Cmd, *Instance) {
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
	go io.Copy(o.site.log, out) // ends with the process
	return cmd, &Instance{handler: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})}
}

// kill ends one server with SIGKILL and starts another. It passes on the page that the browser shows.
func (o *operator) kill(p *page) *page {
	o.t.Helper()
	i := o.turn % len(o.servers)
	o.turn++
	fronts := append([]*Instance{}, o.site.instances()...)
	o.end(o.servers[i])
	o.servers[i], fronts[i] = o.serve()
	o.site.use(fronts...)
	return p
}

func (o *operator) end(server *exec.Cmd) {
	if err := server.Process.Kill(); err != nil {
		o.t.Errorf("kill: %v", err)
	}
	server.Wait() // says that it was killed
}
