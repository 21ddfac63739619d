package notice_test

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/web/notice"
)

// Whatever stands in a letter, it has one recipient and the headers that we give it.
func TestMailHeaders(t *testing.T) {
	t.Parallel()
	m := servertest.NewMailbox(t, "tls")
	c := config.Default()
	c.Issuer = "https://id.example.com"
	m.Settings(&c)
	sender, err := server.Mailer(c, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 64) + "@" + strings.Repeat("b", 60) + "." + strings.Repeat("c", 60) + "." + strings.Repeat("d", 59) + ".example"
	if len(long) != 254 {
		t.Fatalf("the longest address has %d bytes, want 254", len(long))
	}
	for _, to := range []string{"ana@example.com", "o'brien+x@example.com", `"a b"@example.com`, long} {
		l := notice.Message{ID: "n1", To: to, Subject: "Größe\r\nBcc: all@example.com\r\n\r\nX", Body: "one\n.\nBcc: all@example.com\n" + strings.Repeat("long ", 400) + "\nünd\n"}
		if err := sender.Send(t.Context(), l); err != nil {
			t.Fatalf("send to %s (%d bytes): %v", to, len(to), err)
		}
		got := m.Received()
		one := got[len(got)-1]
		address, err := mail.ParseAddress(one.Header.Get("To"))
		if err != nil || address.Address != strings.ReplaceAll(to, `"`, "") || strings.ReplaceAll(one.To, `"`, "") != address.Address {
			t.Errorf("to %s: header %q, envelope %q (%v)", to, one.Header.Get("To"), one.To, err)
		}
		subject, err := (&mime.WordDecoder{}).DecodeHeader(one.Header.Get("Subject"))
		if err != nil || !strings.HasPrefix(subject, "Größe") || strings.ContainsAny(subject, "\r\n") {
			t.Errorf("subject %q, %v", subject, err)
		}
		if one.Header.Get("Bcc") != "" || one.Body != l.Body {
			t.Errorf("to %s: Bcc %q, body %q, want %q", to, one.Header.Get("Bcc"), one.Body, l.Body)
		}
		if id := one.Header.Get("Message-Id"); id != "<n1@id.example.com>" {
			t.Errorf("Message-ID: %s", id)
		}
	}
}
