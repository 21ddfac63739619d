package hydra

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/provider/hydra/hydratest"
	"vestibule/provider/store"
)

const challenge = "a-challenge-that-nobody-may-see=="

func newAdmin(t *testing.T, c AdminConfig) *Admin {
	t.Helper()
	a, err := NewAdmin(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// calls are all calls of an Admin about a challenge.
var calls = map[string]func(a *Admin, ctx context.Context, challenge string) error{
	"login": func(a *Admin, ctx context.Context, c string) error { _, err := a.Login(ctx, c); return err },
	"accept login": func(a *Admin, ctx context.Context, c string) error {
		_, err := a.AcceptLogin(ctx, c, LoginAccept{Subject: "ana"})
		return err
	},
	"reject login": func(a *Admin, ctx context.Context, c string) error {
		_, err := a.RejectLogin(ctx, c, Rejection{})
		return err
	},
	"consent": func(a *Admin, ctx context.Context, c string) error { _, err := a.Consent(ctx, c); return err },
	"accept consent": func(a *Admin, ctx context.Context, c string) error {
		_, err := a.AcceptConsent(ctx, c, ConsentAccept{})
		return err
	},
	"reject consent": func(a *Admin, ctx context.Context, c string) error {
		_, err := a.RejectConsent(ctx, c, Rejection{})
		return err
	},
	"logout":        func(a *Admin, ctx context.Context, c string) error { _, err := a.Logout(ctx, c); return err },
	"accept logout": func(a *Admin, ctx context.Context, c string) error { _, err := a.AcceptLogout(ctx, c); return err },
	"device": func(a *Admin, ctx context.Context, c string) error {
		_, err := a.AcceptUserCode(ctx, c, "CODE")
		return err
	},
}

// TestOutcomes has an admin API answer in every way, and no error tell of the challenge, the token or the body.
func TestOutcomes(t *testing.T) {
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" || !strings.Contains(r.URL.RawQuery, "%3D%3D") {
			t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	defer server.Close()
	a := newAdmin(t, AdminConfig{URL: server.URL + "/", Token: "t0ken"})
	var used *UsedError
	var refused *RefusedError
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	for _, tt := range []struct {
		status int
		body   string
		want   func(error) bool
	}{
		{200, `private`, is(store.ErrUnavailable)},
		{200, ``, is(store.ErrUnavailable)},
		{200, `{"private":1}`, is(store.ErrUnavailable)},
		{200, `{"redirect_to":"javascript:private"}`, is(store.ErrUnavailable)},
		{302, ``, is(store.ErrUnavailable)},
		{400, `{"error":"invalid_request","error_description":"private"}`, func(err error) bool { return errors.As(err, &refused) && refused.Code == "invalid_request" }},
		{400, `private`, is(store.ErrUnavailable)},
		{401, `{"error":"request_unauthorized","error_description":"private"}`, is(ErrChallenge)},
		{401, `{"error":{"code":401,"message":"private"}}`, is(store.ErrUnavailable)},
		{403, `{"error":"forbidden"}`, is(store.ErrUnavailable)},
		{404, `{"error":"Not Found","error_description":"private"}`, is(ErrChallenge)},
		{404, `private`, is(store.ErrUnavailable)}, // some other server
		{410, `{"redirect_to":"https://hydra.example/oauth2/auth?private"}`, func(err error) bool { return errors.As(err, &used) && strings.Contains(used.RedirectTo, "auth") }},
		{410, `{"redirect_to":"private"}`, is(store.ErrUnavailable)},
		{429, `{"error":"slow"}`, is(store.ErrUnavailable)},
		{500, `{"error":"private"}`, is(store.ErrUnavailable)},
		{503, ``, is(store.ErrUnavailable)},
	} {
		status, body = tt.status, tt.body
		for name, call := range calls {
			err := call(a, t.Context(), challenge)
			if tt.status == 200 && name == "logout" && (err == nil || errors.Is(err, store.ErrUnavailable)) {
				continue // it has no field that must be there
			}
			if err == nil || !tt.want(err) {
				t.Errorf("%s: %d %s: %v", name, tt.status, tt.body, err)
				continue
			}
			checkSilent(t, err)
		}
	}
}

func checkSilent(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"private", "nobody", "t0ken", "CODE"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q tells of %q", err, secret)
		}
	}
}

// TestUnanswered is Hydra gone, and Hydra stuck.
func TestUnanswered(t *testing.T) {
	h := hydratest.Start(t, hydratest.Config{})
	h.SetFault(func(*http.Request) hydratest.Fault { return hydratest.Hang })
	gone := httptest.NewServer(nil)
	gone.Close()
	stuck := newAdmin(t, AdminConfig{URL: h.AdminURL, Timeout: 20 * time.Millisecond})
	for name, call := range calls {
		for _, a := range []*Admin{stuck, newAdmin(t, AdminConfig{URL: gone.URL})} {
			err := call(a, t.Context(), challenge)
			if !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("%s: %v", name, err)
			}
			checkSilent(t, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := call(stuck, ctx, challenge); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
		if err := call(stuck, t.Context(), ""); !errors.Is(err, ErrChallenge) {
			t.Errorf("%s without a challenge: %v", name, err)
		}
	}
	if err := stuck.Ready(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	h.SetFault(nil)
	if err := newAdmin(t, AdminConfig{URL: h.AdminURL}).Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
}

func TestClient(t *testing.T) {
	h := hydratest.Start(t, hydratest.Config{})
	h.SetClient(hydratest.Client{ID: "a/b c", Name: "Shop", Scope: "openid", Metadata: []byte(`{"vestibule":{}}`)})
	a := newAdmin(t, AdminConfig{URL: h.AdminURL})
	c, err := a.Client(t.Context(), "a/b c")
	if err != nil || c.Name != "Shop" || string(c.Metadata) != `{"vestibule":{}}` || c.UpdatedAt.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	for _, id := range []string{"none", "", ".", "..", "../oauth2/introspect"} {
		if _, err := a.Client(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("client %q: %v", id, err)
		}
	}
}

func TestAdminConfig(t *testing.T) {
	for _, tt := range []struct {
		config AdminConfig
		fault  string
	}{
		{AdminConfig{URL: "https://hydra:4445"}, ""},
		{AdminConfig{URL: "http://hydra:4445/"}, ""},
		{AdminConfig{URL: "http://127.0.0.1:4445", Token: "x"}, ""},
		{AdminConfig{URL: ""}, "http or https URL"},
		{AdminConfig{URL: "hydra:4445"}, "http or https URL"},
		{AdminConfig{URL: "https://a b"}, "no URL"},
		{AdminConfig{URL: "https://u:p@hydra"}, "no user"},
		{AdminConfig{URL: "https://hydra/admin/"}, "before /admin"},
		{AdminConfig{URL: "http://hydra", Token: "x"}, "must be https"},
		{AdminConfig{URL: "https://hydra", Token: "x\n"}, "no header"},
		{AdminConfig{URL: "https://hydra", CertFile: "x"}, "go together"},
		{AdminConfig{URL: "https://hydra", CertFile: "none", KeyFile: "none"}, "hydra_admin_cert_file"},
		{AdminConfig{URL: "https://hydra", CAFile: "none"}, "hydra_admin_ca_file"},
	} {
		_, err := NewAdmin(tt.config)
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%+v: %v, want %q", tt.config, err, tt.fault)
		}
	}
}

// TestCertificates shows a certificate to an API that asks for one, and trusts no other.
func TestCertificates(t *testing.T) {
	folder := t.TempDir()
	certificate, key := selfSigned(t, folder)
	pool := x509.NewCertPool()
	content, err := os.ReadFile(certificate)
	if err != nil || !pool.AppendCertsFromPEM(content) {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	h := hydratest.New(hydratest.Config{})
	server := httptest.NewUnstartedServer(h.Admin())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	server.StartTLS()
	defer server.Close()
	for _, tt := range []struct {
		config AdminConfig
		ok     bool
	}{
		{AdminConfig{CertFile: certificate, KeyFile: key, CAFile: certificate}, true},
		{AdminConfig{CAFile: certificate}, false},
		{AdminConfig{CertFile: certificate, KeyFile: key}, false},
	} {
		tt.config.URL = server.URL
		if err := newAdmin(t, tt.config).Ready(t.Context()); (err == nil) != tt.ok || err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, folder string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for name, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}
