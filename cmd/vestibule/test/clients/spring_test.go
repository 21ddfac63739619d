//go:build costly

package clients

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestSpring has an unmodified Spring Security sign users in and out, and guard APIs: one whose tokens it asks about, and one
// whose tokens it reads. Run it with .ci/clients, which builds the program.
func TestSpring(t *testing.T) {
	s := newSite(t)
	shop := s.NewClient(t, "shop", func(c *client.Client) { c.Audiences = nil })
	ledger, invoices, prices := "http://"+freeAddress(t), "http://"+freeAddress(t), "http://"+freeAddress(t)
	r := openRecipe(t, "Spring", "https://id.example.com", s.Config.Issuer, "https://ledger.example.com", ledger,
		"https://invoices.example.com", "https://invoices.example", "https://prices.example.com", "https://prices.example")
	r.next("java") // parts of the program, as TestBlocks has it
	r.next("java")
	startSpring(t, ledger, "ledger", r.next("yaml"), "LEDGER_SECRET="+r.run(s)[0])
	startSpring(t, invoices, "invoices", r.next("yaml"), "INVOICES_SECRET="+r.run(s)[0])
	startSpring(t, prices, "prices", r.next("yaml"))

	t.Run("sign in", func(t *testing.T) { signInAtSpring(t, s, ledger) })
	t.Run("guard", func(t *testing.T) {
		guards(t, s, shop, "https://invoices.example/api", invoices+"/list", "https://prices.example/api", prices+"/list")
	})
}

// startSpring starts the program in a role, and has it trust the site.
func startSpring(t *testing.T, origin, role, settings string, environ ...string) {
	t.Helper()
	folder := t.TempDir()
	store := filepath.Join(folder, "trust.p12")
	trust := exec.Command("keytool", "-importcert", "-noprompt", "-alias", "site", "-file", authorities(), "-keystore", store, "-storepass", "changeit")
	if out, err := trust.CombinedOutput(); err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
	address := strings.TrimPrefix(origin, "http://")
	_, port, _ := strings.Cut(address, ":")
	cmd := exec.Command("java", "-Djavax.net.ssl.trustStore="+store, "-Djavax.net.ssl.trustStorePassword=changeit", "-jar",
		servertest.Required(t, "VESTIBULE_TEST_SPRING"), "--spring.profiles.active="+role, "--server.port="+port,
		"--spring.config.location="+write(t, folder, "application.yaml", settings))
	cmd.Env = append(os.Environ(), environ...)
	start(t, address, cmd)
}

var token = regexp.MustCompile(`name="_csrf"[^>]*value="([^"]+)"`)

// signInAtSpring signs a member in and out.
func signInAtSpring(t *testing.T, s *servertest.Site, origin string) {
	ana := addMember(s.NewBrowser(t), "ana", inGroups("ops", "staff"))
	b := newVisitor(t, s)
	got := b.back(http.StatusOK, ana.signIn(b.page(origin+"/me")))
	if !strings.Contains(got.body, `"email":"ana@example.com"`) || !strings.Contains(got.body, `"groups":["ops","staff"]`) {
		t.Errorf("the app at %s says %s", got.address, got.body)
	}
	form := token.FindStringSubmatch(b.shows(http.StatusOK, origin+"/logout").body)
	if form == nil {
		t.Fatal("the page of the sign-out has no form")
	}
	response, err := b.HTTP.PostForm(origin+"/logout", url.Values{"_csrf": {form[1]}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	next, err := response.Location()
	if err != nil {
		t.Fatalf("the sign-out answers %s", response.Status)
	}
	if got := b.shows(http.StatusOK, next.String()); got.body != "signed out" {
		t.Errorf("after the sign-out the browser is at %s: %s", got.address, got.body)
	}
	b.page(origin+"/me").At("login", "initial")
}
