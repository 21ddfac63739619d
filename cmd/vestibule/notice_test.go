package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/emersion/go-smtp"

	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/storage"
)

// TestLetterOf says which events users are told of.
func TestLetterOf(t *testing.T) {
	detail := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for _, tt := range []struct {
		kind   string
		detail map[string]string
		want   string
	}{
		{audit.EventFactorAdded, nil, "factor.added"},
		{audit.EventFactorRemoved, nil, "factor.removed"},
		{audit.EventFactorRenamed, nil, ""},
		{audit.EventRecoveryUsed, nil, "auth.recovery.used"},
		{audit.EventCodesMade, nil, "factor.codes.made"},
		{audit.EventCodesMade, detail("authenticator", "Phone"), ""},
		{audit.EventPasswordChanged, nil, "password.changed"},
		{audit.EventAdminUserUpdated, detail("name", "yes"), ""},
		{audit.EventAdminUserUpdated, detail("email", "yes"), "email.changed"},
		{audit.EventAdminReset, nil, "admin.totp.reset"},
		{audit.EventAdminResetPlanned, nil, "admin.totp.reset.planned"},
		{audit.EventResetCancelled, nil, "factor.reset.cancelled"},
		{audit.EventAdminTOTPAdded, nil, "factor.added"},
		{audit.EventAdminEnrolLink, nil, "admin.enrol_link.made"},
		{audit.EventTOTPFailed, detail("in_a_row", "4"), ""},
		{audit.EventTOTPFailed, detail("in_a_row", "10"), "wrong codes"},
		{audit.EventTOTPFailed, detail("in_a_row", "10", "set_up", "yes"), ""},
		{audit.EventTOTPLocked, detail("in_a_row", "5"), "wrong codes"},
		{audit.EventTOTPLocked, detail("in_a_row", "3"), "wrong codes"},
		{audit.EventTOTPLocked, detail("in_a_row", "5", "set_up", "yes"), ""},
		{audit.EventRecoveryLocked, detail("in_a_row", "5"), "wrong codes"},
		{audit.EventTOTPFailed, nil, ""},
		{audit.Proved("key"), nil, ""},
		{audit.ProofFailed("key"), detail("in_a_row", "5"), "wrong codes"},
		{audit.ProofLocked("key"), detail("in_a_row", "3"), "wrong codes"},
		{audit.EventPasswordLocked, detail("in_a_row", "5"), ""}, // strangers could have mail sent
		{audit.EventPassword, nil, ""},
		{audit.EventSignedIn, nil, ""},
		{"test", nil, ""},
		{"when", nil, ""},
		{"", nil, ""},
	} {
		e := audit.Event{Kind: tt.kind, Subject: "ana", Detail: tt.detail, Outcome: audit.OutcomeOK}
		if got := letterOf(e); got != tt.want {
			t.Errorf("letterOf(%s, %v) = %q, want %q", tt.kind, tt.detail, got, tt.want)
		}
		e.Subject = ""
		if got := letterOf(e); got != "" {
			t.Errorf("letterOf(%s) of nobody = %q, want none", tt.kind, got)
		}
	}
	if got := letterOf(audit.Event{Kind: audit.EventFactorRemoved, Subject: "ana", Outcome: audit.OutcomeRefused}); got != "" {
		t.Errorf("a refused removal is told of as %q", got)
	}
}

// Each letter is plain lines in a short form, whatever users call things, and has no link but the one that must be.
func TestLetters(t *testing.T) {
	all := []string{
		"factor.added", "factor.removed", "auth.recovery.used", "factor.codes.made", "password.changed", "email.changed",
		"admin.totp.reset", "admin.totp.reset.planned", "factor.reset.cancelled", "admin.enrol_link.made", "wrong codes",
	}
	for _, one := range letters.Templates() {
		if name := one.Name(); name != "" && !slices.Contains(append(all, "test", "when", "help", "end"), name) {
			t.Errorf("letter %s is not tested", name)
		}
	}
	user := account.Account{Username: "ana\r\nBcc: x@example.com"}
	hostile := "Phone\u2028\r\n\r\n.\r\nBcc: x@example.com\u202e" + strings.Repeat("long ", 100)
	for _, name := range all {
		for _, actor := range []string{"", "cli:0"} {
			p := &sender{name: "Example ID", host: "id.example.com", contact: "help@example.com", cancel: func(reset string) string {
				return "https://id.example.com/reset/cancel?token=" + reset
			}}
			n := storage.Notice{Event: audit.Event{
				Kind: name, Time: time.Date(2027, 1, 31, 9, 5, 0, 0, time.FixedZone("", 3600)), Address: "2001:db8::7", Actor: actor,
				Detail: map[string]string{"name": hostile, "left": "3", "last": "yes", "in_a_row": "5", "reset": "r1", "due": "2027-02-01T12:00:00Z"},
			}}
			subject, body, err := write(name, p.facts(user, n))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			checkLetter(t, name, subject, body)
			if byOperator := strings.Contains(body, "  By       an operator"); byOperator != (actor != "") {
				t.Errorf("%s by %q tells of an operator: %v", name, actor, byOperator)
			}
		}
	}
}

func checkLetter(t *testing.T, name, subject, body string) {
	t.Helper()
	if !strings.HasPrefix(subject, "Example ID: ") || len(subject) > 78 || strings.HasSuffix(subject, " ") {
		t.Errorf("%s: subject %q", name, subject)
	}
	for _, want := range []string{"  Account  ana", " at id.example.com\n", "  When     31 January 2027, 08:05 UTC\n", "  Address  2001:db8::7\n", "help@example.com\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s does not say %q:\n%s", name, want, body)
		}
	}
	links := 0
	if name == "admin.totp.reset.planned" {
		links = 1
		if !strings.Contains(body, "\n  https://id.example.com/reset/cancel?token=r1\n") || !strings.Contains(body, "1 February 2027, 12:00 UTC.") {
			t.Errorf("%s has not the link and the time:\n%s", name, body)
		}
	}
	if got := strings.Count(body, "://"); got != links {
		t.Errorf("%s has %d links, want %d:\n%s", name, got, links, body)
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 78 && !strings.Contains(line, `"Phone`) || strings.HasPrefix(line, "Bcc:") || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("%s has the line %q", name, line)
		}
	}
	if strings.Contains(body, "\n\n\n") || strings.HasPrefix(body, "\n") || strings.Contains(body, "<no value>") {
		t.Errorf("%s has a gap:\n%s", name, body)
	}
}

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
	for _, one := range *s.servers.Load() {
		group.Go(func() {
			if err := one.sender.round(s.t.Context()); err != nil {
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
func (s *site) outbox() []storage.Notice {
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
			s.clock.advance(noticeEvery)
		}
		if left := s.outbox(); len(left) != 2 {
			t.Fatalf("the outbox has %d notices, want 2", len(left))
		}
		s.clock.advance(6 * time.Hour)
		s.post()
		m.start()
		s.start(1) // the servers may have been restarted as well
		s.clock.advance(noticeLater)
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
			if err := killed.close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if err := killed.sender.round(t.Context()); err == nil {
			t.Error("the round of the killed server ended well")
		}
		m.mu.Lock()
		m.got = nil
		m.mu.Unlock()
		s.post() // the killed one might still be at it
		m.arrived("Your password was changed")
		s.clock.advance(noticeTaken)
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
	results := map[string]int{}
	(*s.servers.Load())[0].sender.count = func(result string) { results[result]++ }
	ana, ben := s.addUser("ana"), s.addUser("ben")
	s.tell(audit.EventPasswordChanged, ana, nil)
	s.tell(audit.EventPasswordChanged, ben, nil)
	s.tell(audit.EventPasswordChanged, account.Account{Subject: "nobody"}, nil)
	s.post()
	m.arrived("Your password was changed")
	if results["failed"] != 1 || results["sent"] != 1 || results["dropped"] != 1 {
		t.Errorf("the results are %v, want one of each", results)
	}
	end := s.clock.now().Add(noticeLife + time.Hour)
	for s.clock.now().Before(end) {
		s.clock.advance(time.Minute)
		s.post()
	}
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
	for range waveOfCodes {
		p = p.press("Continue", "code", a.wrong())
	}
	if left := s.outbox(); len(left) > 0 {
		t.Errorf("the outbox has %+v", left)
	}
}
