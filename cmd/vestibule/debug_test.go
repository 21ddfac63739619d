package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
)

// TestDebugClaims compares what the command says of a live session with the ID token that its client gets.
func TestDebugClaims(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *config.Config) { c.RecoveryCounts = false })
		s.Clock.Advance(-time.Minute) // the command has a clock of its own
		s.AddUser("ana")
		c := s.NewClient(t, "shop", func(c *client.Client) { c.ACRNames = map[string][]string{"aal2": {"gold"}} })
		b := s.NewBrowser(t)
		v := c.Begin()
		got := v.Finish(v.SignIn(b, "ana").Allow())
		settings := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(settings, []byte("recovery_counts: false\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var view claimsView
		read := func(args ...string) string {
			t.Helper()
			view = claimsView{}
			args = append([]string{"debug", "claims", "--config", settings, "--user", "ana", "--client", "shop"}, args...)
			if err := json.Unmarshal([]byte(must(t, s, append(args, "--output", "json")...)), &view); err != nil {
				t.Fatal(err)
			}
			return must(t, s, args...)
		}
		text := read("--acr", "gold")
		first := view.Cases[0]
		if first.Session != got.Session || first.ACR != got.ACR || strings.Join(first.AMR, " ") != strings.Join(got.AMR, " ") || first.AuthTime != terminal.Moment(time.Unix(got.AuthTime, 0)) {
			t.Errorf("of the session the command says %+v, the client heard %+v", first, got.Claims)
		}
		if want := "an authenticator is set up: the client asks for aal2; the user may decline"; first.First != want {
			t.Errorf("first %q, want %q", first.First, want)
		}
		for _, want := range []string{
			"two-step verification  off", "acr asked for", "gold", "pwd otp mfa", "a password reaches aal1",
			"two factors reach aal2; the client asked with gold for aal2", got.Session,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("the table does not say %q:\n%s", want, text)
			}
		}
		read("--acr", "gold", "--essential")
		if first := view.Cases[0].First; !strings.HasSuffix(first, "else the client gets an error") {
			t.Errorf("essential: first %q", first)
		}
		read("--acr", "silver", "--essential")
		if view.Refused != assurance.ErrorUnmet || len(view.Cases) != 0 {
			t.Errorf("unknown and essential: %+v", view)
		}

		_, codes := s.NewBrowser(t).Enrol("ana")
		s.KeepSecret(codes[0])
		text = read()
		if last := view.Cases[len(view.Cases)-1]; last.How != "password and recovery code" || last.ACR != "aal1" || strings.Join(last.AMR, " ") != "pwd mfa" || last.First != "" {
			t.Errorf("recovery code: %+v", last)
		}
		if !strings.Contains(text, "recovery_counts is false") || !strings.Contains(text, "two factors reach aal2, which the client calls gold") {
			t.Errorf("the table does not say why:\n%s", text)
		}
		s.NewClient(t, "bank", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
		read("--client", "bank")
		want := "a code, or another authenticator is set up: a recovery code does not reach aal2; else the client gets an error"
		if last := view.Cases[len(view.Cases)-1]; last.First != want {
			t.Errorf("recovery code at an app that obliges its users: %+v, want first %q", last, want)
		}
		read()
		for _, one := range view.Cases {
			if one.Session == got.Session && one.First != "a code: the user has an authenticator" {
				t.Errorf("a session without the code: first %q", one.First)
			}
		}
	})
}

// A policy that only reports obliges nobody, also where an app asks for two steps: a remembered browser goes without a
// code, and the command says so.
func TestDebugClaimsReportOnly(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.RememberBrowsers, func(c *config.Config) { c.TwoStepsReportOnly = true })
	s.Clock.Advance(-time.Minute) // the command has a clock of its own
	s.AddUser("ana")
	a, _ := s.NewBrowser(t).Enrol("ana")
	s.Clock.Advance(servertest.Step)
	c := s.NewClient(t, "bank", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
	b := s.NewBrowser(t)
	v := c.Begin()
	v.Finish(v.SignIn(b, "ana").Press("Continue", "code", a.Code(0), "remember", "yes").Allow())
	b.Open("/logout").Press("Sign out")
	v = c.Begin()
	if got := v.Finish(v.SignIn(b, "ana")); got.ACR != assurance.LevelOne {
		t.Errorf("the remembered browser gives the client %+v, want the password alone", got.Claims)
	}
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(settings, []byte("two_steps_report_only: true\nremember_browser: 720h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := must(t, s, "debug", "claims", "--config", settings, "--user", "ana", "--client", "bank")
	if !strings.Contains(text, "a code, unless the user has had this browser remembered") {
		t.Errorf("the command says\n%s", text)
	}
}

// TestDebugClaimsToCome names every rule: what holds now, and what is to come beside it.
func TestDebugClaimsToCome(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	s.NewClient(t, "shop")
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	for rules, want := range map[string]string{
		"required, phishing-resistant after 2999-03-01":                  `"policy": "everybody; phishing-resistant for everybody from 2999-03-01`,
		"required after 2999-01-31, phishing-resistant after 2999-03-01": `"policy": "required for everybody from 2999-01-31`,
	} {
		if err := os.WriteFile(settings, []byte("two_steps: "+rules+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		text := must(t, s, "debug", "claims", "--config", settings, "--user", "ana", "--client", "shop", "--output", "json")
		if !strings.Contains(text, want) || !strings.Contains(text, "phishing-resistant for everybody from 2999-03-01") {
			t.Errorf("with %s the command says\n%s\nwant %s", rules, text, want)
		}
	}
}
