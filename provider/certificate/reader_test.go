package certificate_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/provider/certificate"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// issued is a certificate and its key.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate; by nobody: it signs itself.
func issue(t testing.TB, by *issued, change ...func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "bank"}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, f := range change {
		f(c)
	}
	if by == nil {
		by = &issued{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{parsed, key}
}

func asCA(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	c.Subject = pkix.Name{CommonName: "CA " + rand.Text()}
}

func inPEM(c ...*issued) string {
	var all []byte
	for _, one := range c {
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	return string(all)
}

func inBase64(c *issued) string { return base64.StdEncoding.EncodeToString(c.Raw) }

// escaped is how nginx writes a variable that it escapes.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func TestFormats(t *testing.T) {
	ca := issue(t, nil, asCA)
	one, two := issue(t, ca), issue(t, nil)
	der, other, issuer := inBase64(one), inBase64(two), inBase64(ca)
	onePEM := inPEM(one)
	nginx, apache := escaped(onePEM), strings.ReplaceAll(strings.TrimSpace(onePEM), "\n", " ")
	quoted := `Cert="` + nginx + `"`
	for _, tt := range []struct {
		name, format, value string
		chain               int    // how many are found
		want                string // in the error; empty: there is none
	}{
		{"nginx", certificate.PEM, nginx, 1, ""},
		{"Apache", certificate.PEM, apache, 1, ""},
		{"with tabs, as an older nginx", certificate.PEM, strings.ReplaceAll(strings.TrimSpace(onePEM), "\n", "\t"), 1, ""},
		{"with its plus signs left", certificate.PEM, strings.ReplaceAll(nginx, "%2B", "+"), 1, ""},
		{"nothing", certificate.PEM, "", 0, ""},
		{"nothing, as Apache says it", certificate.PEM, "(null)", 0, ""},
		{"two in PEM", certificate.PEM, escaped(inPEM(one, two)), 0, "exactly one"},
		{"two in PEM in a line", certificate.PEM, apache + ", " + apache, 0, "exactly one"},
		{"text before PEM", certificate.PEM, escaped("bank\n" + onePEM), 0, "exactly one"},
		{"half of PEM", certificate.PEM, nginx[:len(nginx)/2], 0, ""},
		{"another block", certificate.PEM, strings.ReplaceAll(nginx, "CERTIFICATE", "PUBLIC%20KEY"), 0, "exactly one"},
		{"wrong percent-encoding", certificate.PEM, nginx + "%2", 0, "percent-encoding"},
		{"DER where PEM should be", certificate.PEM, der, 0, "exactly one"},
		{"no certificate in PEM", certificate.PEM, "-----BEGIN CERTIFICATE----- AAAA -----END CERTIFICATE-----", 0, "X.509"},

		{"HAProxy", certificate.Base64, der, 1, ""},
		{"Traefik", certificate.Base64, der + "," + issuer, 2, ""},
		{"an older Traefik", certificate.Base64, url.QueryEscape(der + "," + issuer), 2, ""},
		{"what a client has written, and the proxy behind it", certificate.Base64, der + "," + other, 0, "no chain"},
		{"a chain that a client has written, and the proxy behind it", certificate.Base64, der + "," + issuer + "," + other, 0, "no chain"},
		{"nothing in base64", certificate.Base64, "", 0, ""},
		{"with a space", certificate.Base64, der + " ", 0, "base64"},
		{"with a line break", certificate.Base64, der[:64] + "\n" + der[64:], 0, "base64"},
		{"altered", certificate.Base64, der[:len(der)-4] + "====", 0, "base64"},
		{"cut off", certificate.Base64, der[:len(der)-8], 0, "X.509"},
		{"eleven", certificate.Base64, strings.Repeat(der+",", 10) + der, 0, "more than 10"},

		{"Envoy", certificate.XFCC, `Hash=1a2b;` + quoted + `;Subject="CN=bank,O=\"a;b,c\"";URI=;DNS=a;DNS=b`, 1, ""},
		{"Envoy with a chain", certificate.XFCC, quoted + `;Chain="` + escaped(inPEM(one, two)) + `"`, 2, ""},
		{"unquoted", certificate.XFCC, "cert=" + nginx, 1, ""},
		{"nothing of Envoy", certificate.XFCC, "", 0, ""},
		{"no Cert", certificate.XFCC, "Hash=1a2b", 0, "no Cert"},
		{"two connections", certificate.XFCC, quoted + "," + quoted, 0, "SANITIZE_SET"},
		{"a Cert of the client's making", certificate.XFCC, `Subject="x,Cert=y";` + quoted, 1, ""},
		{"two Certs", certificate.XFCC, quoted + ";" + quoted, 0, "twice"},
		{"a chain of somebody else", certificate.XFCC, quoted + `;Chain="` + escaped(inPEM(two)) + `"`, 0, "Chain"},
		{"no key", certificate.XFCC, quoted + ";x", 0, "KEY=VALUE"},
		{"a quote that does not end", certificate.XFCC, quoted + `;Subject="x`, 0, "KEY=VALUE"},
		{"a quote in a value", certificate.XFCC, quoted + `;Subject=x"y`, 0, "KEY=VALUE"},
		{"text behind a quote", certificate.XFCC, quoted + `x`, 0, "KEY=VALUE"},

		{"RFC 9440", certificate.RFC9440, ":" + der + ":", 1, ""},
		{"without colons", certificate.RFC9440, der, 0, "colons"},
		{"with one colon", certificate.RFC9440, ":", 0, "colons"},
		{"an empty header", certificate.RFC9440, "", 0, ""},
		{"an empty sequence", certificate.RFC9440, "::", 0, "X.509"},
		{"two in RFC 9440", certificate.RFC9440, ":" + der + ":, :" + other + ":", 0, "exactly one"},
		{"with parameters", certificate.RFC9440, ":" + der + ":;a=1", 0, "colons"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chain, err := read(tt.format, tt.value)
			switch {
			case tt.name == "half of PEM" && err == nil, err == nil && tt.want != "", err != nil && tt.chain > 0:
				t.Errorf("%d certificates, %v", len(chain), err)
			case err != nil && !strings.Contains(err.Error(), tt.want):
				t.Errorf("%v, want %q", err, tt.want)
			case err == nil && (len(chain) != tt.chain || len(chain) > 0 && !chain[0].Equal(one.Certificate)):
				t.Errorf("%d certificates, want %d, the client's own first", len(chain), tt.chain)
			}
		})
	}
}

// read is what a proxy passes on in the header X-Cert.
func read(format, value string) ([]*x509.Certificate, error) {
	r := &http.Request{Header: http.Header{"X-Cert": {value}}, RemoteAddr: "10.0.0.7:4000"}
	return certificate.Reader{Format: format, Header: "X-Cert", Proxies: proxies}.Read(r)
}

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}

// TestWhoIsBelieved: the header counts of proxies, and the connection of all others.
func TestWhoIsBelieved(t *testing.T) {
	passed, own := issue(t, nil), issue(t, nil)
	value := ":" + inBase64(passed) + ":"
	tests := []struct {
		name, format, peer string
		headers            []string
		chain              []string
		tls                bool
		want               []*issued
		fault              string
	}{
		{"a proxy", certificate.RFC9440, "10.0.0.7:4000", []string{value}, nil, false, []*issued{passed}, ""},
		{"a proxy as IPv6 has IPv4", certificate.RFC9440, "[::ffff:10.0.0.7]:4000", []string{value}, nil, false, []*issued{passed}, ""},
		{"a proxy that shows a certificate of its own", certificate.RFC9440, "10.0.0.7:4000", []string{value}, nil, true, []*issued{passed}, ""},
		{"a proxy whose client has shown none", certificate.RFC9440, "10.0.0.7:4000", nil, nil, true, nil, ""},
		{"a proxy with the rest of the chain", certificate.RFC9440, "10.0.0.7:4000", []string{value}, []string{":" + inBase64(own) + ":"}, false, []*issued{passed, own}, ""},
		{"a proxy with a bad rest", certificate.RFC9440, "10.0.0.7:4000", []string{value}, []string{"x"}, false, nil, "Client-Cert-Chain"},
		{"a proxy, twice", certificate.RFC9440, "10.0.0.7:4000", []string{value, value}, nil, false, nil, "sent twice"},
		{"a visitor", certificate.RFC9440, "203.0.113.9:4000", []string{value}, nil, false, nil, ""},
		{"a visitor, twice", certificate.RFC9440, "203.0.113.9:4000", []string{value, "x"}, nil, false, nil, ""},
		{"a visitor whose TLS ends here", certificate.RFC9440, "203.0.113.9:4000", []string{value}, nil, true, []*issued{own}, ""},
		{"nobody knows who", certificate.RFC9440, "@", []string{value}, nil, false, nil, ""},
		{"a connection", certificate.Connection, "10.0.0.7:4000", []string{value}, nil, true, []*issued{own}, ""},
		{"no setting", "", "10.0.0.7:4000", []string{value}, nil, false, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/token", nil)
			r.RemoteAddr, r.Header["Client-Cert"], r.Header["Client-Cert-Chain"] = tt.peer, tt.headers, tt.chain
			if tt.tls {
				r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{own.Certificate}}
			}
			var got []*x509.Certificate
			var err error
			next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				r.RemoteAddr = "203.0.113.1:0" // as clientAddress has it
				got, err = certificate.Of(r)
			})
			certificate.Reader{Format: tt.format, Proxies: proxies}.Handler(next).ServeHTTP(httptest.NewRecorder(), r)
			if (err != nil) != (tt.fault != "") || err != nil && !strings.Contains(err.Error(), tt.fault) || len(got) != len(tt.want) {
				t.Fatalf("%d certificates, %v; want %d, %q", len(got), err, len(tt.want), tt.fault)
			}
			for i := range got {
				if !got[i].Equal(tt.want[i].Certificate) {
					t.Errorf("certificate %d is another", i+1)
				}
			}
		})
	}
	r := &http.Request{TLS: &tls.ConnectionState{PeerCertificates: []*x509.Certificate{own.Certificate}}}
	if got, err := certificate.Of(r); err != nil || len(got) != 1 {
		t.Errorf("a request that no Handler has seen has %d, %v", len(got), err)
	}
}

// TestThumbprint is of DER, as `openssl dgst -sha256` makes it.
func TestThumbprint(t *testing.T) {
	if got := certificate.Thumbprint(&x509.Certificate{Raw: []byte("abc")}); got != "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0" {
		t.Errorf("it is %s", got)
	}
}

func FuzzRead(f *testing.F) {
	one := issue(f, nil)
	f.Add(0, escaped(inPEM(one)))
	f.Add(1, inBase64(one)+","+inBase64(one))
	f.Add(2, `Hash=a;Cert="`+escaped(inPEM(one))+`";Subject="a\"b"`)
	f.Add(3, ":"+inBase64(one)+":")
	f.Add(0, "%-----BEGIN CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, format int, value string) {
		chain, err := read(certificate.Formats[(format%4+4)%4], value)
		if err != nil && chain != nil || len(chain) > 10 {
			t.Errorf("%d certificates, %v", len(chain), err)
		}
	})
}
