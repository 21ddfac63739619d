package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
)

// TestUserPassword: operators give no password that users could not choose, by the settings of the server.
func TestUserPassword(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database)
		u := s.NewUser(t, s.NewClient(t, "shop"))
		try := func(setting, password string, args ...string) error {
			environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_PASSWORD_MIN_LENGTH=" + setting, "VESTIBULE_NAME=Acme"}
			return run(t.Context(), append(args, "--password-file", "-"), newEnv(environ, strings.NewReader(password), new(bytes.Buffer), io.Discard))
		}
		for _, tt := range []struct{ setting, password, want string }{
			{"8", "short", "at least 8 characters"}, {"15", "fourteen chars", "at least 15 characters"}, {"8", "sunshine1", "leaked"},
			{"8", u.Name + "@example.com", "name of its user"}, {"8", "acme2026", "name of its user or of this service"}, {"7", "fourteen chars", "VESTIBULE_PASSWORD_MIN_LENGTH: should be from 8 to 64"},
		} {
			if err := try(tt.setting, tt.password, "user", "update", u.Name); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("with %s characters, %q: %v, want %q", tt.setting, tt.password, err, tt.want)
			}
			if err := try(tt.setting, strings.ReplaceAll(tt.password, u.Name, "ben"), "user", "create", "ben", "--email", "ben@example.com"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("with %s characters, for a new user, %q: %v, want %q", tt.setting, tt.password, err, tt.want)
			}
		}
		for _, password := range []string{"benedito", "ben.costa", "Costa1234567"} { // the user name, and the full one
			err := try("8", password, "user", "create", "benedito", "--name", "Ben Costa", "--email", "x@example.org")
			if err == nil || !strings.Contains(err.Error(), "name of its user") {
				t.Errorf("a password that is a name of the new user, %q: %v", password, err)
			}
		}
		if err := try("8", "nova.morada@example.com", "user", "update", u.Name, "--email", "nova.morada@example.com"); err == nil || !strings.Contains(err.Error(), "name of its user") {
			t.Errorf("a password that is the address which the user gets with it: %v", err)
		}
		if events := s.Events(t, u.Subject, audit.EventPasswordChanged); len(events) > 0 {
			t.Error("the password was changed")
		}
		before := runCommand(t, s, "", "user", "get", u.Name)
		if err := try("15", "fifteen chars ok", "user", "update", u.Name); err != nil {
			t.Error(err)
		}
		if after := runCommand(t, s, "", "user", "get", u.Name); strings.Contains(before, "password set") || !strings.Contains(after, "password set") || after == before {
			t.Errorf("user get says before\n%s\nand after\n%s", before, after)
		}
	})
}
