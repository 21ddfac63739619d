package certificate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Subject is what the certificate of a client must say, one of these (RFC 8705 section 2.1.2).
type Subject struct {
	DN    string // a distinguished name in the text of RFC 4514
	DNS   string // a DNS name among the alternative names, like all below
	URI   string
	IP    string
	Email string
}

// Check says what is wrong with what a client wants to register.
func (s Subject) Check() error {
	given := 0
	for _, one := range []string{s.DN, s.DNS, s.URI, s.IP, s.Email} {
		if one != "" {
			given++
		}
	}
	if given != 1 {
		return errors.New("exactly one of tls_client_auth_subject_dn, _san_dns, _san_uri, _san_ip and _san_email says which certificate is the client's")
	}
	if s.DN != "" {
		if _, err := parseName(s.DN); err != nil {
			return fmt.Errorf("tls_client_auth_subject_dn is no distinguished name of RFC 4514, such as CN=bank,O=Example,C=PT: %w", err)
		}
	}
	if _, err := netip.ParseAddr(s.IP); s.IP != "" && err != nil {
		return errors.New("tls_client_auth_san_ip is no IP address")
	}
	uri, err := url.Parse(s.URI)
	mailbox, domain, _ := strings.Cut(s.Email, "@")
	switch {
	case s.URI != "" && (err != nil || !uri.IsAbs()):
		return errors.New("tls_client_auth_san_uri is no absolute URI")
	case s.URI != "" && uri.String() != s.URI: // as that of no certificate is, which are read like this one
		return fmt.Errorf("tls_client_auth_san_uri is compared in its normal form: write it as %s", uri)
	case s.Email != "" && (mailbox == "" || !isHost(domain)):
		return errors.New("tls_client_auth_san_email is no address of mail")
	case s.DNS != "" && !isHost(s.DNS):
		return errors.New("tls_client_auth_san_dns is no DNS name; one with * would be many clients")
	}
	return nil
}

// isHost reports whether the text may be a DNS name of one host, in ASCII.
func isHost(text string) bool {
	label := func(part string) bool {
		return part != "" && len(part) <= 63 && strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
	}
	return len(text) <= 253 && !slices.ContainsFunc(strings.Split(text, "."), func(part string) bool { return !label(part) })
}

// Is reports whether the certificate says so. A name with * in a certificate stands for itself alone.
func (s Subject) Is(c *x509.Certificate) bool {
	switch {
	case s.Check() != nil:
		return false
	case s.DN != "":
		want, _ := parseName(s.DN) // Check has
		got, err := readName(c.RawSubject)
		return err == nil && want.is(got)
	case s.DNS != "":
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return strings.EqualFold(name, s.DNS) })
	case s.URI != "":
		return slices.ContainsFunc(c.URIs, func(uri *url.URL) bool { return uri.String() == s.URI })
	case s.IP != "":
		want, _ := netip.ParseAddr(s.IP)
		return slices.ContainsFunc(c.IPAddresses, func(ip net.IP) bool {
			got, ok := netip.AddrFromSlice(ip)
			return ok && got.Unmap() == want.Unmap()
		})
	}
	return slices.ContainsFunc(c.EmailAddresses, func(address string) bool { return sameMailbox(address, s.Email) })
}

// sameMailbox compares addresses of mail, whose hosts may be in capitals (RFC 5280 section 7.5).
func sameMailbox(a, b string) bool {
	boxA, hostA, _ := strings.Cut(a, "@")
	boxB, hostB, _ := strings.Cut(b, "@")
	return boxA == boxB && strings.EqualFold(hostA, hostB)
}

// Reasons why a certificate proves nothing, as the end of a sentence about it.
var (
	ErrExpired   = errors.New("it has expired, or is not valid yet")
	ErrUsage     = errors.New("it is not for the authentication of clients")
	ErrAuthority = errors.New("no authority that this server trusts has issued it")
	ErrSubject   = errors.New("it is another client's")
)

// CheckTime returns ErrExpired for a certificate that is not of now.
func CheckTime(c *x509.Certificate, now time.Time) error {
	if now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return ErrExpired
	}
	return nil
}

// Authority is the certificate authorities that vouch for clients. nil: there are none.
type Authority struct{ roots *x509.CertPool }

// NewAuthority reads certificates in PEM. Each of them is believed, whoever has issued it.
func NewAuthority(pem []byte) (*Authority, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("there are no certificates in PEM")
	}
	return &Authority{roots}, nil
}

// Verify checks a chain, the client's own certificate first: who has issued it, its time, what it may be used for, and that
// it is the subject's (RFC 8705 section 2.1). Errors: those above.
func (a *Authority) Verify(chain []*x509.Certificate, who Subject, now time.Time) error {
	if a == nil { // or those of the system would vouch
		return ErrAuthority
	}
	own, between := chain[0], x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if err := CheckTime(own, now); err != nil {
		return err
	}
	_, err := own.Verify(x509.VerifyOptions{
		Roots: a.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage, err == nil && !signs(own):
		return ErrUsage
	case err != nil:
		return ErrAuthority
	case !who.Is(own):
		return ErrSubject
	}
	return nil
}

// signs reports whether the key may make signatures, as one does in the handshake (RFC 5280 section 4.2.1.3).
func signs(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageDigitalSignature != 0
}
