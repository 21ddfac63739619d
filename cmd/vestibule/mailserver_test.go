package main

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
)

const mailPassword = "canary-of-the-mail-server"

// mailServer is a mail server on a loopback address that keeps what it gets.
type mailServer struct {
	t       *testing.T
	address string
	ca      string // file with its certificate
	tls     *tls.Config
	mode    string // starttls, tls or none
	open    bool   // nobody needs to sign in
	spam    string // what no letter may have in it; empty: nothing
	stop    func()

	mu     sync.Mutex
	mail   []received
	refuse map[string]error // by what is refused: from, data, or an address
	got    func()           // called once a mail is there, before the server says so
}

// received is a mail as the server has it.
type received struct {
	from, to string
	header   mail.Header
	body     string
}

// startMail starts a server that wants TLS in the given mode, and a name and password.
func startMail(t *testing.T, mode string, options ...func(*mailServer)) *mailServer {
	t.Helper()
	m := &mailServer{t: t, address: "127.0.0.1:0", mode: mode, refuse: map[string]error{}}
	m.tls, m.ca = certificate(t)
	for _, option := range options {
		option(m)
	}
	m.start()
	t.Cleanup(func() { m.stop() }) // a second time does no harm
	return m
}

// start listens, at the same address each time.
func (m *mailServer) start() {
	m.t.Helper()
	l, err := net.Listen("tcp", m.address)
	if err != nil {
		m.t.Fatalf("mail server: %v", err)
	}
	m.address = l.Addr().String()
	server := smtp.NewServer(m)
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", m.mode == "none", quiet{}
	switch m.mode {
	case "starttls":
		server.TLSConfig = m.tls
	case "tls":
		l = tls.NewListener(l, m.tls)
	}
	go server.Serve(l) // ends with stop
	m.stop = func() {
		l.Close()
		server.Close()
	}
}

// quiet is a logger for complaints that tests provoke.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// settings are those that fit the server.
func (m *mailServer) settings(c *config.Config) {
	c.MailServer, c.MailFrom, c.MailTLS = m.address, "Example ID <id@example.com>", m.mode
	if m.mode != "none" {
		c.MailCAFile = m.ca
	}
	if !m.open {
		c.MailUsername, c.MailPassword = "id", mailPassword
	}
}

// environ are the same settings for a process, but for the changes, which are names and values in turn.
func (m *mailServer) environ(changes ...string) []string {
	var c config.Config
	m.settings(&c)
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

// received returns all mail so far.
func (m *mailServer) received() []received {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mail)
}

// subjects returns those of the mail so far, without the name of the server, in order.
func (m *mailServer) subjects() []string {
	var all []string
	for _, one := range m.received() {
		_, subject, _ := strings.Cut(one.header.Get("Subject"), ": ")
		all = append(all, subject)
	}
	slices.Sort(all)
	return all
}

func (m *mailServer) refuses(what string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse[what] = err
}

func (m *mailServer) refused(what string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuse[what]
}

// NewSession implements smtp.Backend.
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &mailSession{mailServer: m, signedIn: m.open}, nil
}

type mailSession struct {
	*mailServer
	signedIn bool
	one      received
}

func (s *mailSession) AuthMechanisms() []string {
	if s.open {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "id" || password != mailPassword {
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
	s.one = received{from: from}
	return s.refused("from")
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.one.to != "" {
		s.t.Errorf("one mail to several: %s and %s", s.one.to, to)
	}
	s.one.to = to
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
	if s.spam != "" && strings.Contains(string(body), s.spam) {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam"}
	}
	s.one.header, s.one.body = message.Header, strings.ReplaceAll(string(body), "\r\n", "\n")
	s.mu.Lock()
	s.mail = append(s.mail, s.one)
	got := s.got
	s.mu.Unlock()
	if got != nil {
		got()
	}
	return nil
}

func (s *mailSession) Reset()        { s.one = received{} }
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
