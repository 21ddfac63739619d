package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/config"
)

// ClientCertificate is a certificate that a client may show, or an authority that issues them.
type ClientCertificate struct {
	*x509.Certificate
	t   *testing.T
	key *ecdsa.PrivateKey
}

// NewAuthority makes an authority.
func NewAuthority(t *testing.T) *ClientCertificate {
	t.Helper()
	now := newClock().Now()
	return certify(t, nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: "CA " + rand.Text()}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// Issue makes a certificate of that common name, good for a day; of no authority: one that signs itself.
func (a *ClientCertificate) Issue(t *testing.T, name string, now time.Time) *ClientCertificate {
	t.Helper()
	return certify(t, a, &x509.Certificate{
		Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func certify(t *testing.T, by *ClientCertificate, c *x509.Certificate) *ClientCertificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if by == nil {
		by = &ClientCertificate{c, t, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &ClientCertificate{c, t, key}
}

// Header is how a proxy of RFC 9440 passes it on.
func (c *ClientCertificate) Header() string {
	return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":"
}

// TLS is it for a client that shows it itself.
func (c *ClientCertificate) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: c.key}
}

// JWKS is the set of its key, with the certificate itself if whole.
func (c *ClientCertificate) JWKS(whole bool) json.RawMessage {
	c.t.Helper()
	key := jose.JSONWebKey{Key: c.key.Public()}
	if whole {
		key.Certificates = []*x509.Certificate{c.Certificate}
	}
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// Trusted is the setting that has this machine be a proxy of RFC 9440, and the authority vouch for clients.
func (c *ClientCertificate) Trusted(settings *config.Config) {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		c.t.Fatal(err)
	}
	settings.ClientCertificateFormat, settings.ClientCertificateCAFile = "rfc9440", path
	settings.TrustedProxies = append(settings.TrustedProxies, netip.MustParsePrefix("127.0.0.0/8"))
}
