package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
)

// What operators do is told by commands, which know of no mail server, and sent by the servers: once, and to the old
// address too if that is what changes. The link that stops a reset works.
func TestNoticesOfOperators(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "tls")
		s := servertest.NewWithMail(t, database, m)
		s.AddUser("ana")
		s.NewBrowser(t).Enrol("ana")
		want := []string{"An authenticator was added"}
		order := func(input string, args ...string) {
			runCommand(t, s, input, append([]string{"user"}, args...)...)
			s.Clock.Advance(time.Minute) // the command goes by a clock of its own
			s.SendNotices()
		}
		order("", "totp", "reset", "ana", "--reason", "lost it", "--delay", "24h")
		want = append(want, "Your two-step verification is going to be reset")
		m.Arrived(want...)
		link := m.Link(s.Config.Issuer)
		_, token, _ := strings.Cut(link, "token=")
		s.KeepSecret(token)
		p := s.NewBrowser(t).Open(link).At("reset-cancel", "initial")
		p.Press("Cancel the reset").At("reset-cancel", "cancelled")
		want = append(want, "The reset of your two-step verification was stopped")
		s.SendNotices()
		m.Arrived(want...)

		order("cobalt heron umbrella two", "update", "ana", "--password-file", "-")
		order("", "totp", "reset", "ana", "--reason", "lost it")
		order("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "totp", "add", "ana", "--name", "Imported", "--secret-file", "-")
		commandLink(t, s, "ana")
		want = append(want, "Your password was changed", "Your two-step verification was reset", "An authenticator was added",
			"A link to set up an authenticator was made")
		order("", "update", "ana", "--name", "Ana Other")
		m.Arrived(want...)
		order("", "update", "ana", "--email", "new@example.com")
		m.Arrived(append(want, "Your e-mail address was changed", "Your e-mail address was changed")...)
		var to []string
		for _, one := range m.Received()[len(want):] {
			to = append(to, one.To)
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"ana@example.com", "new@example.com"}) {
			t.Errorf("a changed address is told to %q", to)
		}
	})
}

// Mails are in the language of the settings, and say so.
func TestNoticesInAnotherLanguage(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "pt-BR.toml"), []byte(`"mail.password.subject" = "Sua senha foi trocada"`), 0o600); err != nil {
		t.Fatal(err)
	}
	m := servertest.NewMailbox(t, "tls")
	s := servertest.New(t, servertest.SQLite(t), m.Settings, func(c *config.Config) { c.TextsDir, c.Language = folder, "pt-BR" })
	s.KeepSecret(servertest.MailPassword)
	s.AddUser("ana")
	runCommand(t, s, "cobalt heron umbrella two", "user", "update", "ana", "--password-file", "-")
	s.Clock.Advance(time.Minute) // the command goes by a clock of its own
	s.SendNotices()
	m.Arrived("Sua senha foi trocada")
	if got := m.Received()[0].Header.Get("Content-Language"); got != "pt-BR" {
		t.Errorf("Content-Language: %q", got)
	}
}

// A real server process sends what a command did, within seconds.
func TestNoticeOfProcess(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "starttls")
	o := newShell(t, servertest.SQLite(t))
	s := o.Site
	s.KeepSecret(servertest.MailPassword)
	secret := filepath.Join(t.TempDir(), "mail-password")
	if err := os.WriteFile(secret, []byte(servertest.MailPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Environ = append(o.Environ, m.Environ("ISSUER", s.Config.Issuer, "MAIL_PASSWORD", "")...)
	o.Environ = append(o.Environ, "VESTIBULE_MAIL_PASSWORD_FILE="+secret)
	o.Command(servertest.Password, "user", "create", "ana", "--email", "ana@example.com", "--password-file", "-")
	o.Start(1)
	arrived := make(chan struct{})
	m.OnMail(sync.OnceFunc(func() { close(arrived) }))
	s.Store = servertest.OpenDatabase(t, s.Config.Database)
	ana, _, err := s.Store.AccountByName(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	s.Record(audit.EventPasswordChanged, ana, nil)
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("no mail within 20 seconds")
	}
	m.Arrived("Your password was changed")
}
