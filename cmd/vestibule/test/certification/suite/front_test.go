//go:build conformance

package suite

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// vouched is a certificate of this machine, and a client that believes it.
type vouched struct {
	pair   tls.Certificate
	file   string // in PEM, for programs that read it from SSL_CERT_FILE
	client *http.Client
}

func vouch(t *testing.T) vouched {
	t.Helper()
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	file := filepath.Join(t.TempDir(), "localhost.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	return vouched{
		pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file: file,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}},
	}
}

// serve puts a handler behind TLS at a host:port, as the best practice for TLS (BCP 195) has it, and returns its origin.
func (v vouched) serve(t *testing.T, address string, handler http.Handler) (origin string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0) // the suite shakes hands in ways that must be refused
	server := &http.Server{Handler: handler, ErrorLog: quiet, ReadHeaderTimeout: time.Minute, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{v.pair}, MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
	}}
	go server.ServeTLS(listener, "", "") // ends when it is closed
	t.Cleanup(func() { server.Close() })
	return "https://localhost:" + must(url.Parse("//"+listener.Addr().String())).Port()
}

// before sends requests on to a program that speaks plain HTTP, and tells it how they came.
func before(address, port string) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(must(url.Parse(address)))
		r.Out.Host = r.In.Host
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Port", port)
		r.Out.Header.Set("X-Ssl-Protocol", strings.Replace(tls.VersionName(r.In.TLS.Version), "TLS ", "TLSv", 1))
		r.Out.Header.Set("X-Ssl-Cipher", tls.CipherSuiteName(r.In.TLS.CipherSuite))
	}}
}

// must is for what cannot fail but by a fault of the test.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
