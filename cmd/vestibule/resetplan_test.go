package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/web/notice"
)

// A user who gives a code after the announcement has lost nothing: the reset is called off, with a mail.
func TestPlannedResetOfWhoHasIt(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
		s := servertest.NewWithMail(t, database, m)
		enrol := func(name string) (account.Account, servertest.Phone, []string) {
			user := s.AddUser(name, func(a *account.Account) { a.Email = name + "@example.com" })
			a, codes := s.NewBrowser(t).Enrol(name)
			must(t, s, "user", "totp", "reset", name, "--reason", "lost", "--delay", "24h")
			return user, a, codes
		}
		ana, phone, _ := enrol("ana")
		ben, _, codes := enrol("ben")
		eve, _, _ := enrol("eve")
		s.Clock.Advance(time.Hour)
		s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).GiveCode(phone.Code(0)).At("security", "on")
		s.NewBrowser(t).Open("/account/security").GiveName("ben", servertest.Password).At("totp", "initial").Click("Use a recovery code").
			Press("Continue", "recovery", codes[0])
		s.SendNotices()
		s.Clock.Advance(24 * time.Hour)
		if n := resetDue(t, s); n != 1 {
			t.Errorf("%d resets, want that of eve alone, who has given no code", n)
		}
		s.SendNotices()
		letters := m.Received()
		for _, tt := range []struct {
			account account.Account
			want    int
		}{{ana, 1}, {ben, 1}, {eve, 0}} {
			e := s.Events(t, tt.account.Subject, audit.EventResetCancelled)
			if len(e) != tt.want || tt.want == 1 && e[0].Detail["how"] != "used" {
				t.Errorf("the audit log of %s has %+v, want %d resets called off", tt.account.Username, e, tt.want)
			}
			if _, err := s.Store.ResetOf(t.Context(), tt.account.Subject); err == nil {
				t.Errorf("%s still has the plan", tt.account.Username)
			}
			told := 0
			for _, l := range letters {
				if l.To == tt.account.Email && strings.Contains(l.Body, "a recovery code since it was announced") {
					told++
				}
			}
			if told != tt.want {
				t.Errorf("%s got %d letters about it, want %d", tt.account.Username, told, tt.want)
			}
		}
	})
}

// While its mail cannot be sent, a reset waits; but not for ever.
func TestPlannedResetWaitsForItsMail(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
		s := servertest.NewWithMail(t, database, m)
		for _, name := range []string{"ana", "ben"} {
			s.AddUser(name, func(a *account.Account) { a.Email = name + "@example.com" })
			s.NewBrowser(t).Enrol(name)
		}
		s.SendNotices()
		m.Stop()
		must(t, s, "user", "totp", "reset", "ana", "--reason", "lost", "--delay", "1h")
		s.Clock.Advance(2 * time.Hour)
		s.SendNotices()
		if n := resetDue(t, s); n != 0 {
			t.Errorf("%d resets that nobody was told of, want none", n)
		}
		m.Start()
		s.Clock.Advance(2 * time.Hour)
		s.SendNotices()
		if n := resetDue(t, s); n != 1 {
			t.Errorf("%d resets after the mail, want 1", n)
		}
		m.Stop()
		must(t, s, "user", "totp", "reset", "ben", "--reason", "lost", "--delay", "1h")
		s.Clock.Advance(notice.Life + time.Hour)
		if n := resetDue(t, s); n != 1 {
			t.Errorf("%d resets after all that time, want 1", n)
		}
	})
}

// Whoever plans a reset hears that the user will not; the security page tells also whoever has no authenticator.
func TestPlannedResetUntold(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana", func(a *account.Account) { a.Email = "" })
		s.AddUser("ben", func(a *account.Account) { a.Email = "ben@example.com" })
		for _, tt := range []struct{ name, server, want string }{
			{"ana", "mail.example.com:587", "ana has no e-mail address"},
			{"ben", "", "no mail_server"},
			{"ben", "mail.example.com:587", ""},
		} {
			var warning bytes.Buffer
			environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_MAIL_SERVER=" + tt.server}
			w := newEnv(environ, strings.NewReader(""), t.Output(), &warning)
			if err := run(t.Context(), []string{"user", "totp", "reset", tt.name, "--reason", "lost", "--delay", "1h"}, w); err != nil {
				t.Fatal(err)
			}
			if text := warning.String(); !strings.Contains(text, tt.want) || (text == "") != (tt.want == "") {
				t.Errorf("the plan for %s with mail_server %q warns %q, want %q", tt.name, tt.server, text, tt.want)
			}
			b := s.NewBrowser(t)
			b.Open("/account/security").GiveName(tt.name, servertest.Password).At("security", "off").Says("A reset is planned").
				Press("Cancel the reset").At("security", "off").Says("The reset was cancelled.")
		}
	})
}
