package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/web/notice"
)

// TestNotices does on the pages what a user is told of: each comes once, with two servers sending.
func TestNotices(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "starttls")
		s := servertest.NewWithMail(t, database, m)
		if !strings.HasPrefix(database, "sqlite:") {
			s.Start(2)
		}
		s.AddUser("ana")
		b := s.NewBrowser(t)
		a, _ := b.Enrol("ana")
		want := []string{"An authenticator was added"} // and nothing of its codes
		s.SendNotices()
		m.Arrived(want...)

		p := b.Open("/account/security").Click("Make new codes").At("codes", "initial")
		codes := p.RecoveryCodes()
		p.Press("Use these new codes", "saved", "on")
		want = append(want, "New recovery codes were made")

		s.Clock.Advance(time.Minute)
		p = s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial")
		for range 5 {
			p = p.GiveCode(a.Wrong())
		}
		want = append(want, "Somebody who has your password failed the second step")

		p = s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).Click("Use a recovery code")
		p.Press("Continue", "recovery", codes[0]).At("recovery-used", "initial").Says("We have sent you an email about it.")
		want = append(want, "A recovery code was used")

		s.Clock.Advance(time.Hour)
		p = s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").GiveCode(a.Code(0))
		s.Clock.Advance(time.Minute)
		p = p.At("security", "on").Click("Remove Authenticator app")
		p.Press("Remove Authenticator app", "password", servertest.Password, "code", a.Code(0)).At("security", "off")
		want = append(want, "An authenticator was removed")
		s.SendNotices()
		m.Arrived(want...)
		if left := s.Outbox(); len(left) > 0 {
			t.Errorf("the outbox still has %+v", left)
		}
		for _, one := range m.Received() {
			if one.To != "ana@example.com" || !strings.Contains(one.Body, "Address  127.0.0.1\n") {
				t.Errorf("mail to %s:\n%s", one.To, one.Body)
			}
		}
	})
}

// TestNoticesWait shows that nothing is lost while the mail server is down.
func TestNoticesWait(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "starttls")
		s := servertest.NewWithMail(t, database, m)
		ana, ben := s.AddUser("ana"), s.AddUser("ben")
		m.Stop()
		s.Record(audit.EventPasswordChanged, ana, nil)
		s.Record(audit.EventAdminReset, ben, nil)
		for range 10 {
			s.SendNotices()
			s.Clock.Advance(notice.Every)
		}
		if left := s.Outbox(); len(left) != 2 {
			t.Fatalf("the outbox has %d notices, want 2", len(left))
		}
		s.Clock.Advance(6 * time.Hour)
		s.SendNotices()
		m.Start()
		s.Start(1)                 // the servers may have been restarted as well
		s.Clock.Advance(time.Hour) // the longest time between two tries
		s.SendNotices()
		m.Arrived("Your password was changed", "Your two-step verification was reset")
		if log := s.Log.String(); !strings.Contains(log, "notice not sent") || strings.Contains(log, "ana@example.com") {
			t.Errorf("the log does not tell of it, or tells an address:\n%s", log)
		}
	})
}

// A server that is killed when the mail has been taken, before it could note that, sends it again, recognizably.
func TestNoticeAtLeastOnce(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		m := servertest.NewMailbox(t, "starttls")
		s := servertest.NewWithMail(t, database, m)
		s.Record(audit.EventPasswordChanged, s.AddUser("ana"), nil)
		killed := s.NewServer()
		m.OnMail(func() {
			if err := killed.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		if err := killed.Do(t.Context(), "notices"); err == nil {
			t.Error("the round of the killed server ended well")
		}
		m.OnMail(nil)
		s.SendNotices() // the killed one might still be at it
		m.Arrived("Your password was changed")
		s.Clock.Advance(5 * time.Minute) // then another may try
		s.SendNotices()
		s.Clock.Advance(time.Hour)
		s.SendNotices()
		m.Arrived("Your password was changed", "Your password was changed")
		got := m.Received()
		if one, two := got[0].Header.Get("Message-Id"), got[1].Header.Get("Message-Id"); one != two {
			t.Errorf("the same letter has the ids %s and %s", one, two)
		}
	})
}

// Any number of servers may send: each notice is sent by one of them.
func TestNoticesOnce(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
	s := servertest.NewWithMail(t, servertest.PostgreSQL(t), m)
	const notices = 30
	for i := range notices {
		s.Record(audit.EventPasswordChanged, s.AddUser("u"+strconv.Itoa(i)), nil)
	}
	s.Start(3)
	s.SendNotices()
	var to []string
	for _, one := range m.Received() {
		to = append(to, one.To)
	}
	slices.Sort(to)
	if len(to) != notices || len(slices.Compact(to)) != notices {
		t.Errorf("%d mails went to %d addresses, want %d to as many", len(to), len(slices.Compact(to)), notices)
	}
}

// One recipient who cannot be reached does not hold up the others, is tried less and less, and given up after days.
func TestNoticeGivenUp(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
	s := servertest.NewWithMail(t, servertest.SQLite(t), m)
	m.Refuses("ana@example.com", &smtp.SMTPError{Code: 550, Message: "ana@example.com is unknown"})
	ana, ben := s.AddUser("ana"), s.AddUser("ben")
	s.Record(audit.EventPasswordChanged, ana, nil)
	s.Record(audit.EventPasswordChanged, ben, nil)
	s.Record(audit.EventPasswordChanged, account.Account{Subject: "nobody"}, nil)
	s.SendNotices()
	m.Arrived("Your password was changed")
	results := mailResults(t, s)
	if results["failed"] != 1 || results["sent"] != 1 || results["dropped"] != 1 {
		t.Errorf("the results are %v, want one of each", results)
	}
	end := s.Clock.Now().Add(notice.Life + time.Hour)
	for s.Clock.Now().Before(end) {
		s.Clock.Advance(time.Minute)
		s.SendNotices()
	}
	results = mailResults(t, s)
	if left := s.Outbox(); len(left) > 0 || results["dropped"] != 2 {
		t.Errorf("the outbox has %+v; results %v", left, results)
	}
	if tries := results["failed"]; tries < 72 || tries > 90 {
		t.Errorf("%d tries in three days, want about one an hour", tries)
	}
	if log := s.Log.String(); !strings.Contains(log, "notice given up") || strings.Contains(log, "ana@example.com") {
		t.Errorf("the log does not tell of the end, or tells an address")
	}
}

// mailResults is what became of the tries to send mail, as the first server counts them.
func mailResults(t *testing.T, s *servertest.Site) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, line := range s.First().Metrics(t) {
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
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	s.NewBrowser(t).Enrol("ana")
	if left := s.Outbox(); len(left) > 0 {
		t.Errorf("the outbox has %+v", left)
	}
}

// What is undone is not told.
func TestNoticeOfNothing(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	ana := s.AddUser("ana")
	undone := errors.New("undone")
	err := s.Store.Atomic(t.Context(), func(ctx context.Context) error {
		e := audit.Event{Kind: audit.EventPasswordChanged, Subject: ana.Subject}
		return errors.Join(s.OperatorLog().Record(ctx, e), undone)
	})
	if left := s.Outbox(); !errors.Is(err, undone) || len(left) > 0 {
		t.Errorf("after %v the outbox has %+v", err, left)
	}
}

// The guesses of a set-up are told of to nobody: whoever makes it has just signed in.
func TestNoNoticeOfSetUp(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
	s := servertest.NewWithMail(t, servertest.SQLite(t), m)
	s.AddUser("ana")
	p := s.NewBrowser(t).Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial")
	a := p.Phone()
	for range 5 { // after which the codes of a sign-in are told of
		p = p.Press("Continue", "code", a.Wrong())
	}
	if left := s.Outbox(); len(left) > 0 {
		t.Errorf("the outbox has %+v", left)
	}
}
