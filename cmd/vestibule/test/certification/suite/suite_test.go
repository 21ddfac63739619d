//go:build conformance

package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// suiteHost is where the suite believes to be (fintechlabs.base_url): this test serves it there, with TLS.
var suiteHost = setting("VESTIBULE_TEST_SUITE_HOST", "localhost:8443")

// setting is a variable of the environment.
func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// TestConformance runs each plan, or those that -run names, and fails for each module that fails.
func TestConformance(t *testing.T) {
	v := vouch(t)
	_, port, _ := strings.Cut(suiteHost, ":")
	v.serve(t, "127.0.0.1:"+port, before(setting("VESTIBULE_TEST_SUITE", "http://127.0.0.1:8080"), port))
	program := os.Getenv("VESTIBULE_TEST_SUITE_PROGRAM")
	if program == "" {
		program = servertest.Build(t)
	}
	r := &run{api: api{"https://" + suiteHost, v.client}, vouched: v, program: program}
	for _, p := range plans {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r.plan(t, p)
		})
	}
}

// run is one of the suite.
type run struct {
	api
	vouched
	program string
}

func (r *run) plan(t *testing.T, p plan) {
	server := newProvider(t, r.program, strings.ReplaceAll(p.name, " ", "-"), r.vouched, p.server...)
	id, modules := r.newPlan(t, p.suite, p.variant, server.settings(p.clients(server)))
	var results []string
	for _, m := range modules {
		t.Run(m.Name, func(t *testing.T) { results = append(results, r.module(t, server, id, m)) })
	}
	t.Logf("\n%s", strings.Join(results, "\n"))
}

// module runs one, as a user who has never been there, and says how it ended.
func (r *run) module(t *testing.T, server *provider, plan string, m module) string {
	u := server.newUser(t)
	u.refuses = strings.HasSuffix(m.Name, "user-rejects-authentication")
	if strings.HasSuffix(m.Name, "ensure-reused-request-uri-prior-to-auth-completion-succeeds") {
		u.idle = 1
	}
	id := r.begin(t, plan, m, func() {
		if strings.HasSuffix(m.Name, "server-rotate-keys") {
			server.Command("", "key", "rotate", "--alg", "RS256") // which signs its tokens: the suite knows no new key of the type OKP
			time.Sleep(publishing)
		}
	})
	s, shown := r.follow(t, id, u)
	entries, raw := r.log(t, id)
	if folder := os.Getenv("VESTIBULE_TEST_SUITE_LOGS"); folder != "" {
		file := filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "_")+".json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := fmt.Sprintf("%-8s %s", s.Result, m.Name)
	for _, e := range entries {
		if slices.Contains([]string{"FAILURE", "WARNING", "INTERRUPTED"}, e.Result) {
			shown = append(shown, fmt.Sprintf("%s %s: %s %s", e.Result, e.Source, e.Message, strings.Join(e.Requirements, " ")))
		}
	}
	if s.Result == "FAILED" || s.Status == "INTERRUPTED" {
		t.Errorf("the suite says %s", s.Result)
	}
	return strings.Join(append([]string{result}, shown...), "\n    ")
}

// follow is the user until the module has ended. It tells what the pages have shown that the suite wants a picture of.
func (r *run) follow(t *testing.T, id string, u *user) (s state, shown []string) {
	t.Helper()
	var seen []*servertest.Page
	var settled time.Time // no answer is on its way to the suite any more
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		if s = r.state(t, id); s.ended() {
			return s, shown
		}
		if s.Status != "WAITING" {
			continue
		}
		if to := r.next(t, id); to != nil {
			var left bool
			if seen, left = u.visit(*to); left {
				settled = time.Now().Add(reading)
			}
			continue
		}
		if len(seen) == 0 || time.Now().Before(settled) {
			continue
		}
		for _, wanted := range r.show(t, id) {
			shown = append(shown, fmt.Sprintf("%s The user saw: %s. The last page says: %s", wanted, names(seen), says(seen[len(seen)-1])))
		}
	}
	t.Errorf("the module has not ended after %s", patience)
	return s, shown
}

// publishing is how long it takes until a key that was made elsewhere is published.
const publishing = 70 * time.Second

// reading is how long the suite may take to read an answer. Of many an answer it wants no picture then.
const reading = 10 * time.Second

// patience is how long a module may take. Some wait for minutes until something has expired.
const patience = 6 * time.Minute
