//go:build costly

package clients

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
)

// TestOAuth2Proxy has the members of a group come through an unmodified oauth2-proxy, and nobody else.
func TestOAuth2Proxy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ana := addMember(s.NewBrowser(t), "ana", inGroups("staff", "ops"))
	app, signOut := startOAuth2Proxy(t, s)
	b := newVisitor(t, s)
	p := b.page(app + "/oauth2/start?rd=/page") // what the button of its page does
	var seen struct{ Path, User, Email string }
	got := b.back(http.StatusOK, ana.signIn(p))
	if err := json.Unmarshal([]byte(got.body), &seen); err != nil || seen.Path != "/page" || seen.Email != "ana@example.com" || seen.User == "" {
		t.Errorf("the app sees %s (%v)", got.body, err)
	}

	b.shows(http.StatusForbidden, app+signOut) // back at its own page, which asks for a sign-in
	if p := b.page(app + "/oauth2/start"); p.Name != "login" {
		t.Errorf("after the sign-out the browser is at page %s", p.Name)
	}

	t.Run("others", func(t *testing.T) {
		for name, change := range map[string]func(*account.Account){
			"ben": inGroups("ops"),
			"eva": inGroups(),
			"ina": func(a *account.Account) { a.Groups, a.EmailVerified = []string{"staff"}, false },
		} {
			other := addMember(s.NewBrowser(t), name, change)
			b := newVisitor(t, s)
			b.back(http.StatusForbidden, other.signIn(b.page(app+"/oauth2/start")))
			b.shows(http.StatusForbidden, app+"/page")
		}
	})
}

// startOAuth2Proxy starts one before an app, and returns its origin and where a user signs out.
func startOAuth2Proxy(t *testing.T, s *servertest.Site) (origin, signOut string) {
	t.Helper()
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"path": r.URL.Path, "user": r.Header.Get("X-Forwarded-User"), "email": r.Header.Get("X-Forwarded-Email")})
	}))
	t.Cleanup(inner.Close)
	address := freeAddress(t)
	origin = "http://" + address
	r := openRecipe(t, "oauth2-proxy",
		"https://intranet.example.com", origin, "https%253A%252F%252Fintranet.example.com", url.QueryEscape(url.QueryEscape(origin)),
		"https://id.example.com", s.Config.Issuer, "https%3A%2F%2Fid.example.com", url.QueryEscape(s.Config.Issuer),
		"id.example.com", strings.TrimPrefix(s.Config.Issuer, "https://"), "http://127.0.0.1:9000", inner.URL)
	folder := t.TempDir()
	write(t, folder, "client-secret.txt", r.run(s)[0])
	write(t, folder, "cookie-secret.txt", rand.Text()[:16])
	config := r.file("toml", folder, "oauth2-proxy.cfg")
	signOut = hrefOf(t, r.next("html"))
	cmd := exec.Command(module(t, "oauth2-proxy", "github.com/oauth2-proxy/oauth2-proxy/v7"), "--config", config)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "OAUTH2_PROXY_HTTP_ADDRESS="+address, "OAUTH2_PROXY_COOKIE_SECURE=false", "SSL_CERT_FILE="+authorities())
	start(t, address, cmd)
	return origin, signOut
}
