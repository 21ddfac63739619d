package sample

import (
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
)

// sampleApp starts a server and the sample app, and returns the app's address and a browser's jar and client
// that follows no redirect.
func sampleApp(t *testing.T) (issuer, address string, browser *http.Client) {
	t.Helper()
	provider := httptest.NewUnstartedServer(nil)
	c := config.Default()
	c.Issuer, c.Database = "http://"+provider.Listener.Addr().String(), "sqlite:"+filepath.Join(t.TempDir(), "test.db")
	c.SecretKeys = []string{mfa.NewKey()}
	s, err := server.New(t.Context(), c, server.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	provider.Config.Handler = s.Handler()
	provider.Start()
	t.Cleanup(provider.Close)
	front := httptest.NewUnstartedServer(nil)
	address = "http://" + front.Listener.Addr().String()
	front.Config.Handler, err = NewApp(t.Context(), Config{Issuer: c.Issuer, ClientID: "sample", ClientSecret: "secret", Address: address, API: address})
	if err != nil {
		t.Fatal(err)
	}
	front.Start()
	t.Cleanup(front.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Issuer, address, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func visit(t *testing.T, browser *http.Client, address string) (*http.Response, string) {
	t.Helper()
	resp, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body strings.Builder
	if err := resp.Write(&body); err != nil {
		t.Fatal(err)
	}
	return resp, body.String()
}

func TestAsks(t *testing.T) {
	issuer, address, browser := sampleApp(t)
	seen := map[string]bool{}
	for _, tt := range []struct{ path, name, value string }{
		{"/sign-in", "prompt", ""},
		{"/sign-in/two-steps", "acr_values", "aal2"},
		{"/sign-in/again", "prompt", "login"},
	} {
		resp, _ := visit(t, browser, address+tt.path)
		location := resp.Header.Get("Location")
		u, err := url.Parse(location)
		if err != nil || !strings.HasPrefix(location, issuer+"/authorize?") {
			t.Fatalf("%s leads to %q", tt.path, location)
		}
		q := u.Query()
		if q.Get(tt.name) != tt.value || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
			t.Errorf("%s asks %v", tt.path, q)
		}
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if value := q.Get(name); value == "" || seen[value] {
				t.Errorf("%s: %s %q is empty or was used before", tt.path, name, value)
			} else {
				seen[value] = true
			}
		}
	}
}

// The sample app takes an answer only from the server it asked, for a sign-in that this browser began, once.
func TestRefuses(t *testing.T) {
	issuer, address, browser := sampleApp(t)
	begin := func() string {
		resp, _ := visit(t, browser, address+"/sign-in")
		u, err := url.Parse(resp.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("state")
	}
	used := begin()
	for _, tt := range []struct {
		name   string
		answer url.Values
		want   string
	}{
		{"refusal", url.Values{"state": {used}, "iss": {issuer}, "error": {"access_denied"}, "error_description": {"<script>x</script>"}}, "access_denied: &lt;script&gt;"},
		{"state used before", url.Values{"state": {used}, "iss": {issuer}, "error": {"access_denied"}}, "this browser did not begin this sign-in"},
		{"unknown state", url.Values{"state": {"x"}, "iss": {issuer}, "code": {"x"}}, "this browser did not begin this sign-in"},
		{"no state", url.Values{"iss": {issuer}, "code": {"x"}}, "this browser did not begin this sign-in"},
		{"other server", url.Values{"state": {begin()}, "iss": {"https://evil.example.com"}, "code": {"x"}}, "does not come from the server that was asked"},
		{"no iss", url.Values{"state": {begin()}, "code": {"x"}}, "does not come from the server that was asked"},
		{"bad code", url.Values{"state": {begin()}, "iss": {issuer}, "code": {"x"}}, "exchange the code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, _ := visit(t, browser, address+CallbackPath+"?"+tt.answer.Encode())
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
				t.Errorf("%s to %q, want 303 to /", resp.Status, resp.Header.Get("Location"))
			}
			page, body := visit(t, browser, address)
			if !strings.Contains(body, `data-state="problem"`) || !strings.Contains(body, tt.want) || strings.Contains(body, "<script") {
				t.Errorf("the page does not say %q:\n%s", tt.want, body)
			}
			if policy := page.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self';") {
				t.Errorf("policy %q", policy)
			}
		})
	}
}
