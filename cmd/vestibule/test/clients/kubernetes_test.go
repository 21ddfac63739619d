//go:build costly

package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/provider/account"
)

// TestKubernetes shows ID tokens to the authenticator of an unmodified kube-apiserver, which asks issuers by https alone.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := openRecipe(t, "Kubernetes", "https://id.example.com", s.Config.Issuer)
	r.run(s)
	cluster := startAuthenticator(t, r.file("yaml", t.TempDir(), "authentication.yaml"))
	ana := addMember(s.NewBrowser(t), "ana", inGroups("staff", "ops"))
	ben := addMember(s.NewBrowser(t), "ben", func(a *account.Account) { a.EmailVerified = false })

	good := signInNative(s, "kubernetes", ana)
	renewed := good.refreshed()
	for name, token := range map[string]string{"first": good.idToken(), "renewed": renewed.idToken()} {
		if got := cluster.judge(token); got.User != "ana@example.com" || !slices.Equal(got.Groups, []string{"staff", "ops"}) {
			t.Errorf("the user of the %s token is %+v, want ana@example.com in staff and ops", name, got)
		}
	}

	other, err := s.Store.Client(t.Context(), "kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	other.ID = "other"
	if err := s.Store.CreateClient(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	head, signature, _ := cutLast(good.idToken(), ".")
	_, foreign, _ := cutLast(renewed.idToken(), ".")
	s.Clock.Advance(-time.Hour)
	expired := renewed.refreshed().idToken()
	s.Clock.Advance(time.Hour)
	for name, tt := range map[string]struct{ token, says string }{
		"altered":    {head + "." + foreign, "verify"},
		"cut":        {head + "." + signature[:len(signature)-4], "verify"},
		"expired":    {expired, "expired"},
		"access":     {good.token.AccessToken, "not of this issuer"},
		"foreign":    {signInNative(s, "other", ana).idToken(), "audience"},
		"unverified": {signInNative(s, "kubernetes", ben).idToken(), "not verified"},
	} {
		if got := cluster.judge(tt.token); got.User != "" || !strings.Contains(got.Error, tt.says) {
			t.Errorf("the token %q: %+v, want an error with %q", name, got, tt.says)
		}
	}
}

// authenticator is that of a cluster, in a process.
type authenticator struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
}

func startAuthenticator(t *testing.T, config string) *authenticator {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), module(t, "kubernetes", "."), config)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+authorities())
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	a := &authenticator{t, in, bufio.NewScanner(out)}
	a.read() // it is ready
	return a
}

// verdict is what the cluster makes of a token.
type verdict struct {
	User   string
	Groups []string
	Error  string
}

func (a *authenticator) judge(token string) verdict {
	a.t.Helper()
	fmt.Fprintln(a.in, token)
	return a.read()
}

func (a *authenticator) read() (v verdict) {
	a.t.Helper()
	if !a.out.Scan() {
		a.t.Fatalf("the authenticator has ended: %v", a.out.Err())
	}
	if err := json.Unmarshal(a.out.Bytes(), &v); err != nil {
		a.t.Fatalf("%v in %s", err, a.out.Text())
	}
	return v
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
