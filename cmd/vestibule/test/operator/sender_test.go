package operator

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// tarpit is a mail server that says nothing any more from that point of a conversation on. It tells of each that has
// come so far.
func tarpit(t *testing.T, where string) (address string, reached <-chan bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	there := make(chan bool, 10)
	talk := func(c net.Conn) {
		if where == "greeting" {
			there <- true
			return
		}
		fmt.Fprint(c, "220 localhost\r\n")
		for lines := bufio.NewScanner(c); lines.Scan(); {
			switch word, _, _ := strings.Cut(lines.Text(), " "); word {
			case "EHLO", "MAIL", "RCPT":
				fmt.Fprint(c, "250 OK\r\n")
			case "DATA":
				there <- true
				return
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go talk(c)
		}
	}()
	return l.Addr().String(), there
}

// A mail server that does not answer does not hold up a server that stops, and the notice is not lost.
func TestStopWhileSending(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"greeting", "DATA"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			address, reached := tarpit(t, where)
			s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
				c.MailServer, c.MailFrom, c.MailTLS = address, "id@example.com", "none"
			})
			user := s.AddUser("ana", func(a *account.Account) { a.Email = "ana@example.com" })
			s.Record(audit.EventPasswordChanged, user, nil)
			s.Clock.Advance(time.Second)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.First().Do(ctx, "notices") }()
			<-reached
			stop()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(7 * time.Second): // half of what it waits for a server
				t.Fatal("it still waits for the mail server")
			}
			if n := s.Outbox(); len(n) != 1 || n[0].Due.After(s.Clock.Now()) {
				t.Errorf("the outbox has %+v, want the notice, due at once", n)
			}
		})
	}
}

// A letter that the server refuses for what is in it is tried again on its own, and the others go out.
func TestRefusedLetter(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "none", func(m *servertest.Mailbox) { m.Open = true })
	m.Spam = "evil"
	s := servertest.NewWithMail(t, servertest.SQLite(t), m)
	user := s.AddUser("ana", func(a *account.Account) { a.Email = "ana@example.com" })
	for range 3 {
		s.Record(audit.EventFactorAdded, user, map[string]string{"name": "evil"})
	}
	s.Record(audit.EventPasswordChanged, user, nil)
	s.Clock.Advance(time.Second)
	s.SendNotices()
	m.Arrived("Your password was changed")
	if n := len(s.Outbox()); n != 3 {
		t.Errorf("the outbox has %d notices, want the 3 that were refused", n)
	}
	m.Refuses("data", &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now"})
	s.Record(audit.EventPasswordChanged, user, nil)
	s.Clock.Advance(time.Hour)
	before := map[string]time.Time{}
	for _, n := range s.Outbox() {
		before[n.ID] = n.Due
	}
	s.SendNotices()
	tried := 0
	for _, n := range s.Outbox() {
		if !n.Due.Equal(before[n.ID]) {
			tried++
		}
	}
	if tried != 1 {
		t.Errorf("%d of %d letters were tried at a server that takes none now, want one", tried, len(before))
	}
}
