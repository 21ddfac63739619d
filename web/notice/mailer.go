package notice

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
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// mailTime is how long each of three may take: to connect, to say who we are, and to hand the mail over.
const mailTime = 15 * time.Second

// MailerConfig is how a mail server is reached.
type MailerConfig struct {
	Server   string           // host:port
	From     string           // the sender's address
	TLS      string           // starttls, tls or none; empty: starttls
	Username string           // empty: we do not sign in
	Password string           //
	CAFile   string           // certificates, PEM, of the authorities to trust; empty: those of the system
	Host     string           // of message ids: the host of the issuer
	Now      func() time.Time // nil: time.Now
}

// Mailer hands mail to a server. Use NewMailer.
type Mailer struct {
	MailerConfig
	from  *mail.Address
	roots *x509.CertPool // nil: those of the system
}

// Message is a mail in plain text to one person.
type Message struct {
	ID      string // the same whenever the same letter is sent, so that a mail program can show it once
	To      string // an address without a name
	Subject string
	Body    string

	Language string // of both, a tag (BCP 47); empty: nobody is told
}

// NewMailer returns a Mailer, or what is wrong with the settings. It connects to nobody.
func NewMailer(c MailerConfig) (*Mailer, error) {
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail_from: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if strings.Contains(c.Host, ":") {
		c.Host = "[IPv6:" + c.Host + "]" // RFC 5322 section 3.4.1
	}
	m := &Mailer{MailerConfig: c, from: from}
	if c.CAFile == "" {
		return m, nil
	}
	content, err := os.ReadFile(c.CAFile)
	m.roots = x509.NewCertPool()
	if err == nil && !m.roots.AppendCertsFromPEM(content) {
		err = errors.New("it holds no certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("mail_ca_file: %w", err)
	}
	return m, nil
}

// HostOf is all that a mail tells of where the server is: a link in a mail teaches people to follow links in mails.
func HostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Send returns nil once the server has taken the letter, and else a *Fault.
func (m *Mailer) Send(ctx context.Context, l Message) error {
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
func (m *Mailer) message(l Message) (*gomail.Msg, error) {
	to, err := mail.ParseAddress(l.To)
	if err != nil || to.Name != "" {
		return nil, &Fault{text: "it is not an e-mail address", letter: true}
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(m.from)
	message.ToMailAddress(&mail.Address{Address: to.Address})
	message.Subject(oneLine(l.Subject))
	message.SetMessageIDWithValue(l.ID + "@" + m.Host)
	message.SetDateWithValue(m.Now())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office answers (RFC 3834)
	if l.Language != "" {
		message.SetGenHeader("Content-Language", l.Language) // RFC 3282
	}
	message.SetBodyString(gomail.TypeTextPlain, l.Body)
	return message, nil
}

// client has dialled told of the connection, without TLS: to close that waits for nobody.
func (m *Mailer) client(dialled func(net.Conn)) (*gomail.Client, error) {
	host, portText, err := net.SplitHostPort(m.Server)
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
	switch m.TLS {
	case "tls":
		options = append(options, gomail.WithSSL())
	case "none":
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.Username != "" { // config lets nobody have a name without TLS
		options = append(options, gomail.WithUsername(m.Username), gomail.WithPassword(m.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5))
	}
	return gomail.NewClient(host, options...)
}

func (m *Mailer) dial(ctx context.Context, network, address string, trust *tls.Config, dialled func(net.Conn)) (net.Conn, error) {
	line, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	dialled(line)
	if m.TLS != "tls" {
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

// printable takes out what a terminal or a mail program would obey: names come from other people.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '\uFFFD'
		}
		return r
	}, text)
}
