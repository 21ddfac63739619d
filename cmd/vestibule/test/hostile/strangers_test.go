package hostile

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/docs/doctest"
)

// commonHeaders are what no answer may lack, whoever wrote it.
var commonHeaders = []string{
	"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control",
	"Strict-Transport-Security",
}

// net/http's mux answers some requests itself: with redirects to cleaner paths, with 404 and 405.
func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.Issuer = "https://id.example" })
	address := s.Listen()
	targets := []string{
		"/", "//", "//login", "/login/", "/./login", "/login/../authorize", "/../login", "/login//totp", "/%2e%2e/login",
		"/nowhere", "/static//app.css", "/static/", "/account/", "/account/authenticators//rename", "/%00", "/login?%zz",
		"/authorize/", "/.well-known/", "/token/", "http://other.example/login", "/a;b", "/login?flow=a&flow=b", "*",
	}
	for _, r := range matrixRequests(t) {
		targets = append(targets, r.path, r.path+"/", "/"+r.path)
	}
	for _, target := range targets {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"} {
			if target == "*" && method != "OPTIONS" {
				continue
			}
			answer := raw(t, address, method+" "+target+" HTTP/1.1")
			for _, name := range commonHeaders {
				if answer.Header.Get(name) == "" {
					t.Errorf("%s %s: %s without %s", method, target, answer.Status, name)
				}
			}
		}
	}
}

// raw sends a request as it is.
func raw(t *testing.T, address, line string, headers ...string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	lines := append([]string{line, "Host: id.example", "Connection: close", "Content-Length: 0"}, headers...)
	if _, err := fmt.Fprintf(conn, "%s\r\n\r\n", strings.Join(lines, "\r\n")); err != nil {
		t.Fatalf("%.80s: %v", line, err)
	}
	method, _, _ := strings.Cut(line, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.80s: %v", line, err)
	}
	answer.Body.Close()
	return answer
}

// No form of the pages is taken from who does not say where it comes from, or says that it is another place.
func TestFormsSayWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.Issuer = "https://id.example" })
	address := s.Listen()
	protocol := []string{"/authorize", "/token", "/userinfo", "/introspect", "/revoke", "/par", "/device_authorization", "/register", "/end-session"} // for programs, or no form of ours
	forms := 0
	for _, r := range matrixRequests(t) {
		if r.method != http.MethodPost || slices.Contains(protocol, r.path) {
			continue
		}
		forms++
		for _, headers := range [][]string{nil, {"Origin: null"}, {"Origin: http://id.example"}, {"Origin: https://evil.example"}, {"Sec-Fetch-Site: cross-site"}} {
			if got := raw(t, address, "POST "+r.path+" HTTP/1.1", headers...); got.StatusCode != http.StatusForbidden {
				t.Errorf("POST %s with %q answers %s, want 403", r.path, headers, got.Status)
			}
		}
		if got := raw(t, address, "POST "+r.path+" HTTP/1.1", "Origin: https://id.example"); got.StatusCode == http.StatusForbidden {
			t.Errorf("POST %s from our own page answers %s", r.path, got.Status)
		}
	}
	if forms < 15 {
		t.Errorf("only %d forms were found", forms)
	}
}

// Whoever may send requests chooses their methods and paths. Neither may fill a disk.
func TestLogLinesAreShort(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	address := s.Listen()
	for _, r := range matrixRequests(t) {
		for _, path := range []string{r.path, "/" + r.path} {
			raw(t, address, r.method+" "+path+strings.Repeat("/long", 8000)+" HTTP/1.1")
		}
	}
	raw(t, address, strings.Repeat("LONG", 8000)+" /login HTTP/1.1")
	for line := range strings.Lines(s.Log.String()) {
		if len(line) > 4<<10 {
			t.Fatalf("a line of the log has %d bytes: %.100s...", len(line), line)
		}
	}
	source := regexp.MustCompile(`"(path|method)", r\.`)
	for _, dir := range []string{"cmd/vestibule", "cmd/vestibule/server", "web", "web/*", "provider"} {
		files, err := filepath.Glob(filepath.Join(doctest.Root(t), dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if at := source.Find(text); at != nil {
				t.Errorf("%s logs what a visitor has chosen as it is, by %s; use audit.Asked", file, at)
			}
		}
	}
}

// junk is what nobody means well with.
var junk = []string{
	"", "\x00", "\xff\xfe", "a\x00b", strings.Repeat("a", 3000), "\u202e\U0001d573", `"';--`, "%", "-1", "9223372036854775808",
	"r.", "r.a.b", "r.aaaaaaaa." + strings.Repeat("A", 200), strings.Repeat("A", 26), strings.Repeat("A", 26) + ".1",
	strings.Repeat("\x00", 26) + ".1", strings.Repeat("A", 43), strings.Repeat("\x00", 43), "vat_" + strings.Repeat("A", 90),
	"ory_rt_" + strings.Repeat("A", 43) + "." + strings.Repeat("A", 43), "http://[::1", "{}", `{"id_token":{"acr":null}}`,
}

var junkNames = []string{
	"flow", "username", "password", "code", "recovery", "action", "client_id", "client_secret", "redirect_uri", "response_type",
	"scope", "state", "nonce", "claims", "acr_values", "max_age", "prompt", "login_hint", "id_token_hint", "code_challenge",
	"grant_type", "refresh_token", "code_verifier", "token", "access_token", "link", "reset", "id", "request", "request_uri",
}

// An error in the log is worth somebody's night. Strangers cannot make one, whatever they send and wherever.
func TestStrangersMakeNoErrors(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		s.NewClient(t, "shop")
		n := 0
		for _, request := range matrixRequests(t) {
			for i, text := range junk {
				form := url.Values{}
				for j, name := range junkNames {
					form.Set(name, junk[(i+j*(n%7))%len(junk)])
				}
				n++
				for name, value := range map[string]string{"client_id": "shop", "grant_type": "authorization_code", "username": "ana", "redirect_uri": servertest.ReturnURI} {
					if n%3 == 0 {
						form.Set(name, value)
					}
				}
				path := strings.NewReplacer("{id}", url.PathEscape(text+"x"), "{hash}", "none", "{name}", "none").Replace(request.path)
				strange(t, s, request.method, path, form, text)
			}
		}
		for line := range strings.Lines(s.Log.String()) {
			if strings.Contains(line, "level=ERROR") {
				t.Errorf("a stranger made an error: %.600s", line)
			}
		}
	})
}

// strange sends a request with junk in its cookies and headers too.
func strange(t *testing.T, s *servertest.Site, method, path string, form url.Values, text string) {
	t.Helper()
	basic := (path == "/token" || path == "/introspect") && form.Get("username") == "ana"
	if basic {
		form.Del("client_secret")
	}
	target, body := s.Config.Issuer+path, form.Encode()
	if method == http.MethodGet {
		target, body = target+"?"+body, ""
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": s.Config.Issuer,
		"User-Agent": visible(text), "X-Forwarded-For": visible(text), "Accept-Language": visible(text),
		"Cookie": "vestibule-b=" + strings.Repeat("A", 43) + "; vestibule-s=" + strings.Repeat("B", 43) + "; vestibule-k=" + visible(text) + "; vestibule-r=" + strings.Repeat("C", 43),
	} {
		r.Header.Set(name, value)
	}
	if basic {
		r.SetBasicAuth("shop", text)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	answer.Body.Close()
	if answer.StatusCode >= 500 {
		t.Errorf("%s %s with %q answers %s", method, path, text, answer.Status)
	}
}

// visible is as much of the text as a header may have.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, text)
}
