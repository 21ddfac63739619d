package config

import (
	"crypto/x509"
	"net"
	"net/mail"
	"os"
	"slices"
)

// mailRules leave the other settings alone while mail_server is empty, but for what can never be right.
func mailRules(c Config) []rule {
	host, _, _ := net.SplitHostPort(c.MailServer)
	on, named := c.MailServer != "", c.MailUsername != ""
	return []rule{
		{"mail_server", on && !mailServer(c.MailServer), "is not the address of a mail server; write host:port, such as mail.example.com:587"},
		{"mail_from", on && c.MailFrom == "", "is missing; write the address that mail comes from, such as id@example.com"},
		{"mail_from", c.MailFrom != "" && !mailbox(c.MailFrom), "is not an e-mail address; write it like id@example.com or Example <id@example.com>"},
		{"mail_tls", !slices.Contains([]string{"starttls", "tls", "none"}, c.MailTLS), "should be starttls, tls or none"},
		{"mail_tls", on && c.MailTLS == "none" && !loopback(host), "is none, which is only safe for a mail server on a loopback address; use starttls or tls"},
		{"mail_username", named && c.MailTLS == "none", "would be sent in the clear, and its password too; set mail_tls to starttls or tls"},
		{"mail_username", !named && c.MailPassword != "", "is missing, but there is a mail_password"},
		{"mail_password", named && c.MailPassword == "", "is missing; put it into a file and the file's path into " + variable("mail_password_file")},
		{"mail_ca_file", c.MailCAFile != "" && !certificates(c.MailCAFile), "is not the path of a readable file of certificates in PEM"},
	}
}

func mailServer(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && host != "" && portNumber(port) && listenAddress(address)
}

func mailbox(text string) bool {
	_, err := mail.ParseAddress(text)
	return err == nil
}

func certificates(path string) bool {
	content, err := os.ReadFile(path)
	return err == nil && x509.NewCertPool().AppendCertsFromPEM(content)
}
