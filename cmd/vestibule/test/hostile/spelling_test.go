package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/providertest"
)

// refused opens an address and fails the test on a fault of the server.
func openRefused(t *testing.T, b *servertest.Browser, what, address string) *servertest.Page {
	t.Helper()
	p := b.Open(address)
	if p.Left != nil || p.Status >= http.StatusInternalServerError {
		t.Errorf("%s: %d at %q, %v", what, p.Status, address, p.Left)
	}
	return p
}

// TestOneSpelling takes every opaque value of a browser through its other spellings: no page takes one, none fails, and
// the right one is good afterwards.
func TestOneSpelling(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		s.AddUser("ben")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		a, _ := b.Enrol("ana")
		s.Clock.Advance(servertest.Step)
		b.Open("/logout").Press("Sign out")
		c.Begin().SignIn(b, "ana").Press("Continue", "code", a.Code(0), "remember", "yes").At("consent", "initial").Press("Allow")

		respellFlows(t, s, c)
		respellCookies(t, s, b)
		respellLinks(t, s, user)
		respellIDs(t, s, b)
	})
}

func respellFlows(t *testing.T, s *servertest.Site, c *servertest.Client) {
	t.Helper()
	b := s.NewBrowser(t)
	sealed := b.Open(c.Begin().Address).At("login", "initial")
	row := sealed.GiveName("ben", servertest.Password).At("consent", "initial")
	for path, p := range map[string]*servertest.Page{"/login": sealed, "/consent": row} {
		flow := p.Value("flow")
		for _, other := range providertest.Spellings(flow) {
			if got := openRefused(t, b, path, path+"?flow="+url.QueryEscape(other)); got.Name != "error" {
				t.Errorf("%s takes the flow %q: page %s", path, other, got.Name)
			}
			if got := b.Post(path, url.Values{"flow": {other}, "action": {"allow"}}); got.Left != nil || got.Name != "error" {
				t.Errorf("%s takes a form with the flow %q: page %q", path, other, got.Name)
			}
		}
	}
	row.Press("Allow")
}

// respellCookies sends each cookie of a signed-in browser in other spellings, alone.
func respellCookies(t *testing.T, s *servertest.Site, b *servertest.Browser) {
	t.Helper()
	home, err := url.Parse(s.Config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, cookie := range b.HTTP.Jar.Cookies(home) {
		seen++
		for _, other := range providertest.Spellings(cookie.Value) {
			for _, path := range []string{"/account/security", "/logout", "/login"} {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Config.Issuer+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Cookie", cookie.Name+"="+strings.NewReplacer("\n", "", "\r", "", "\x00", "").Replace(other))
				if request.Header.Get("Cookie") == cookie.Name+"="+cookie.Value || strings.Contains(other, " ") {
					continue // what cannot stand in a header, or is no part of the value there
				}
				stranger := s.NewBrowser(t)
				if got := stranger.Follow(request); got.Status >= http.StatusInternalServerError || got.Name == "security" || got.Name == "logout" {
					t.Errorf("cookie %s as %q: page %s (%d)", cookie.Name, other, got.Name, got.Status)
				}
			}
		}
	}
	if seen < 4 {
		t.Errorf("the browser has %d cookies, want four", seen)
	}
	b.Open("/account/security").At("security", "on")
}

func respellLinks(t *testing.T, s *servertest.Site, user account.Account) {
	t.Helper()
	link := s.EnrolLink(t, "ben")
	address, token, _ := strings.Cut(link, "token=")
	for _, other := range providertest.Spellings(token) {
		openRefused(t, s.NewBrowser(t), "enrolment link", address+"token="+url.QueryEscape(other)).At("enrol-link", "unknown")
	}
	address, token, _ = strings.Cut(s.First().CancelLink(s.PlanReset(t, user, 24*time.Hour)), "token=")
	for _, other := range providertest.Spellings(token) {
		p := openRefused(t, s.NewBrowser(t), "link that cancels", address+"token="+url.QueryEscape(other)).At("reset-cancel", "unknown")
		p.Post("/reset/cancel", url.Values{"token": {other}}).At("reset-cancel", "unknown")
	}
	if _, err := s.Store.ResetOf(t.Context(), user.Subject); err != nil {
		t.Errorf("the planned reset after other spellings of its link: %v", err)
	}
	s.NewBrowser(t).Open(link).At("login", "link")
}

// respellIDs names a remembered browser and an authenticator otherwise.
func respellIDs(t *testing.T, s *servertest.Site, b *servertest.Browser) {
	t.Helper()
	p := b.Open("/account/security").At("security", "on")
	address, form := p.Fill("Forget")
	for _, other := range providertest.Spellings(form.Get("browser")) {
		got := b.Post(address, url.Values{"browser": {other}})
		got.At("security", "on").Says("That browser was forgotten already")
	}
	rename := p.Click("Rename").At("rename", "initial").Address.Path
	id := strings.Split(rename, "/")[3]
	for _, other := range providertest.Spellings(id) {
		path := strings.Replace(rename, id, url.PathEscape(other), 1)
		openRefused(t, b, "authenticator", path)
		if got := b.Post(path, url.Values{"name": {"Taken"}}); got.Status >= http.StatusInternalServerError {
			t.Errorf("authenticator %q: %d", other, got.Status)
		}
	}
	if p := b.Open("/account/security").At("security", "on"); strings.Contains(p.Text(), "Taken") || !strings.Contains(p.Text(), "This browser") {
		t.Errorf("an authenticator or a browser was taken under another spelling of its id:\n%s", p.Text())
	}
	b.Post(address, form)
	if strings.Contains(b.Open("/account/security").Text(), "This browser") {
		t.Error("the browser could not be forgotten under its own id")
	}
}
