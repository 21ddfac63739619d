package certificate_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"net/url"
	"testing"
	"time"

	"vestibule/provider/certificate"
)

// TestVerify: who has issued it, its time, what it is for, and whose it is.
func TestVerify(t *testing.T) {
	root, stranger := issue(t, nil, asCA), issue(t, nil, asCA)
	between := issue(t, root, asCA)
	authority, err := certificate.NewAuthority([]byte(inPEM(root)))
	if err != nil {
		t.Fatal(err)
	}
	bank := certificate.Subject{DN: "CN=bank"}
	for _, tt := range []struct {
		name  string
		chain []*issued
		who   certificate.Subject
		at    time.Time
		want  error
	}{
		{"good", []*issued{issue(t, root)}, bank, noon, nil},
		{"by an authority between", []*issued{issue(t, between), between}, bank, noon, nil},
		{"without the authority between", []*issued{issue(t, between)}, bank, noon, certificate.ErrAuthority},
		{"by a stranger", []*issued{issue(t, stranger)}, bank, noon, certificate.ErrAuthority},
		{"by a stranger who is shown", []*issued{issue(t, stranger), stranger}, bank, noon, certificate.ErrAuthority},
		{"by itself", []*issued{issue(t, nil)}, bank, noon, certificate.ErrAuthority},
		{"by a client", []*issued{issue(t, issue(t, root)), issue(t, root)}, bank, noon, certificate.ErrAuthority},
		{"of somebody else", []*issued{issue(t, root)}, certificate.Subject{DN: "CN=shop"}, noon, certificate.ErrSubject},
		{"expired", []*issued{issue(t, root)}, bank, noon.Add(2 * time.Hour), certificate.ErrExpired},
		{"not yet", []*issued{issue(t, root)}, bank, noon.Add(-2 * time.Hour), certificate.ErrExpired},
		{"of a server", []*issued{issue(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, bank, noon, certificate.ErrUsage},
		{"for encryption", []*issued{issue(t, root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}, bank, noon, certificate.ErrUsage},
		{"for anything", []*issued{issue(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = nil })}, bank, noon, nil},
		{"no subject is registered", []*issued{issue(t, root)}, certificate.Subject{}, noon, certificate.ErrSubject},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var chain []*x509.Certificate
			for _, one := range tt.chain {
				chain = append(chain, one.Certificate)
			}
			if err := authority.Verify(chain, tt.who, tt.at); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if err := (*certificate.Authority)(nil).Verify(chain, tt.who, tt.at); err == nil {
				t.Error("it is good where nobody vouches for anybody")
			}
		})
	}
	if _, err := certificate.NewAuthority([]byte("x")); err == nil {
		t.Error("an authority of no certificates")
	}
}

// TestSubject compares what is registered with a certificate that has something of everything.
func TestSubject(t *testing.T) {
	address, _ := url.Parse("spiffe://example.com/bank")
	c := issue(t, nil, func(c *x509.Certificate) {
		c.RawSubject = der(t, pkix.RDNSequence{
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "PT"}},
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "Banco, S.A. + Filhos"}},
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "PSDPT-BP-1"}},
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "João"}, {Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: "7"}},
		})
		c.DNSNames, c.URIs, c.EmailAddresses = []string{"bank.example.com", "*.shop.example.com"}, []*url.URL{address}, []string{"ana@example.com"}
		c.IPAddresses = []net.IP{net.ParseIP("192.0.2.7"), net.ParseIP("2001:db8::7")}
	})
	const rest = ",organizationIdentifier=PSDPT-BP-1,O=Banco\\, S.A. \\+ Filhos,C=PT"
	for _, tt := range []struct {
		who  certificate.Subject
		want bool
	}{
		{certificate.Subject{DN: "CN=João+UID=7" + rest}, true},
		{certificate.Subject{DN: "UID=7+CN=João" + rest}, true},
		{certificate.Subject{DN: `cn=Jo\C3\A3o + uid = 7 , 2.5.4.97 = PSDPT-BP-1 , o=Banco\2C S.A. \2b Filhos , c=PT`}, true},
		{certificate.Subject{DN: "2.5.4.3=#0c054a6fc3a36f+UID=7" + rest}, true},
		{certificate.Subject{DN: "CN=joão+UID=7" + rest}, false},
		{certificate.Subject{DN: "CN=João" + rest}, false},
		{certificate.Subject{DN: "CN=João+UID=7"}, false},
		{certificate.Subject{DN: `C=PT,O=Banco\, S.A. \+ Filhos,2.5.4.97=PSDPT-BP-1,CN=João+UID=7`}, false},
		{certificate.Subject{DN: "CN=João+UID=7,organizationIdentifier=PSDPT-BP-1,O=Banco,C=PT"}, false},
		{certificate.Subject{DNS: "BANK.example.com"}, true},
		{certificate.Subject{DNS: "a.shop.example.com"}, false},
		{certificate.Subject{DNS: "example.com"}, false},
		{certificate.Subject{URI: "spiffe://example.com/bank"}, true},
		{certificate.Subject{URI: "spiffe://example.com/bank2"}, false},
		{certificate.Subject{IP: "192.0.2.7"}, true},
		{certificate.Subject{IP: "2001:DB8:0::7"}, true},
		{certificate.Subject{IP: "192.0.2.8"}, false},
		{certificate.Subject{Email: "ana@EXAMPLE.com"}, true},
		{certificate.Subject{Email: "Ana@example.com"}, false},
		{certificate.Subject{Email: "ana@example.com", DNS: "bank.example.com"}, false},
		{certificate.Subject{}, false},
	} {
		if got := tt.who.Is(c.Certificate); got != tt.want {
			t.Errorf("%+v: %v, want %v (%v)", tt.who, got, tt.want, tt.who.Check())
		}
	}
}

func der(t *testing.T, v any) []byte {
	t.Helper()
	data, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRegistered: what can be no certificate's is refused at once.
func TestRegistered(t *testing.T) {
	for _, bad := range []certificate.Subject{
		{}, {DN: "bank"}, {DN: "CN="}, {DN: "CN=bank,"}, {DN: "XX=bank"}, {DN: "CN=a;O=b"}, {DN: `CN="bank"`}, {DN: `CN=bank\`}, {DN: `CN=bank\zz`}, {DN: "CN=#zz"},
		{DN: "CN=#0c0161ff"}, {DN: "CN=\\ff"}, {DN: "CN=a+CN=a"}, {DN: "02.5=a"}, {DN: "2=a"}, {DN: "CN=a\x00"}, {DNS: "*.example.com"}, {DNS: "bank..example"}, {DNS: "https://bank"},
		{URI: "bank"}, {URI: "%zz"}, {URI: "SPIFFE://example.com/bank"}, {URI: "spiffe://example.com/bank#"}, {IP: "192.0.2"}, {IP: "192.0.2.0/24"}, {Email: "ana"}, {Email: "@example.com"}, {DNS: "a", IP: "192.0.2.7"},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestTextIsNoDER: a name with a text that looks like the DER of another value is not that one's.
func TestTextIsNoDER(t *testing.T) {
	own := issue(t, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "#0403626e6b"}}}
	})
	for text, want := range map[string]bool{`CN=\#0403626e6b`: true, "CN=#0403626e6b": false} {
		if got := (certificate.Subject{DN: text}).Is(own.Certificate); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// FuzzDN: a name that can be registered is one that no certificate of another is of.
func FuzzDN(f *testing.F) {
	for _, seed := range []string{"CN=bank", `CN=Jo\C3\A3o+UID=7 , O=a\,b,2.5.4.97=#0c0161`, `CN=\ a\ `, "C=PT,", `CN=#`} {
		f.Add(seed)
	}
	other := issue(f, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "an other name that no seed leads to: 4711"}
	})
	f.Fuzz(func(t *testing.T, text string) {
		who := certificate.Subject{DN: text}
		if who.Check() == nil && who.Is(other.Certificate) {
			t.Errorf("%q is the other", text)
		}
	})
}
