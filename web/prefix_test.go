package web

import (
	"net/http"
	"strings"
	"testing"
)

// newPrefixSite is a site whose pages are below /our/id, beside the endpoints of the protocol.
func newPrefixSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.configure(func(c *Config) { c.Site.Prefix = "/our/id" })
	return s
}

// TestPrefix walks through the pages of a site that does not begin at the root. Each page that is seen on the way is held
// to the rule that all its addresses are below the prefix.
func TestPrefix(t *testing.T) {
	s := newPrefixSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize("acr_values", "aal2")).at("login", "initial").press("Sign in", "username", "ana").at("login", "required")
	p = p.password("ana").at("setup", "initial")
	a := p.phone()
	p = p.press("Continue", "code", a.wrong()).at("setup", "wrong").press("Continue", "code", a.code(0)).at("codes", "initial")
	p.press("Turn on two-step verification", "saved", "yes").at("consent", "initial").press("Allow", "remember", "yes").client()

	p = b.open("/").at("security", "on")
	p.click("Rename").press("Rename", "name", "Phone").at("security", "on").says("is now called Phone")
	b.open("/account/activity").at("activity", "none")
	b.open("/account/recovery-codes").press("Make new recovery codes").at("codes", "initial").press("Keep the old codes").at("security", "on")
	b.open("/account").click("Remove").at("remove", "initial").click("Use a recovery code").at("remove", "initial")
	b.open("/logout").press("Sign out").at("logged-out", "initial")
	b.open("/account/security").at("login", "initial").press("Sign in", "username", "ana", "password", secret).at("totp", "initial").
		press("Continue", "code", "22222-22222-22222").at("totp", "recovery").click("Use a recovery code instead.").at("recovery", "initial")
	b.open("/help/lost-device").at("lost-device", "initial")
	b.open("/nowhere").at("error", "not-found")
	b.post("/help/lost-device", nil).at("error", "method")

	for _, path := range []string{"/", "/login", "/account", "/static/"} {
		response, err := http.Get(s.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound || response.Header.Get("Location") != "" {
			t.Errorf("%s, outside the prefix, answers %s", path, response.Status)
		}
	}
}

// TestPrefixOfLinks: what goes into mail leads to the pages.
func TestPrefixOfLinks(t *testing.T) {
	s := newPrefixSite(t)
	s.configure(func(c *Config) { c.Keys.Links = [][]byte{[]byte("links")} })
	if got, want := s.pages.CancelLink("x"), s.server.URL+"/our/id/reset/cancel?token="; !strings.HasPrefix(got, want) {
		t.Errorf("the link to cancel a reset is %s, want it to begin with %s", got, want)
	}
}

func TestPrefixForm(t *testing.T) {
	for prefix, good := range map[string]bool{
		"": true, "/id": true, "/our/id_2-x": true,
		"/": false, "id": false, "/id/": false, "//id": false, "/{id}": false, "/a b": false, "/..": false, "/id?x": false, "https://id.example": false,
	} {
		s := newSite(t)
		c := s.config
		c.Site.Prefix = prefix
		if _, err := New(c); (err == nil) != good {
			t.Errorf("prefix %q: %v, want good: %v", prefix, err, good)
		}
	}
}
