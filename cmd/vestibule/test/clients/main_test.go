// Package clients has unmodified client software sign users in at whole servers, each set up by its recipe in the documents.
package clients

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// folder has the programs of these tests, and the certificate of their servers.
var folder string

// authorities is the file of the certificate, for the software to trust.
func authorities() string { return filepath.Join(folder, "ca.pem") }

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "clients"); err == nil {
		err = trust()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// trust has this process, and whoever may read the folder, trust the certificate that all of httptest's servers have.
func trust() error {
	one := httptest.NewTLSServer(nil)
	one.Close()
	pool := x509.NewCertPool()
	pool.AddCert(one.Certificate())
	http.DefaultTransport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Certificate().Raw})
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(authorities(), text, 0o644)
}

// newSite is a site by https, as much software insists on it.
func newSite(t *testing.T) *servertest.Site {
	t.Helper()
	var site atomic.Pointer[servertest.Site]
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.Load().ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.Issuer = front.URL })
	site.Store(s)
	return s
}

var buildProgram = sync.OnceValues(func() ([]byte, error) {
	return exec.Command("go", "build", "-o", folder, "vestibule/cmd/vestibule").CombinedOutput()
})

// program builds the commands once, and returns the path.
func program(t *testing.T) string {
	t.Helper()
	if out, err := buildProgram(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return filepath.Join(folder, "vestibule")
}
