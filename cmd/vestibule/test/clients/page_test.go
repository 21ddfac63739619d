package clients

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa/totp"
	"vestibule/provider/client"
)

// phoneKey is the key of the user's authenticator.
const phoneKey = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

// newSecureSite is a site at https://login.example.test with a user who has an authenticator, and a browser that finds all
// hosts of .test on this machine.
func newSecureSite(t *testing.T, set ...func(*config.Config)) (*servertest.Site, *servertest.Tab) {
	t.Helper()
	var front atomic.Pointer[servertest.Site]
	origin := startSecure(t, "login.example.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.Load().ServeHTTP(w, r) }))
	site := servertest.New(t, servertest.SQLite(t), append(set, func(c *config.Config) { c.Issuer = origin })...)
	front.Store(site)
	ana := site.AddUser("ana")
	phone := totp.Portable{Name: "Phone", Secret: phoneKey, Params: totp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}}
	if _, err := site.Operator().AddAuthenticators(t.Context(), ana, phone); err != nil {
		t.Fatal(err)
	}
	site.KeepSecret(phoneKey)
	return site, site.NewTab(t, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"))
}

// startSecure serves over TLS and returns the origin.
func startSecure(t *testing.T, host string, handler http.Handler) string {
	t.Helper()
	front := httptest.NewTLSServer(handler)
	t.Cleanup(front.Close)
	u, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + net.JoinHostPort(host, u.Port())
}

// page is an app without a server of its own, in a browser.
type page struct {
	*servertest.Tab
	origin string
}

// startPage serves the app of the document at a host, as another client and with changes of the example, old and new in turn.
func startPage(tab *servertest.Tab, id, host string, changes ...string) *page {
	t, s := tab.T, tab.Site
	t.Helper()
	example := recipes(t).BlockWith(t, "js", "from 'oidc-client-ts'")
	changes = append(changes, "'notes'", strconv.Quote(id))
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(example, changes[i]) {
			t.Fatalf("the example has not %q", changes[i])
		}
	}
	script := "const issuer = " + strconv.Quote(s.Config.Issuer) + "\n" + strings.NewReplacer(changes...).Replace(example) +
		"\nObject.assign(window, { users, signIn, signOut })\ndocument.querySelector('main').dataset.state = user ? 'signed-in' : 'signed-out'\n"
	mux := http.NewServeMux()
	mux.Handle("/modules/", http.StripPrefix("/modules", http.FileServer(http.Dir(servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")))))
	mux.HandleFunc("/app.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(script))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "page.html"))
	})
	p := &page{tab, startSecure(t, host, mux)}
	registration := client.Client{ID: id, Scopes: []string{"openid", "profile", "email", "offline_access"}, Created: s.Clock.Now(), Updated: s.Clock.Now()}
	asDocumented(t, "notes", p.origin)(&registration)
	if err := s.Store.CreateClient(t.Context(), registration); err != nil {
		t.Fatal(err)
	}
	return p
}

// open shows the app, whose user is signed in or not.
func (p *page) open(state string) {
	p.T.Helper()
	p.Open(p.origin+"/").Arrives("notes", state)
}

// does runs a script of the app and waits for what it promises.
func does[T any](p *page, script string) T {
	p.T.Helper()
	return servertest.Evaluate[T](p.Tab, script, chromedp.EvalAwaitPromise)
}

// begins runs a script of the app that leads away, as a click does.
func (p *page) begins(script string) *page {
	p.T.Helper()
	p.Leave(script, chromedp.Evaluate[chromedp.Void]("void "+script))
	return p
}

// opens has the app open a window by a script. What that promises is in window.done.
func (p *page) opens(script string) {
	p.T.Helper()
	servertest.Evaluate[bool](p.Tab, "window.done = "+script+".then(() => 'yes', String), true", byClick)
}

// inWindow is opens for a window that the user has to do something in.
func (p *page) inWindow(script string) *servertest.Tab {
	p.T.Helper()
	return p.Window(func() { p.opens(script) })
}

// byClick has the browser take a script for what the user has clicked on.
func byClick(p *runtime.EvaluateParams) { p.UserGesture = new(true) }

// done waits for what a window was opened for.
func (p *page) done() {
	p.T.Helper()
	if got := does[string](p, "window.done"); got != "yes" {
		p.T.Fatalf("the window ends with %s", got)
	}
}

// prove gives password and code, and allows what the app asks for.
func (p *page) prove(tab *servertest.Tab, allow bool) {
	p.T.Helper()
	tab.Do("wait for the page", chromedp.WaitVisible(servertest.Field("password")))
	p.Site.Clock.Advance(max(servertest.Step, time.Since(p.Site.Clock.Now()))) // the library goes by the clock of the machine
	tab.At("login", "initial").Put("username", "ana").Put("password", servertest.Password).Press("Sign in")
	tab.At("totp", "initial").Put("code", (servertest.Phone{Site: p.Site, Secret: phoneKey}).Code(0))
	if allow {
		tab.Press("Continue").At("consent", "initial")
		tab.Toggle(`button[value="allow"]`)
		return
	}
	tab.Toggle("main form button")
}

// knowsUser fails the test unless the app shows who has signed in.
func (p *page) knowsUser() {
	p.T.Helper()
	ana := p.Site.Account(p.T, "ana")
	want := strings.Join([]string{ana.Subject, ana.Name, ana.Email}, " ")
	if got := does[string](p, `users.getUser().then(u => u ? [u.profile.sub, u.profile.name, u.profile.email].join(" ") : "nobody")`); got != want {
		p.T.Errorf("the app knows %q, want %q", got, want)
	}
}

// silently renews and returns the error of the server, or whether both tokens are others than before.
func (p *page) silently() string {
	p.T.Helper()
	return does[string](p, `(async () => {
		const before = await users.getUser()
		try {
			const after = await users.signinSilent()
			return after.access_token !== before.access_token && after.id_token !== before.id_token ? "renewed" : "the same"
		} catch (fault) { return fault.error ?? String(fault) }
	})()`)
}
