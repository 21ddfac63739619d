package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/web/notice"
)

// newMailSite is a site whose servers send mail through m.
func newMailSite(t *testing.T, database string, m *mailServer) *site {
	t.Helper()
	s := newSite(t, database, m.settings, func(c *config.Config) { c.Contact = "help@example.com" })
	s.keepSecret(mailPassword)
	return s
}

// post has all servers look at the outbox, at the same time.
func (s *site) post() {
	s.t.Helper()
	var group sync.WaitGroup
	for _, one := range s.instances() {
		group.Go(func() {
			if err := one.Do(s.t.Context(), "notices"); err != nil {
				s.t.Errorf("notices: %v", err)
			}
		})
	}
	group.Wait()
}

// tell records an event of an operator.
func (s *site) tell(kind string, user account.Account, detail map[string]string) {
	s.t.Helper()
	e := audit.Event{Kind: kind, Outcome: audit.OutcomeOK, Subject: user.Subject, Detail: detail}
	if err := commandAuditor(s.store, s.clock.now).Record(s.t.Context(), e); err != nil {
		s.t.Fatalf("record %s: %v", kind, err)
	}
}

// outbox is what waits to be sent.
func (s *site) outbox() []notice.Notice {
	s.t.Helper()
	found, err := s.store.DueNotices(s.t.Context(), s.clock.now().Add(365*24*time.Hour), 100)
	if err != nil {
		s.t.Fatalf("outbox: %v", err)
	}
	return found
}

// arrived fails the test unless these are the subjects of all mail so far.
func (m *mailServer) arrived(want ...string) {
	m.t.Helper()
	slices.Sort(want)
	if got := m.subjects(); !slices.Equal(got, want) {
		m.t.Errorf("the mail so far is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestNotices does on the pages what a user is told of: each comes once, with two servers sending.
func TestNotices(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "starttls")
		s := newMailSite(t, database, m)
		if !strings.HasPrefix(database, "sqlite:") {
			s.start(2)
		}
		s.addUser("ana")
		b := s.newBrowser(t)
		a, _ := b.enrol("ana")
		want := []string{"An authenticator was added"} // and nothing of its codes
		s.post()
		m.arrived(want...)

		p := b.open("/account/security").click("Make new codes").at("codes", "initial")
		codes := p.recoveryCodes()
		p.press("Use these new codes", "saved", "on")
		want = append(want, "New recovery codes were made")

		s.clock.advance(time.Minute)
		p = s.newBrowser(t).open("/account/security").giveName("ana", password).at("totp", "initial")
		for range 5 {
			p = p.giveCode(a.wrong())
		}
		want = append(want, "Somebody who has your password gave wrong codes")

		p = s.newBrowser(t).open("/account/security").giveName("ana", password).click("Use a recovery code")
		p.press("Continue", "recovery", codes[0]).at("recovery-used", "initial").says("We have sent you an email about it.")
		want = append(want, "A recovery code was used")

		s.clock.advance(time.Hour)
		p = s.newBrowser(t).open("/account/security").giveName("ana", password).at("totp", "initial").giveCode(a.code(0))
		s.clock.advance(time.Minute)
		p = p.at("security", "on").click("Remove Authenticator app")
		p.press("Remove Authenticator app", "password", password, "code", a.code(0)).at("security", "off")
		want = append(want, "An authenticator was removed")
		s.post()
		m.arrived(want...)
		if left := s.outbox(); len(left) > 0 {
			t.Errorf("the outbox still has %+v", left)
		}
		for _, one := range m.received() {
			if one.to != "ana@example.com" || !strings.Contains(one.body, "Address  127.0.0.1\n") {
				t.Errorf("mail to %s:\n%s", one.to, one.body)
			}
		}
	})
}

// What operators do is told by commands, which know of no mail server, and sent by the servers: once, and to the old
// address too if that is what changes. The link that stops a reset works.
func TestNoticesOfOperators(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "tls")
		s := newMailSite(t, database, m)
		s.addUser("ana")
		s.newBrowser(t).enrol("ana")
		want := []string{"An authenticator was added"}
		order := func(input string, args ...string) {
			s.command(t, input, append([]string{"user"}, args...)...)
			s.clock.advance(time.Minute) // the command goes by a clock of its own
			s.post()
		}
		order("", "totp", "reset", "ana", "--reason", "lost it", "--delay", "24h")
		want = append(want, "Your two-step verification is going to be reset")
		m.arrived(want...)
		link := m.link(s.config.Issuer)
		_, token, _ := strings.Cut(link, "token=")
		s.keepSecret(token)
		p := s.newBrowser(t).open(link).at("reset-cancel", "initial")
		p.press("Cancel the reset").at("reset-cancel", "cancelled")
		want = append(want, "The reset of your two-step verification was stopped")
		s.post()
		m.arrived(want...)

		order("cobalt heron umbrella two", "update", "ana", "--password-file", "-")
		order("", "totp", "reset", "ana", "--reason", "lost it")
		order("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "totp", "add", "ana", "--name", "Imported", "--secret-file", "-")
		s.enrolLink(t, "ana")
		want = append(want, "Your password was changed", "Your two-step verification was reset", "An authenticator was added",
			"A link to set up an authenticator was made")
		order("", "update", "ana", "--name", "Ana Other")
		m.arrived(want...)
		order("", "update", "ana", "--email", "new@example.com")
		m.arrived(append(want, "Your e-mail address was changed", "Your e-mail address was changed")...)
		var to []string
		for _, one := range m.received()[len(want):] {
			to = append(to, one.to)
		}
		slices.Sort(to)
		if !slices.Equal(to, []string{"ana@example.com", "new@example.com"}) {
			t.Errorf("a changed address is told to %q", to)
		}
	})
}

// link returns the only link of the newest mail.
func (m *mailServer) link(issuer string) string {
	m.t.Helper()
	all := m.received()
	_, rest, _ := strings.Cut(all[len(all)-1].body, "\n  "+issuer+"/")
	link, _, ok := strings.Cut(rest, "\n")
	if !ok {
		m.t.Fatalf("the mail has no link:\n%s", all[len(all)-1].body)
	}
	return issuer + "/" + link
}

// TestNoticesWait shows that nothing is lost while the mail server is down.
func TestNoticesWait(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "starttls")
		s := newMailSite(t, database, m)
		ana, ben := s.addUser("ana"), s.addUser("ben")
		m.stop()
		s.tell(audit.EventPasswordChanged, ana, nil)
		s.tell(audit.EventAdminReset, ben, nil)
		for range 10 {
			s.post()
			s.clock.advance(notice.Every)
		}
		if left := s.outbox(); len(left) != 2 {
			t.Fatalf("the outbox has %d notices, want 2", len(left))
		}
		s.clock.advance(6 * time.Hour)
		s.post()
		m.start()
		s.start(1)                 // the servers may have been restarted as well
		s.clock.advance(time.Hour) // the longest time between two tries
		s.post()
		m.arrived("Your password was changed", "Your two-step verification was reset")
		if log := s.log.String(); !strings.Contains(log, "notice not sent") || strings.Contains(log, "ana@example.com") {
			t.Errorf("the log does not tell of it, or tells an address:\n%s", log)
		}
	})
}

// A server that is killed when the mail has been taken, before it could note that, sends it again, recognizably.
func TestNoticeAtLeastOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, database string) {
		m := startMail(t, "starttls")
		s := newMailSite(t, database, m)
		s.tell(audit.EventPasswordChanged, s.addUser("ana"), nil)
		killed := s.newServer()
		m.got = func() {
			if err := killed.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if err := killed.Do(t.Context(), "notices"); err == nil {
			t.Error("the round of the killed server ended well")
		}
		m.mu.Lock()
		m.got = nil
		m.mu.Unlock()
		s.post() // the killed one might still be at it
		m.arrived("Your password was changed")
		s.clock.advance(5 * time.Minute) // then another may try
		s.post()
		s.clock.advance(time.Hour)
		s.post()
		m.arrived("Your password was changed", "Your password was changed")
		got := m.received()
		if one, two := got[0].header.Get("Message-Id"), got[1].header.Get("Message-Id"); one != two {
			t.Errorf("the same letter has the ids %s and %s", one, two)
		}
	})
}

// Any number of servers may send: each notice is sent by one of them.
func TestNoticesOnce(t *testing.T) {
	t.Parallel()
	m := startMail(t, "none", func(m *mailServer) { m.open = true })
	s := newMailSite(t, postgresDatabase(t), m)
	const notices = 30
	for i := range notices {
		s.tell(audit.EventPasswordChanged, s.addUser("u"+strconv.Itoa(i)), nil)
	}
	s.start(3)
	s.post()
	var to []string
	for _, one := range m.received() {
		to = append(to, one.to)
	}
	slices.Sort(to)
	if len(to) != notices || len(slices.Compact(to)) != notices {
		t.Errorf("%d mails went to %d addresses, want %d to as many", len(to), len(slices.Compact(to)), notices)
	}
}

// One recipient who cannot be reached does not hold up the others, is tried less and less, and given up after days.
func TestNoticeGivenUp(t *testing.T) {
	t.Parallel()
	m := startMail(t, "none", func(m *mailServer) { m.open = true })
	s := newMailSite(t, sqliteDatabase(t), m)
	m.refuses("ana@example.com", &smtp.SMTPError{Code: 550, Message: "ana@example.com is unknown"})
	ana, ben := s.addUser("ana"), s.addUser("ben")
	s.tell(audit.EventPasswordChanged, ana, nil)
	s.tell(audit.EventPasswordChanged, ben, nil)
	s.tell(audit.EventPasswordChanged, account.Account{Subject: "nobody"}, nil)
	s.post()
	m.arrived("Your password was changed")
	results := mailResults(t, s)
	if results["failed"] != 1 || results["sent"] != 1 || results["dropped"] != 1 {
		t.Errorf("the results are %v, want one of each", results)
	}
	end := s.clock.now().Add(notice.Life + time.Hour)
	for s.clock.now().Before(end) {
		s.clock.advance(time.Minute)
		s.post()
	}
	results = mailResults(t, s)
	if left := s.outbox(); len(left) > 0 || results["dropped"] != 2 {
		t.Errorf("the outbox has %+v; results %v", left, results)
	}
	if tries := results["failed"]; tries < 72 || tries > 90 {
		t.Errorf("%d tries in three days, want about one an hour", tries)
	}
	if log := s.log.String(); !strings.Contains(log, "notice given up") || strings.Contains(log, "ana@example.com") {
		t.Errorf("the log does not tell of the end, or tells an address")
	}
}

// mailResults is what became of the tries to send mail, as the first server counts them.
func mailResults(t *testing.T, s *site) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, line := range s.first().metrics(t) {
		var result string
		var n int
		if _, err := fmt.Sscanf(line, `vestibule_mail_sent_total{result=%q} %d`, &result, &n); err == nil {
			found[result] = n
		}
	}
	return found
}

// Without a mail server the servers keep no notices.
func TestNoNotices(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	s.addUser("ana")
	s.newBrowser(t).enrol("ana")
	if left := s.outbox(); len(left) > 0 {
		t.Errorf("the outbox has %+v", left)
	}
}

// What is undone is not told.
func TestNoticeOfNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	ana := s.addUser("ana")
	undone := errors.New("undone")
	err := s.store.Atomic(t.Context(), func(ctx context.Context) error {
		e := audit.Event{Kind: audit.EventPasswordChanged, Subject: ana.Subject}
		return errors.Join(commandAuditor(s.store, s.clock.now).Record(ctx, e), undone)
	})
	if left := s.outbox(); !errors.Is(err, undone) || len(left) > 0 {
		t.Errorf("after %v the outbox has %+v", err, left)
	}
}

// A real server process sends what a command did, within seconds.
func TestNoticeOfProcess(t *testing.T) {
	t.Parallel()
	m := startMail(t, "starttls")
	s, o := newOperator(t, sqliteDatabase(t))
	s.keepSecret(mailPassword)
	secret := filepath.Join(t.TempDir(), "mail-password")
	if err := os.WriteFile(secret, []byte(mailPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.environ = append(o.environ, m.environ("ISSUER", s.config.Issuer, "MAIL_PASSWORD", "")...)
	o.environ = append(o.environ, "VESTIBULE_MAIL_PASSWORD_FILE="+secret)
	o.command(password, "user", "create", "ana", "--email", "ana@example.com", "--password-file", "-")
	o.start(1)
	arrived := make(chan struct{})
	m.got = sync.OnceFunc(func() { close(arrived) })
	s.store = openDatabase(t, s.config.Database)
	ana, _, err := s.store.AccountByName(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	s.tell(audit.EventPasswordChanged, ana, nil)
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("no mail within 20 seconds")
	}
	m.arrived("Your password was changed")
}

// The guesses of a set-up are told of to nobody: whoever makes it has just signed in.
func TestNoNoticeOfSetUp(t *testing.T) {
	t.Parallel()
	m := startMail(t, "none", func(m *mailServer) { m.open = true })
	s := newMailSite(t, sqliteDatabase(t), m)
	s.addUser("ana")
	p := s.newBrowser(t).open("/account/authenticators/new").giveName("ana", password).at("setup", "initial")
	a := p.phone()
	for range 5 { // after which the codes of a sign-in are told of
		p = p.press("Continue", "code", a.wrong())
	}
	if left := s.outbox(); len(left) > 0 {
		t.Errorf("the outbox has %+v", left)
	}
}
