package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// commandLine runs commands on a database of its own.
type commandLine struct {
	t       *testing.T
	environ []string
}

func newCommandLine(t *testing.T) *commandLine {
	t.Helper()
	s := servertest.New(t, servertest.SQLite(t))
	return &commandLine{t, []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_ISSUER=" + s.Config.Issuer}}
}

func (c *commandLine) run(args ...string) (string, error) {
	c.t.Helper()
	var out bytes.Buffer
	err := run(c.t.Context(), args, newEnv(c.environ, strings.NewReader(""), &out, &out))
	return out.String(), err
}

func (c *commandLine) mustRun(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// TestAttributesOfAUser gives a user what apps can learn, changes it, and shows it.
func TestAttributesOfAUser(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(servertest.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	create := []string{"user", "create", "ana", "--email", "ana@example.com", "--password-file", password}
	c.mustRun(append(create, "--email-verified", "--attribute", "given_name=Ana, Sofia", "--attribute", "address.formatted=Rua A\nLisboa")...)
	if out := c.mustRun("user", "get", "ana"); !strings.Contains(out, "Ana, Sofia") || !strings.Contains(out, "Rua A, Lisboa") {
		t.Errorf("user get says\n%s", out)
	}
	c.shows(true, map[string]string{"given_name": "Ana, Sofia", "address.formatted": "Rua A\nLisboa"})
	c.mustRun("user", "update", "ana", "--attribute", "locale=pt", "--attribute", "address.formatted=")
	c.shows(true, map[string]string{"given_name": "Ana, Sofia", "locale": "pt"})
	c.mustRun("user", "update", "ana", "--email", "new@example.com")
	c.shows(false, map[string]string{"given_name": "Ana, Sofia", "locale": "pt"})
	c.mustRun("user", "update", "ana", "--email", "ana@example.com", "--email-verified")
	c.shows(true, map[string]string{"given_name": "Ana, Sofia", "locale": "pt"})
	c.mustRun("user", "update", "ana", "--email-verified=false")
	c.shows(false, map[string]string{"given_name": "Ana, Sofia", "locale": "pt"})
	if out := c.mustRun("audit", "list"); !strings.Contains(out, "address.formatted locale") || strings.Contains(out, "Sofia") {
		t.Errorf("the log has not the names of attributes, or has their values:\n%s", out)
	}
	for _, tt := range []struct{ args, want string }{
		{"user update ana --attribute given-name=Ana", `--attribute: there is no attribute "given-name"; did you mean given_name?`},
		{"user update ana --attribute birthdate=1.2.1990", "--attribute: birthdate should be a day such as 1990-12-31"},
		{"user update ana --attribute name=Ana --attribute locale=!", "--attribute: locale should be a language such as en or pt-BR"},
		{"user update ana --attribute given_name", "NAME=VALUE"},
		{"user update ana --attribute locale=en --attribute locale=pt", "--attribute gives locale twice"},
		{"user create ben --email ben@example.com --password-file " + password + " --attribute email=x", "--attribute: email is no attribute: give it apart, as the email"},
	} {
		if out, err := c.run(strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q\n%s", tt.args, err, tt.want, out)
		}
	}
	c.mustRun("user", "update", "ana", "--email", "")
	if _, err := c.run("user", "update", "ana", "--email-verified"); err == nil || !strings.Contains(err.Error(), "--email-verified cannot be said of a user without an address") {
		t.Errorf("without an address: %v", err)
	}
	if out, err := c.run("user", "get", "ben"); err == nil {
		t.Errorf("a user with a wrong attribute was made:\n%s", out)
	}
}

// shows checks what user get says of ana to a program.
func (c *commandLine) shows(verified bool, attributes map[string]string) {
	c.t.Helper()
	var got shownUser
	if err := json.Unmarshal([]byte(c.mustRun("user", "get", "ana", "--output", "json")), &got); err != nil {
		c.t.Fatal(err)
	}
	same := len(got.Attributes) == len(attributes)
	for name, value := range attributes {
		same = same && got.Attributes[name] == value
	}
	if !same || got.Verified != verified {
		c.t.Errorf("the user has %v, verified %v; want %v, %v", got.Attributes, got.Verified, attributes, verified)
	}
}

// TestIDTokenClaimsOfAnApp says where an app gets claims, and changes it.
func TestIDTokenClaimsOfAnApp(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	has := func(want ...string) {
		t.Helper()
		var all []shownClient
		if err := json.Unmarshal([]byte(c.mustRun("client", "list", "--output", "json")), &all); err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		if !slices.Equal(all[0].IDTokenClaims, want) {
			t.Errorf("the app has %q, want %q", all[0].IDTokenClaims, want)
		}
	}
	c.mustRun("client", "create", "shop", "--redirect-uri", "https://shop.example.com/cb", "--id-token-claims", "profile,email")
	has("profile", "email")
	if out := c.mustRun("client", "list"); !strings.Contains(out, "profile email") {
		t.Errorf("client list says\n%s", out)
	}
	c.mustRun("client", "update", "shop", "--name", "Shop")
	has("profile", "email")
	c.mustRun("client", "update", "shop", "--id-token-claims", "email")
	has("email")
	c.mustRun("client", "update", "shop", "--no-id-token-claims")
	has()
	for _, tt := range []struct{ args, want string }{
		{"client update shop --id-token-claims openid", `not of "openid"`},
		{"client update shop --id-token-claims groups", "without the scope groups; let the client ask for it"},
		{"client update shop --id-token-claims email --no-id-token-claims", "exclude each other"},
	} {
		if out, err := c.run(strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q\n%s", tt.args, err, tt.want, out)
		}
	}
}
