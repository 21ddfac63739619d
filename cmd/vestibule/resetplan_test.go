package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/web/notice"
)

// A user who gives a code after the announcement has lost nothing: the reset is called off, with a mail.
func TestPlannedResetOfWhoHasIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "none", func(m *mailServer) { m.open = true })
		s := newMailSite(t, database, m)
		enrol := func(name string) (account.Account, phone, []string) {
			user := s.addUser(name, func(a *account.Account) { a.Email = name + "@example.com" })
			a, codes := s.newBrowser(t).enrol(name)
			s.must(t, "user", "totp", "reset", name, "--reason", "lost", "--delay", "24h")
			return user, a, codes
		}
		ana, phone, _ := enrol("ana")
		ben, _, codes := enrol("ben")
		eve, _, _ := enrol("eve")
		s.clock.advance(time.Hour)
		s.newBrowser(t).open("/account/security").giveName("ana", password).giveCode(phone.code(0)).at("security", "on")
		s.newBrowser(t).open("/account/security").giveName("ben", password).at("totp", "initial").click("Use a recovery code").
			press("Continue", "recovery", codes[0])
		s.post()
		s.clock.advance(24 * time.Hour)
		if n := s.resetDue(t); n != 1 {
			t.Errorf("%d resets, want that of eve alone, who has given no code", n)
		}
		s.post()
		letters := m.received()
		for _, tt := range []struct {
			account account.Account
			want    int
		}{{ana, 1}, {ben, 1}, {eve, 0}} {
			e := s.events(t, tt.account.Subject, audit.EventResetCancelled)
			if len(e) != tt.want || tt.want == 1 && e[0].Detail["how"] != "used" {
				t.Errorf("the audit log of %s has %+v, want %d resets called off", tt.account.Username, e, tt.want)
			}
			if _, err := s.store.ResetOf(t.Context(), tt.account.Subject); err == nil {
				t.Errorf("%s still has the plan", tt.account.Username)
			}
			told := 0
			for _, l := range letters {
				if l.to == tt.account.Email && strings.Contains(l.body, "given a code since it was announced") {
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
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "none", func(m *mailServer) { m.open = true })
		s := newMailSite(t, database, m)
		for _, name := range []string{"ana", "ben"} {
			s.addUser(name, func(a *account.Account) { a.Email = name + "@example.com" })
			s.newBrowser(t).enrol(name)
		}
		s.post()
		m.stop()
		s.must(t, "user", "totp", "reset", "ana", "--reason", "lost", "--delay", "1h")
		s.clock.advance(2 * time.Hour)
		s.post()
		if n := s.resetDue(t); n != 0 {
			t.Errorf("%d resets that nobody was told of, want none", n)
		}
		m.start()
		s.clock.advance(2 * time.Hour)
		s.post()
		if n := s.resetDue(t); n != 1 {
			t.Errorf("%d resets after the mail, want 1", n)
		}
		m.stop()
		s.must(t, "user", "totp", "reset", "ben", "--reason", "lost", "--delay", "1h")
		s.clock.advance(notice.Life + time.Hour)
		if n := s.resetDue(t); n != 1 {
			t.Errorf("%d resets after all that time, want 1", n)
		}
	})
}

// Whoever plans a reset hears that the user will not; the security page tells also whoever has no authenticator.
func TestPlannedResetUntold(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana", func(a *account.Account) { a.Email = "" })
		s.addUser("ben", func(a *account.Account) { a.Email = "ben@example.com" })
		for _, tt := range []struct{ name, server, want string }{
			{"ana", "mail.example.com:587", "ana has no e-mail address"},
			{"ben", "", "no mail_server"},
			{"ben", "mail.example.com:587", ""},
		} {
			var warning bytes.Buffer
			environ := []string{"VESTIBULE_DATABASE=" + s.config.Database, "VESTIBULE_MAIL_SERVER=" + tt.server}
			w := &env{environ, strings.NewReader(""), t.Output(), &warning}
			if err := run(t.Context(), []string{"user", "totp", "reset", tt.name, "--reason", "lost", "--delay", "1h"}, w); err != nil {
				t.Fatal(err)
			}
			if text := warning.String(); !strings.Contains(text, tt.want) || (text == "") != (tt.want == "") {
				t.Errorf("the plan for %s with mail_server %q warns %q, want %q", tt.name, tt.server, text, tt.want)
			}
			b := s.newBrowser(t)
			b.open("/account/security").giveName(tt.name, password).at("security", "off").says("A reset is planned").
				press("Cancel the reset").at("security", "off").says("The reset was cancelled.")
		}
	})
}
