package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"vestibule/cmd/vestibule/servertest"
)

// tryMail runs vestibule mail test with the settings in environ.
func tryMail(t *testing.T, to string, environ ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), []string{"mail", "test", to}, newEnv(environ, strings.NewReader(""), &out, &out))
	return out.String(), err
}

func TestMailTest(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"starttls", "tls", "none"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			m := servertest.NewMailbox(t, mode, func(m *servertest.Mailbox) { m.Open = mode == "none" })
			said, err := tryMail(t, "ana@example.com", m.Environ()...)
			if err != nil || !strings.Contains(said, m.Address+" has taken a mail to ana@example.com") {
				t.Fatalf("mail test: %q, %v", said, err)
			}
			got := m.Received()
			if len(got) != 1 {
				t.Fatalf("the server has %d mails, want 1", len(got))
			}
			one := got[0]
			if one.From != "id@example.com" || one.To != "ana@example.com" || !strings.Contains(one.Body, "the mail of Vestibule at id.example.com. It has arrived.") {
				t.Errorf("the mail is %+v", one)
			}
			for name, want := range map[string]string{
				"Subject": "Vestibule: A test", "From": `"Example ID" <id@example.com>`, "To": "<ana@example.com>",
				"Content-Type": "text/plain; charset=UTF-8", "Auto-Submitted": "auto-generated", "Content-Language": "en", "X-Mailer": "", "User-Agent": "",
			} {
				if got := one.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if id := one.Header.Get("Message-Id"); !strings.HasSuffix(id, "@id.example.com>") {
				t.Errorf("Message-ID: %s", id)
			}
		})
	}
}

// What fails is said with the setting that is to blame, and without the password.
func TestMailTestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, mode, to, want string
		prepare              func(*servertest.Mailbox)
		changes              []string // of settings
	}{
		{"mail is off", "tls", "a@b.c", "set VESTIBULE_MAIL_SERVER", nil, []string{"MAIL_SERVER", ""}},
		{"no address", "tls", "ana", "it is not an e-mail address", nil, nil},
		{"two lines", "tls", "a@b.c>\r\nRCPT TO:<d@e.f", "it is not an e-mail address", nil, nil},
		{"a name too", "tls", "Ana <a@b.c>", "it is not an e-mail address", nil, nil},
		{"server down", "starttls", "a@b.c", "the server in mail_server cannot be reached: ", func(m *servertest.Mailbox) { m.Stop() }, nil},
		{"strange certificate", "starttls", "a@b.c", "name that in mail_ca_file: ", nil, []string{"MAIL_CA_FILE", ""}},
		{"strange certificate at once", "tls", "a@b.c", "name that in mail_ca_file: ", nil, []string{"MAIL_CA_FILE", ""}},
		{"another host", "starttls", "a@b.c", "did not prove to be the one in mail_server", func(m *servertest.Mailbox) {
			m.Address = strings.Replace(m.Address, "127.0.0.1", "localhost", 1)
		}, nil},
		{"no STARTTLS", "none", "a@b.c", "offers no STARTTLS", nil, []string{"MAIL_TLS", "starttls"}},
		{"no TLS", "starttls", "a@b.c", "perhaps mail_tls should be starttls: ", nil, []string{"MAIL_TLS", "tls"}},
		{"wrong password", "starttls", "a@b.c", "did not accept mail_username and mail_password: ", nil, []string{"MAIL_PASSWORD", "canary-that-is-wrong"}},
		{"nobody signs in there", "tls", "a@b.c", "perhaps it needs no mail_username: ", func(m *servertest.Mailbox) { m.Open = true }, []string{"MAIL_USERNAME", "id", "MAIL_PASSWORD", servertest.MailPassword}},
		{"nobody has signed in", "tls", "a@b.c", "set mail_username and mail_password: ", nil, []string{"MAIL_USERNAME", "", "MAIL_PASSWORD", ""}},
		{"strange sender", "starttls", "a@b.c", "from the address in mail_from: ", func(m *servertest.Mailbox) {
			m.Refuses("from", &smtp.SMTPError{Code: 553, Message: "not yours"})
		}, nil},
		{"strange recipient", "starttls", "a@b.c", "mail to this address: ", func(m *servertest.Mailbox) {
			m.Refuses("a@b.c", &smtp.SMTPError{Code: 550, Message: "no\x1b[31msuch user"})
		}, nil},
		{"spam", "starttls", "a@b.c", "did not take the letter: ", func(m *servertest.Mailbox) { m.Refuses("data", errors.New("spam")) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := servertest.NewMailbox(t, tt.mode)
			if tt.prepare != nil {
				tt.prepare(m)
			}
			said, err := tryMail(t, tt.to, m.Environ(tt.changes...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || said != "" {
				t.Fatalf("mail test says %q, %v; want %q", said, err, tt.want)
			}
			if strings.Contains(err.Error(), "canary") || strings.ContainsAny(err.Error(), "\x1b\r\n") {
				t.Errorf("the message has too much in it: %q", err)
			}
			if got := m.Received(); len(got) != 0 {
				t.Errorf("mail has arrived: %+v", got)
			}
		})
	}
}
