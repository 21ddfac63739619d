package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"vestibule/config"
)

// mailTime is how long each of three may take: to connect, to say who we are, and to hand the mail over.
const mailTime = 15 * time.Second

// mailer hands mail to the server of the settings.
type mailer struct {
	server   string // host:port
	from     *mail.Address
	mode     string // starttls, tls or none
	username string
	password string
	roots    *x509.CertPool // nil: those of the system
	domain   string         // of message ids: the host of the issuer
	now      func() time.Time
}

// message is a mail in plain text to one person.
type message struct {
	id      string // the same whenever the same letter is sent, so that a mail program can show it once
	to      string
	subject string
	body    string
}

// newMailer returns nil if the settings name no server.
func newMailer(c config.Config, now func() time.Time) (*mailer, error) {
	if c.MailServer == "" {
		return nil, nil
	}
	from, err := mail.ParseAddress(c.MailFrom)
	if err != nil {
		return nil, fmt.Errorf("mail_from: %w", err)
	}
	m := &mailer{
		server: c.MailServer, from: from, mode: c.MailTLS, username: c.MailUsername, password: c.MailPassword,
		domain: hostOf(c.Issuer), now: now,
	}
	if strings.Contains(m.domain, ":") {
		m.domain = "[IPv6:" + m.domain + "]" // RFC 5322 section 3.4.1
	}
	if c.MailCAFile == "" {
		return m, nil
	}
	content, err := os.ReadFile(c.MailCAFile)
	m.roots = x509.NewCertPool()
	if err == nil && !m.roots.AppendCertsFromPEM(content) {
		err = errors.New("it holds no certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("mail_ca_file: %w", err)
	}
	return m, nil
}

// hostOf is all that a mail tells of where the server is: a link in a mail teaches people to follow links in mails.
func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// send returns nil once the server has taken the letter, and else a *mailFault.
func (m *mailer) send(ctx context.Context, l message) error {
	message, err := m.message(l)
	if err != nil {
		return err
	}
	end := func() {}
	defer func() { end() }()
	client, err := m.client(func(line net.Conn) {
		// The library leaves it open when the server does not want us, and does not look at ctx once it is there.
		stop := context.AfterFunc(ctx, func() { line.Close() })
		end = func() {
			stop()
			line.Close()
		}
	})
	if err != nil {
		return m.fault(err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return m.fault(err)
	}
	if err := client.Send(message); err != nil && !message.IsDelivered() {
		return m.fault(err)
	}
	client.Close() // the letter is there, whatever becomes of the goodbye
	return nil
}

// message puts nothing into a header that was not parsed: net/mail refuses line breaks in addresses, and the library
// encodes what else is not plain text.
func (m *mailer) message(l message) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(l.to)
	if err != nil || to.Name != "" {
		return nil, &mailFault{text: "it is not an e-mail address", letter: true}
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(m.from)
	message.ToMailAddress(&mail.Address{Address: to.Address})
	message.Subject(oneLine(l.subject))
	message.SetMessageIDWithValue(l.id + "@" + m.domain)
	message.SetDateWithValue(m.now())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers (RFC 3834)
	message.SetBodyString(gomail.TypeTextPlain, l.body)
	return message, nil
}

// client has dialled told of the connection, without TLS: to close that waits for nobody.
func (m *mailer) client(dialled func(net.Conn)) (*gomail.Client, error) {
	host, portText, err := net.SplitHostPort(m.server)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{ServerName: host, RootCAs: m.roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(mailTime), gomail.WithTLSConfig(trust), gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return m.dial(ctx, network, address, trust, dialled)
		}),
	}
	switch m.mode {
	case "tls":
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.username != "" { // config lets nobody have a name without TLS
		options = append(options, gomail.WithUsername(m.username), gomail.WithPassword(m.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5))
	}
	return gomail.NewClient(host, options...)
}

func (m *mailer) dial(ctx context.Context, network, address string, trust *tls.Config, dialled func(net.Conn)) (net.Conn, error) {
	line, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	dialled(line)
	if m.mode != "tls" {
		return line, nil
	}
	secure := tls.Client(line, trust)
	if err := secure.HandshakeContext(ctx); err != nil {
		line.Close()
		return nil, err
	}
	return secure, nil
}

// oneLine is text that can neither begin a line nor hide anything.
func oneLine(text string) string { return strings.Join(strings.Fields(printable(text)), " ") }
