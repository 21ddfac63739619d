package notice

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// Fault is a letter that the server has not taken. Its text says what to do about it.
type Fault struct {
	text   string // what went wrong, and what to do about it
	cause  error
	letter bool // it is to blame, or its address: another letter may well go through
}

// Error says what went wrong, and what to do about it.
func (f *Fault) Error() string {
	if f.cause == nil {
		return f.text
	}
	cause, _, _ := strings.Cut(f.cause.Error(), ", affected ") // the library lists recipients and ids
	return f.text + ": " + oneLine(cause)
}

// Unwrap is what the server, or the way to it, said.
func (f *Fault) Unwrap() error { return f.cause }

// fault finds the setting that is to blame.
func (m *Mailer) fault(err error) *Fault {
	var sending *gomail.SendError
	if errors.As(err, &sending) {
		return m.refusal(sending)
	}
	var (
		network     *net.OpError
		certificate *tls.CertificateVerificationError
		plain       tls.RecordHeaderError
		timeout     net.Error
	)
	text := err.Error()
	for _, one := range []struct {
		is   bool
		text string
	}{
		{errors.As(err, &certificate), "the server did not prove to be the one in mail_server; if its certificate is from an authority of your own, name that in mail_ca_file"},
		{errors.As(err, &plain), "the server does not speak TLS from the start; perhaps mail_tls should be starttls"},
		{errors.As(err, &network) && network.Op == "dial", "the server in mail_server cannot be reached"},
		{strings.Contains(text, "not support STARTTLS"), "the server offers no STARTTLS; if it speaks TLS from the start, as is usual on port 465, set mail_tls to tls"},
		{strings.Contains(text, "SMTP AUTH failed"), "the server did not accept mail_username and mail_password"},
		{strings.Contains(text, "SMTP AUTH") || strings.Contains(text, "auth mechanism"), "the server has no way to sign in that is known here; perhaps it needs no mail_username"},
		{errors.As(err, &timeout) && timeout.Timeout(), "the server did not answer in time; if it speaks TLS from the start, as is usual on port 465, set mail_tls to tls"},
	} {
		if one.is {
			return &Fault{text: one.text, cause: err}
		}
	}
	return &Fault{text: "the server in mail_server was reached but cannot be talked with", cause: err}
}

// refusal is what the server said to one letter.
func (m *Mailer) refusal(err *gomail.SendError) *Fault {
	switch {
	case err.ErrorCode() == 530: // RFC 4954 section 6
		return &Fault{text: "the server wants to know who sends; set mail_username and mail_password", cause: err}
	case err.Reason == gomail.ErrSMTPMailFrom:
		return &Fault{text: "the server does not take mail from the address in mail_from", cause: err}
	case err.Reason == gomail.ErrSMTPRcptTo:
		return &Fault{text: "the server does not take mail to this address", cause: err, letter: true}
	}
	fault := &Fault{text: "the server did not take the letter", cause: err}
	content := err.Reason == gomail.ErrSMTPData || err.Reason == gomail.ErrSMTPDataClose
	fault.letter = content && err.ErrorCode() >= 500 // for good, and for what is in it
	return fault
}
