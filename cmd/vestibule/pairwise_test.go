package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// TestFindPairwise has an operator find the user whom an app speaks of, before and after the secret key was replaced, which leaves
// all subjects as they are; and have the app know users otherwise.
func TestFindPairwise(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		c := s.NewClient(t, "shop", func(c *client.Client) { c.SubjectType = client.SubjectPairwise })
		s.NewClient(t, "bank", func(c *client.Client) {
			c.SubjectType, c.RedirectURIs = client.SubjectPairwise, []string{"https://bank.example/cb"}
		})
		s.NewClient(t, "till", func(c *client.Client) { c.SubjectType = client.SubjectPairwise })
		b := s.NewBrowser(t)
		v := c.Begin()
		sub := v.Finish(v.SignIn(b, "ana").Allow()).Subject
		find := func() {
			t.Helper()
			var found knownUser
			if err := json.Unmarshal([]byte(runCommand(t, s, "", "user", "find", "--pairwise", sub, "--output", "json")), &found); err != nil {
				t.Fatal(err)
			}
			if found.Subject != ana.Subject || found.Username != "ana" || !slices.Equal(found.Clients, []string{"shop", "till"}) || sub == ana.Subject {
				t.Errorf("%s is %+v", sub, found)
			}
		}
		find()
		old, fresh := s.Config.SecretKeys[0], mfa.NewKey()
		s.KeepSecret(old)
		s.Config.SecretKeys = []string{fresh, old}
		if said := runCommand(t, s, "", "secret-key", "rotate"); !strings.Contains(said, "1 keys of pairwise subjects") {
			t.Errorf("secret-key rotate says %s", said)
		}
		s.Config.SecretKeys = []string{fresh}
		s.Start(1)
		find()
		v = c.Begin()
		if again := v.Finish(v.SignIn(s.NewBrowser(t), "ana")).Subject; again != sub {
			t.Errorf("with another secret key the subject is %s, was %s", again, sub)
		}
		for _, unknown := range []string{ana.Subject, "made-up"} {
			if _, _, err := tryCommand(t, s, "user", "find", "--pairwise", unknown); err == nil || !strings.Contains(err.Error(), "no app knows") {
				t.Errorf("%s: %v", unknown, err)
			}
		}
		if _, said, err := tryCommand(t, s, "client", "update", "shop", "--subject-type", "public"); err != nil || !strings.Contains(said, "other subjects from now on") {
			t.Errorf("the operator is told %q, %v", said, err)
		}
		if e := s.Events(t, "", audit.EventAdminClientUpdated); len(e) != 1 || e[0].Detail["changed"] != "subject_type" || e[0].Detail["subjects"] != "changed" {
			t.Errorf("the audit log has %+v", e)
		}
		if _, said, err := tryCommand(t, s, "client", "update", "till", "--name", "Till"); err != nil || strings.Contains(said, "other subjects") {
			t.Errorf("the operator is told %q, %v", said, err)
		}
	})
}

// tryCommand is runCommand for one that may fail, and what it says of that.
func tryCommand(t *testing.T, s *servertest.Site, args ...string) (out, said string, err error) {
	t.Helper()
	var o, fault bytes.Buffer
	environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ","), "VESTIBULE_ISSUER=" + s.Config.Issuer}
	err = run(t.Context(), args, newEnv(environ, strings.NewReader(""), &o, &fault))
	return o.String(), fault.String(), err
}

// TestSectorOfAnApp has commands fetch what vouches for an app, when it is registered and when that changes.
func TestSectorOfAnApp(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	body, asked := `["https://shop.example.com/cb","https://till.example.com/cb"]`, 0
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Write([]byte(body))
	}))
	defer host.Close()
	for _, tt := range []struct {
		args, want string
		asked      int
	}{
		{"client create shop --subject-type pairwise --redirect-uri https://shop.example.com/cb --redirect-uri https://till.example.com/cb", "on several hosts", 0},
		{"client create shop --subject-type pairwise --redirect-uri https://shop.example.com/cb --sector-identifier-uri " + host.URL, "", 1},
		{"client update shop --name Shop", "", 1},
		{"client update shop --redirect-uri https://shop.example.com/cb --redirect-uri https://evil.example.com/cb", `"https://evil.example.com/cb" is not listed`, 2},
		{"client update shop --redirect-uri https://shop.example.com/cb --redirect-uri https://till.example.com/cb", "", 3},
		{"client update shop --sector-identifier-uri http://192.0.2.1/", "must be https", 3},
		{"client update shop --no-sector-identifier-uri", "on several hosts", 3},
		{"client update shop --no-sector-identifier-uri --subject-type public", "", 3},
	} {
		_, _, err := tryCommand(t, s, strings.Fields(tt.args)...)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || asked != tt.asked {
			t.Errorf("%s: %v, asked %d times; want %q, %d times", tt.args, err, asked, tt.want, tt.asked)
		}
	}
}
