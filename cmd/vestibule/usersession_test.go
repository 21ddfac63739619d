package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// TestUserSession has an operator see where a user is signed in, and sign the user out there: what came of that session ends, and
// nothing else.
func TestUserSession(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		c := s.NewClient(t, "shop")
		browsers := []*servertest.Browser{s.NewBrowser(t), s.NewBrowser(t)}
		var tokens []servertest.Tokens
		for _, b := range browsers {
			v := c.BeginOffline()
			p := v.SignIn(b, "ana")
			if p.Left == nil {
				p = p.Allow()
			}
			tokens = append(tokens, v.Finish(p))
			s.Clock.Advance(time.Minute) // they are listed in this order
		}
		var open []shownSession
		if err := json.Unmarshal([]byte(runCommand(t, s, "", "user", "session", "list", "--subject", ana.Subject, "--output", "json")), &open); err != nil {
			t.Fatal(err)
		}
		if len(open) != 2 || open[0].ID != tokens[0].Session || open[0].Browser != "A browser" || open[0].Address != "127.0.0.1" || strings.Join(open[0].AMR, " ") != "pwd" {
			t.Fatalf("ana's sessions are %+v, want that of %s first", open, tokens[0].Session)
		}
		for _, tt := range []struct{ args, want string }{
			{"user session list", "give NAME, or --subject in place of NAME"},
			{"user session end ana " + open[0].ID, "reason is missing"},
			{"user session list --subject mistyped", "there is no user with the subject mistyped"},
			{"user session end ana none --reason stolen", "ana has no session none"},
		} {
			if _, _, err := tryCommand(t, s, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.args, err, tt.want)
			}
		}
		if _, _, err := tryCommand(t, s, "user", "session", "list", "--subject", "mistyped"); strings.Contains(err.Error(), "has ended") {
			t.Errorf("a list says that something has ended: %v", err)
		}
		if said := runCommand(t, s, "", "user", "session", "end", "ana", open[0].ID, "--reason", "a stolen laptop"); !strings.Contains(said, "signed ana out in A browser") {
			t.Errorf("user session end says %s", said)
		}
		if table := runCommand(t, s, "", "user", "session", "list", "ana"); strings.Contains(table, open[0].ID) || !strings.Contains(table, open[1].ID) {
			t.Errorf("user session list says\n%s", table)
		}
		browsers[0].Open("/account/security").At("login", "initial")
		browsers[1].Open("/account/activity").Says("Signed out: A browser . a stolen laptop")
		for i, b := range []bool{false, true} {
			if _, err := c.Refresh(tokens[i].Token.RefreshToken); (err == nil) != b {
				t.Errorf("the tokens of session %d live: %v, want %v", i, err == nil, b)
			}
		}
	})
}
