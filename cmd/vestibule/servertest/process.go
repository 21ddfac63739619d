package servertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
)

// Shell runs commands and servers on one database as processes, by the clock of this machine. Use NewShell.
type Shell struct {
	T       *testing.T
	Site    *Site
	Environ []string // of what is started from now on
	Server  string   // the command that serves

	program string
	servers []*exec.Cmd // as the Site has them
	turn    int
}

// Build builds the program and returns its path, for a test that the program does not come with.
func Build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", folder, "vestibule/cmd/vestibule").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return filepath.Join(folder, "vestibule")
}

// NewShell is a site without servers, and a shell to start some with. The program is its path, or its name in PATH. All
// processes are killed when the test ends.
func NewShell(t *testing.T, program, database string) *Shell {
	t.Helper()
	s := NewFront(t, database)
	o := &Shell{T: t, Site: s, Server: "serve", program: program, Environ: append(os.Environ(),
		"VESTIBULE_ISSUER="+s.Config.Issuer, "VESTIBULE_LISTEN=127.0.0.1:0", "VESTIBULE_ADMIN_LISTEN=127.0.0.1:0",
		"VESTIBULE_DATABASE="+database, "VESTIBULE_SECRET_KEYS="+s.Config.SecretKeys[0])}
	t.Cleanup(func() {
		for _, server := range o.servers {
			o.end(server)
		}
	})
	return o
}

// Command runs a command and returns what it prints.
func (o *Shell) Command(input string, args ...string) []byte {
	o.T.Helper()
	var fault bytes.Buffer
	cmd := exec.CommandContext(o.T.Context(), o.program, args...)
	cmd.Env, cmd.Stdin, cmd.Stderr = o.Environ, strings.NewReader(input), &fault
	out, err := cmd.Output()
	if err != nil {
		o.T.Fatalf("vestibule %s: %v\n%s", strings.Join(args, " "), err, &fault)
	}
	return out
}

// AddUser creates a user with the password of all, and returns the subject.
func (o *Shell) AddUser(name string) string {
	o.T.Helper()
	var user struct{ Subject string }
	created := o.Command(Password, "user", "create", name, "--email", name+"@example.com", "--password-file", "-", "--output", "json")
	if err := json.Unmarshal(created, &user); err != nil {
		o.T.Fatalf("user create: %v in %s", err, created)
	}
	return user.Subject
}

// CreateShop registers a client, and returns what it knows of itself.
func (o *Shell) CreateShop() (c client.Client, secret string) {
	o.T.Helper()
	var said struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	created := o.Command("", "client", "create", "shop", "--name", "The shop", "--redirect-uri", ReturnURI, "--output", "json")
	if err := json.Unmarshal(created, &said); err != nil {
		o.T.Fatalf("client create: %v in %s", err, created)
	}
	return client.Client{ID: said.ID, RedirectURIs: []string{ReturnURI}}, said.Secret
}

// Start starts n servers, which answer in turn.
func (o *Shell) Start(n int) {
	o.T.Helper()
	o.servers = make([]*exec.Cmd, n)
	fronts := make([]*Instance, n)
	for i := range n {
		o.servers[i], fronts[i] = o.serve()
	}
	o.Site.Use(fronts...)
}

func (o *Shell) serve() (*exec.Cmd, *Instance) {
	o.T.Helper()
	cmd := exec.Command(o.program, o.Server)
	cmd.Env = o.Environ
	out, err := cmd.StderrPipe()
	if err != nil {
		o.T.Fatalf("serve: %v", err)
	}
	if err := cmd.Start(); err != nil {
		o.T.Fatalf("serve: %v", err)
	}
	lines := bufio.NewScanner(out)
	address := WaitListening(o.T, lines)[0]
	go io.Copy(o.Site.Log, out) // ends with the process
	return cmd, NewRemote(address)
}

// Kill ends one server with SIGKILL and starts another. It passes on the page that the browser shows.
func (o *Shell) Kill(p *Page) *Page {
	o.T.Helper()
	i := o.turn % len(o.servers)
	o.turn++
	fronts := append([]*Instance{}, o.Site.Servers()...)
	o.end(o.servers[i])
	o.servers[i], fronts[i] = o.serve()
	o.Site.Use(fronts...)
	return p
}

// KillAll is Kill for each server.
func (o *Shell) KillAll() {
	o.T.Helper()
	for range o.servers {
		o.Kill(nil)
	}
}

// Lose ends the server that has answered last with SIGKILL, so that the others go on without it, and returns what starts
// another in its place.
func (o *Shell) Lose() (replace func()) {
	o.T.Helper()
	i := int(o.Site.turn.Load() % uint64(len(o.servers)))
	o.end(o.servers[i])
	o.servers = slices.Delete(o.servers, i, i+1)
	o.Site.Use(slices.Delete(slices.Clone(o.Site.Servers()), i, i+1)...)
	return func() {
		server, front := o.serve()
		o.servers = append(o.servers, server)
		o.Site.Use(append(slices.Clone(o.Site.Servers()), front)...)
	}
}

func (o *Shell) end(server *exec.Cmd) {
	if err := server.Process.Kill(); err != nil {
		o.T.Errorf("kill: %v", err)
	}
	server.Wait() // says that it was killed
}

// WaitListening reads the log of a server up to the line that names its addresses: that of the pages and that of /healthz.
func WaitListening(t *testing.T, lines *bufio.Scanner) [2]string {
	t.Helper()
	var seen []string
	for lines.Scan() {
		seen = append(seen, lines.Text())
		var line struct {
			Msg    string
			Listen string
			Admin  string `json:"admin_listen"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			return [2]string{line.Listen, line.Admin}
		}
	}
	t.Fatalf("the server does not listen:\n%s", strings.Join(seen, "\n"))
	return [2]string{}
}

// RealCode is a code by the clock that processes have. Ahead of time is good: should a step end before the code arrives, it
// is still a neighbour.
func (a Phone) RealCode(steps int) string {
	a.Site.Clock.Advance(time.Since(a.Site.Clock.Now()))
	return a.Code(steps)
}
