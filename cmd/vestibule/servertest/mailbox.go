package servertest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/web/notice"
)

// MailPassword is what the mail server wants to hear.
const MailPassword = "canary-of-the-mail-server"

// Mailbox is a mail server on a loopback address that keeps what it gets.
type Mailbox struct {
	T       *testing.T
	Address string
	ca      string // file with its certificate
	tls     *tls.Config
	Mode    string // starttls, tls or none
	Open    bool   // nobody needs to sign in
	Spam    string // what no letter may have in it; empty: nothing
	Stop    func()

	mu     sync.Mutex
	mail   []Mail
	refuse map[string]error // by what is refused: from, data, or an address
	got    func()           // called once a mail is there, before the server says so
}

// Mail is a mail as the server has it.
type Mail struct {
	From, To string
	Header   mail.Header
	Body     string
}

// NewMailbox starts a server that wants TLS in the given mode, and a name and password.
func NewMailbox(t *testing.T, mode string, options ...func(*Mailbox)) *Mailbox {
	t.Helper()
	m := &Mailbox{T: t, Address: "127.0.0.1:0", Mode: mode, refuse: map[string]error{}}
	m.tls, m.ca = certificate(t)
	for _, option := range options {
		option(m)
	}
	m.Start()
	t.Cleanup(func() { m.Stop() }) // a second time does no harm
	return m
}

// Start listens, at the same address each time.
func (m *Mailbox) Start() {
	m.T.Helper()
	l, err := net.Listen("tcp", m.Address)
	if err != nil {
		m.T.Fatalf("mail server: %v", err)
	}
	m.Address = l.Addr().String()
	server := smtp.NewServer(m)
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", m.Mode == "none", quiet{}
	switch m.Mode {
	case "starttls":
		server.TLSConfig = m.tls
	case "tls":
		l = tls.NewListener(l, m.tls)
	}
	go server.Serve(l) // ends with stop
	m.Stop = func() {
		l.Close()
		server.Close()
	}
}

// quiet is a logger for complaints that tests provoke.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Settings are those that fit the server.
func (m *Mailbox) Settings(c *config.Config) {
	c.MailServer, c.MailFrom, c.MailTLS = m.Address, "Example ID <id@example.com>", m.Mode
	if m.Mode != "none" {
		c.MailCAFile = m.ca
	}
	if !m.Open {
		c.MailUsername, c.MailPassword = "id", MailPassword
	}
}

// Environ are the same settings for a process, but for the changes, which are names and values in turn.
func (m *Mailbox) Environ(changes ...string) []string {
	var c config.Config
	m.Settings(&c)
	values := map[string]string{
		"ISSUER": "https://id.example.com", "MAIL_SERVER": c.MailServer, "MAIL_FROM": c.MailFrom, "MAIL_TLS": c.MailTLS,
		"MAIL_CA_FILE": c.MailCAFile, "MAIL_USERNAME": c.MailUsername, "MAIL_PASSWORD": c.MailPassword,
	}
	for i := 0; i < len(changes); i += 2 {
		values[changes[i]] = changes[i+1]
	}
	var environ []string
	for name, value := range values {
		environ = append(environ, "VESTIBULE_"+name+"="+value)
	}
	return environ
}

// Received returns all mail so far.
func (m *Mailbox) Received() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mail)
}

// subjects returns those of the mail so far, without the name of the server, in order.
func (m *Mailbox) subjects() []string {
	var all []string
	for _, one := range m.Received() {
		_, subject, _ := strings.Cut(one.Header.Get("Subject"), ": ")
		all = append(all, subject)
	}
	slices.Sort(all)
	return all
}

// OnMail has f called whenever a mail is there, before the server says so; nil: nothing is called.
func (m *Mailbox) OnMail(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = f
}

// Refuses has the server answer with the error: to what is from, data, or an address. Nil: it takes that again.
func (m *Mailbox) Refuses(what string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse[what] = err
}

func (m *Mailbox) refused(what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuse[what]
}

// NewSession implements smtp.Backend.
func (m *Mailbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{Mailbox: m, signedIn: m.Open}, nil
}

type mailSession struct {
	*Mailbox
	signedIn bool
	one      Mail
}

func (s *mailSession) AuthMechanisms() []string {
	if s.Open {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "id" || password != MailPassword {
			return errors.New("unknown")
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "sign in first"}
	}
	s.one = Mail{From: from}
	return s.refused("from")
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.one.To != "" {
		s.T.Errorf("one mail to several: %s and %s", s.one.To, to)
	}
	s.one.To = to
	return s.refused(to)
}

func (s *mailSession) Data(r io.Reader) error {
	if err := s.refused("data"); err != nil {
		return err
	}
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return err
	}
	if s.Spam != "" && strings.Contains(string(body), s.Spam) {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"}
	}
	s.one.Header, s.one.Body = message.Header, strings.ReplaceAll(string(body), "\r\n", "\n")
	s.mu.Lock()
	s.mail = append(s.mail, s.one)
	got := s.got
	s.mu.Unlock()
	if got != nil {
		got()
	}
	return nil
}

func (s *mailSession) Reset()        { s.one = Mail{} }
func (s *mailSession) Logout() error { return nil }

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, path
}

// NewWithMail is a site whose servers send mail through m.
func NewWithMail(t *testing.T, database string, m *Mailbox) *Site {
	t.Helper()
	s := New(t, database, m.Settings, func(c *config.Config) { c.Contact = "help@example.com" })
	s.KeepSecret(MailPassword)
	return s
}

// SendNotices has all servers look at the outbox, at the same time.
func (s *Site) SendNotices() {
	s.T.Helper()
	var group sync.WaitGroup
	for _, one := range s.Servers() {
		group.Go(func() {
			if err := one.Do(s.T.Context(), "notices"); err != nil {
				s.T.Errorf("notices: %v", err)
			}
		})
	}
	group.Wait()
}

// Record records an event of an operator.
func (s *Site) Record(kind string, user account.Account, detail map[string]string) {
	s.T.Helper()
	e := audit.Event{Kind: kind, Outcome: audit.OutcomeOK, Subject: user.Subject, Detail: detail}
	if err := s.OperatorLog().Record(s.T.Context(), e); err != nil {
		s.T.Fatalf("record %s: %v", kind, err)
	}
}

// Outbox is what waits to be sent.
func (s *Site) Outbox() []notice.Notice {
	s.T.Helper()
	found, err := s.Store.DueNotices(s.T.Context(), s.Clock.Now().Add(365*24*time.Hour), 100)
	if err != nil {
		s.T.Fatalf("outbox: %v", err)
	}
	return found
}

// Arrived fails the test unless these are the subjects of all mail so far.
func (m *Mailbox) Arrived(want ...string) {
	m.T.Helper()
	slices.Sort(want)
	if got := m.subjects(); !slices.Equal(got, want) {
		m.T.Errorf("the mail so far is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Link returns the only link of the newest mail.
func (m *Mailbox) Link(issuer string) string {
	m.T.Helper()
	all := m.Received()
	_, rest, _ := strings.Cut(all[len(all)-1].Body, "\n  "+issuer+"/")
	link, _, ok := strings.Cut(rest, "\n")
	if !ok {
		m.T.Fatalf("the mail has no link:\n%s", all[len(all)-1].Body)
	}
	return issuer + "/" + link
}
