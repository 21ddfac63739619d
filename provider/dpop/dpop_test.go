//go:debug rsa1024min=0
package dpop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/provider/dpop"
)

const address = "https://id.example/token"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// keys are one for each algorithm, and some that are for none.
var keys = func() map[string]any {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	large, _ := rsa.GenerateKey(rand.Reader, 2048)
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	return map[string]any{"ES256": p256, "EdDSA": edwards, "PS256": large, "RS256": large, "P-384": p384, "1024": small, "HS256": []byte("0123456789abcdef0123456789abcdef")}
}()

func claims(change map[string]any) map[string]any {
	c := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": address, "iat": noon.Unix()}
	maps.Copy(c, change)
	for name, value := range change {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// header returns the parameters of the header for a key.
func header(t *testing.T, key any, algorithm string) map[string]any {
	t.Helper()
	own := jose.JSONWebKey{Key: key}
	if _, symmetric := key.([]byte); !symmetric {
		own = own.Public()
	}
	public, err := own.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var jwk map[string]any
	if err := json.Unmarshal(public, &jwk); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"typ": "dpop+jwt", "alg": algorithm, "jwk": jwk}
}

// sign makes a JWT with exactly that header, which the library would complete.
func sign(t *testing.T, key any, algorithm string, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		data, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(data))
	}
	signed := strings.Join(parts, ".")
	signature, err := signature(key, algorithm, signed)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func proof(t *testing.T, algorithm string, change map[string]any) string {
	t.Helper()
	return sign(t, keys[algorithm], algorithm, header(t, keys[algorithm], algorithm), claims(change))
}

func checker(change ...func(*dpop.Checker)) *dpop.Checker {
	now := func() time.Time { return noon }
	c := &dpop.Checker{Once: &dpop.Memory{Now: now}, Now: now}
	for _, f := range change {
		f(c)
	}
	return c
}

func request(proofs ...string) *http.Request {
	r := httptest.NewRequest("POST", "http://internal:8080/token?x=1", nil)
	for _, p := range proofs {
		r.Header.Add("DPoP", p)
	}
	return r
}

// refused fails the test unless the error is one for the client, with the text in it.
func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	var refusal *dpop.Error
	if !errors.As(err, &refusal) || refusal.Code != code || !strings.Contains(refusal.Text, text) {
		t.Errorf("%v, want %s with %q", err, code, text)
	}
}

func TestAlgorithms(t *testing.T) {
	for _, algorithm := range dpop.Algorithms {
		p, err := checker().Check(request(proof(t, algorithm, nil)), address)
		if err != nil || len(p.Thumbprint) != 43 {
			t.Errorf("%s: %v, %v", algorithm, p, err)
		}
		_, err = checker(func(c *dpop.Checker) { c.Algorithms = []string{"none"} }).Check(request(proof(t, algorithm, nil)), address)
		refused(t, err, dpop.CodeInvalid, "must be one of none")
	}
}

// TestThumbprint is the proof of RFC 9449 section 4.1; section 6.1 tells the thumbprint of its key.
func TestThumbprint(t *testing.T) {
	const example = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19" +
		".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ" +
		".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	c := checker(func(c *dpop.Checker) { c.Now = func() time.Time { return time.Unix(1562262616, 0) } })
	p, err := c.Check(request(example), "https://server.example.com/token")
	if err != nil || p.Thumbprint != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestClaims(t *testing.T) {
	ago := func(seconds int64) int64 { return noon.Unix() - seconds }
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   string // empty: it is good
	}{
		{"good", nil, ""},
		{"no jti", map[string]any{"jti": nil}, "jti"},
		{"empty jti", map[string]any{"jti": ""}, "jti"},
		{"long jti", map[string]any{"jti": strings.Repeat("a", 256)}, ""},
		{"endless jti", map[string]any{"jti": strings.Repeat("a", 257)}, "jti"},
		{"jti of another type", map[string]any{"jti": 7}, "types"},
		{"no htm", map[string]any{"htm": nil}, "htm"},
		{"other method", map[string]any{"htm": "GET"}, "htm"},
		{"method in small letters", map[string]any{"htm": "post"}, "htm"},
		{"no htu", map[string]any{"htu": nil}, "htu"},
		{"other address", map[string]any{"htu": "https://id.example/userinfo"}, "htu"},
		{"other host", map[string]any{"htu": "https://internal/token"}, "htu"},
		{"the Host of the request", map[string]any{"htu": "http://internal:8080/token"}, "htu"},
		{"query and fragment", map[string]any{"htu": address + "?a=b#c"}, ""},
		{"other spelling", map[string]any{"htu": "HTTPS://ID.example:443/x/../%74oken"}, ""},
		{"no iat", map[string]any{"iat": nil}, "iat"},
		{"iat of another type", map[string]any{"iat": "now"}, "types"},
		{"fraction", map[string]any{"iat": float64(noon.Unix()) - 0.5}, ""},
		{"a minute old", map[string]any{"iat": ago(60)}, ""},
		{"older", map[string]any{"iat": ago(61)}, "iat of the DPoP proof is 1m1s ago"},
		{"of 1970", map[string]any{"iat": 0}, "iat"},
		{"before all time", map[string]any{"iat": -1e300}, "iat"},
		{"a little ahead", map[string]any{"iat": ago(-30)}, ""},
		{"ahead", map[string]any{"iat": ago(-31)}, "iat of the DPoP proof is 31s ahead"},
		{"after all time", map[string]any{"iat": 1e300}, "iat"},
		{"nbf", map[string]any{"nbf": ago(-30)}, ""},
		{"nbf ahead", map[string]any{"nbf": ago(-31)}, "nbf"},
		{"nbf after all time", map[string]any{"nbf": 1e300}, "nbf"},
		{"exp", map[string]any{"exp": ago(30)}, ""},
		{"exp ago", map[string]any{"exp": ago(31)}, "exp"},
		{"exp of another type", map[string]any{"exp": []int{1}}, "types"},
		{"a nonce of somebody else", map[string]any{"nonce": "abc"}, ""},
		{"more than is known", map[string]any{"x": "y"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := checker().Check(request(proof(t, "ES256", tt.change)), address)
			switch {
			case tt.want != "":
				refused(t, err, dpop.CodeInvalid, tt.want)
			case err != nil || p == nil:
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	type parameters = map[string]any
	private := func(name string) func(parameters) {
		return func(h parameters) { h["jwk"].(parameters)[name] = "AQ" }
	}
	for _, tt := range []struct {
		name, algorithm, key string
		change               func(parameters)
		want                 string
	}{
		{"no typ", "ES256", "", func(h parameters) { delete(h, "typ") }, "typ"},
		{"other typ", "ES256", "", func(h parameters) { h["typ"] = "JWT" }, "typ"},
		{"no alg", "ES256", "", func(h parameters) { delete(h, "alg") }, "alg"},
		{"none", "ES256", "", func(h parameters) { h["alg"] = "none" }, "alg"},
		{"HMAC", "HS256", "", func(parameters) {}, "alg"},
		{"HMAC under another name", "HS256", "", func(h parameters) { h["alg"] = "ES256" }, "private members"},
		{"other curve", "ES384", "P-384", func(parameters) {}, "alg"},
		{"other curve under another name", "ES384", "P-384", func(h parameters) { h["alg"] = "ES256" }, "jwk"},
		{"short key", "RS256", "1024", func(parameters) {}, "RSA of 2048"},
		{"key of another algorithm", "RS256", "", func(h parameters) { h["alg"] = "ES256" }, "jwk"},
		{"no jwk", "ES256", "", func(h parameters) { delete(h, "jwk") }, "no jwk"},
		{"jwk of another type", "ES256", "", func(h parameters) { h["jwk"] = "x" }, "compact form"},
		{"empty jwk", "ES256", "", func(h parameters) { h["jwk"] = parameters{} }, "compact form"},
		{"private key", "ES256", "", private("d"), "private members"},
		{"half a private key", "RS256", "", private("p"), "private members"},
		{"symmetric member", "EdDSA", "", private("k"), "private members"},
		{"crit", "ES256", "", func(h parameters) { h["crit"], h["b64"] = []string{"b64"}, true }, "crit"},
		{"other key", "ES256", "", func(h parameters) {
			other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			h["jwk"] = header(t, other, "ES256")["jwk"]
		}, "signature"},
		{"not on the curve", "ES256", "", func(h parameters) { jwk := h["jwk"].(parameters); jwk["x"] = jwk["y"] }, "compact form"},
		{"kid and more", "ES256", "", func(h parameters) { h["kid"], h["x"] = "1", 2 }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := keys[tt.algorithm]
			if tt.key != "" {
				key = keys[tt.key]
			}
			h := header(t, key, tt.algorithm)
			tt.change(h)
			_, err := checker().Check(request(sign(t, key, tt.algorithm, h, claims(nil))), address)
			if tt.want != "" {
				refused(t, err, dpop.CodeInvalid, tt.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForm(t *testing.T) {
	good := proof(t, "ES256", nil)
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"empty": "", "no JWT": "abc", "two parts": parts[0] + "." + parts[1], "four parts": good + ".x", "cut off": good[:len(good)-1],
		"with a line break": good[:8] + "\n" + good[8:], "with one in the signature": good[:len(good)-8] + "\n" + good[len(good)-8:],
		"two in one header": good + ", " + good, "padding": parts[0] + "=." + parts[1] + "." + parts[2],
		"other claims": parts[0] + "." + strings.Split(proof(t, "ES256", nil), ".")[1] + "." + parts[2],
		"no claims":    parts[0] + ".." + parts[2], "JSON form": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"endless": parts[0] + "." + parts[1] + strings.Repeat("a", 8<<10) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			_, err := checker().Check(request(text), address)
			refused(t, err, dpop.CodeInvalid, "DPoP proof")
		})
	}
	_, err := checker().Check(request(good, good), address)
	refused(t, err, dpop.CodeInvalid, "twice")
	if p, err := checker().Check(request(), address); p != nil || err != nil {
		t.Errorf("no proof: %v, %v", p, err)
	}
}

func TestAddress(t *testing.T) {
	for _, tt := range []struct {
		sent, own string
		want      bool
	}{
		{"https://id.example", "https://id.example/", true},
		{"https://id.example:8443/token", "https://id.example:8443/token", true},
		{"https://id.example:8443/token", "https://id.example/token", false},
		{"http://[::1]:80/token", "http://[::1]/token", true},
		{"http://id.example/token", "https://id.example/token", false},
		{"https://id.example/Token", "https://id.example/token", false},
		{"https://id.example/token/", "https://id.example/token", false},
		{"https://id.example/a%2fb", "https://id.example/a%2Fb", true},
		{"https://id.example/a/b", "https://id.example/a%2Fb", false},
		{"https://id.example/%7Eana", "https://id.example/~ana", true},
		{"https://id.example/a/./b/%2e%2e/c", "https://id.example/a/c", true},
		{"https://id.example//token", "https://id.example/token", false},
		{"https://ana@id.example/token", "https://id.example/token", false},
		{"https://id.example.evil/token", "https://id.example/token", false},
		{"//id.example/token", "https://id.example/token", false},
		{"/token", "https://id.example/token", false},
		{"https:/token", "https://id.example/token", false},
		{"ftp://id.example/token", "ftp://id.example/token", false},
		{"https://id.example/%zz", "https://id.example/%zz", false},
	} {
		_, err := checker().Check(request(proof(t, "ES256", map[string]any{"htu": tt.sent})), tt.own)
		if (err == nil) != tt.want {
			t.Errorf("htu %s for %s: %v, want it to fit: %v", tt.sent, tt.own, err, tt.want)
		}
	}
}

// TestAddresses: a server that is known by two takes proofs for both, and for no third.
func TestAddresses(t *testing.T) {
	for htu, want := range map[string]bool{address: true, "https://mtls.id.example/token": true, "https://other.example/token": false} {
		_, err := checker().Check(request(proof(t, "ES256", map[string]any{"htu": htu})), address, "https://mtls.id.example/token")
		if (err == nil) != want {
			t.Errorf("htu %s: %v, want it to fit: %v", htu, err, want)
		}
	}
}

func TestAccessToken(t *testing.T) {
	for ath, want := range map[string]bool{"fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo": true, "": false, "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp": false} {
		p, err := checker().Check(request(proof(t, "ES256", map[string]any{"ath": ath})), address)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.For("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"); (err == nil) != want { // RFC 9449 section 7.1
			t.Errorf("ath %q: %v", ath, err)
		}
	}
}

func TestNonce(t *testing.T) {
	secret, older := []byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))
	nonces := func(secrets ...[]byte) *dpop.Nonces {
		n, err := dpop.NewNonces(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ours := nonces(secret, older)
	for _, tt := range []struct {
		name, nonce string
		need, good  bool
	}{
		{"none", "", false, true},
		{"none where it must", "", true, false},
		{"present", ours.Now(noon), true, true},
		{"of the same minute", ours.Now(noon.Add(59 * time.Second)), true, true},
		{"of another server", nonces(secret).Now(noon), true, true},
		{"of the key before", nonces(older).Now(noon), true, true},
		{"five minutes old", ours.Now(noon.Add(-5 * time.Minute)), true, true},
		{"older", ours.Now(noon.Add(-6 * time.Minute)), true, false},
		{"of a server whose clock is ahead", ours.Now(noon.Add(time.Minute)), true, false},
		{"of a stranger", nonces([]byte(strings.Repeat("c", 32))).Now(noon), true, false},
		{"of a stranger where it need not", nonces([]byte(strings.Repeat("c", 32))).Now(noon), false, false},
		{"made up", "abc", true, false},
	} {
		c := checker(func(c *dpop.Checker) { c.Nonces, c.NeedNonce = ours, tt.need })
		change := map[string]any{"nonce": tt.nonce}
		if tt.nonce == "" {
			change["nonce"] = nil
		}
		_, err := c.Check(request(proof(t, "ES256", change)), address)
		h := http.Header{}
		c.Nonce(h, err)
		if told := h.Get("DPoP-Nonce") != ""; told != (tt.need || !tt.good) {
			t.Errorf("%s: DPoP-Nonce %q", tt.name, h.Get("DPoP-Nonce"))
		}
		if tt.good && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if !tt.good {
			refused(t, err, dpop.CodeUseNonce, "DPoP-Nonce")
		}
	}
	for _, secrets := range [][][]byte{nil, {[]byte("short")}} {
		if _, err := dpop.NewNonces(secrets...); err == nil {
			t.Errorf("nonces of %q", secrets)
		}
	}
}

// TestUse: a proof is used once, whatever proofs of other keys have the same jti.
func TestUse(t *testing.T) {
	now := noon
	memory := &dpop.Memory{Now: func() time.Time { return now }}
	c := checker(func(c *dpop.Checker) { c.Once = memory })
	use := func(algorithm string) error {
		p, err := c.Check(request(proof(t, algorithm, map[string]any{"jti": "same"})), address)
		if err != nil {
			t.Fatal(err)
		}
		return c.Use(context.Background(), p)
	}
	for i, tt := range []struct {
		algorithm string
		after     time.Duration
		want      error
	}{{"ES256", 0, nil}, {"ES256", 0, dpop.ErrReplayed}, {"EdDSA", 0, nil}, {"ES256", 4 * time.Minute, dpop.ErrReplayed}, {"ES256", 4 * time.Minute, nil}, {"ES256", 0, dpop.ErrReplayed}} {
		now = now.Add(tt.after)
		if err := use(tt.algorithm); !errors.Is(err, tt.want) {
			t.Errorf("use %d: %v, want %v", i, err, tt.want)
		}
	}
}

// FuzzParse holds whatever is taken for a proof to what callers rest on.
func FuzzParse(f *testing.F) {
	for _, algorithm := range dpop.Algorithms {
		f.Add(sign(&testing.T{}, keys[algorithm], algorithm, header(&testing.T{}, keys[algorithm], algorithm), claims(nil)))
	}
	for _, text := range []string{"", "..", "e30.e30.", "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7fX0.e30.AA"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := dpop.Parse(text, dpop.Algorithms)
		var refusal *dpop.Error
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Errorf("error %v", err)
		case err == nil && (len(p.Thumbprint) != 43 || strings.Count(text, ".") != 2):
			t.Errorf("%q is a proof of %q", text, p.Thumbprint)
		}
	})
}
