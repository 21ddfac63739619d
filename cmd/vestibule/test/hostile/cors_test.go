package hostile

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// openRoutes are those whose answers scripts of any origin may read. They take no cookie.
var openRoutes = []string{
	"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks", "/par", "/device_authorization", "/token", "/revoke", "/userinfo",
	"/register", "/register/{id}",
}

// TestCrossOrigin asks at every address, as a script of another origin does, before a request and with it. The authorization
// endpoint, introspection and all pages tell it nothing.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	ask := func(method, path string, header ...string) http.Header {
		path = strings.NewReplacer("{id}", "x", "{kind}", "totp", "{hash}", "none", "{name}", "none").Replace(path)
		r := httptest.NewRequestWithContext(t.Context(), method, s.Config.Issuer+path, nil)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.First().ServeHTTP(w, r)
		return w.Result().Header
	}
	var seen []string
	for _, request := range matrixRequests(t) {
		before := ask(http.MethodOptions, request.path, "Access-Control-Request-Method", request.method, "Access-Control-Request-Headers", "authorization, dpop")
		answer := ask(request.method, request.path)
		open := slices.Contains(openRoutes, request.path)
		if open {
			seen = append(seen, request.path)
		}
		for _, rule := range []struct {
			broken bool
			text   string
		}{
			{before.Get("Access-Control-Allow-Credentials")+answer.Get("Access-Control-Allow-Credentials") != "", "lets cookies along"},
			{!open && isCrossOrigin(before), "answers a preflight"},
			{!open && isCrossOrigin(answer), "may be read"},
			{open && before.Get("Access-Control-Allow-Origin") != "*", "refuses the preflight"},
			{open && !lists(before, "Access-Control-Allow-Methods", request.method), "refuses the method"},
			{open && !lists(before, "Access-Control-Allow-Headers", "Authorization", "DPoP", "Content-Type"), "refuses a header"},
			{open && answer.Get("Access-Control-Allow-Origin") != "*", "cannot be read"},
			{open && !lists(answer, "Access-Control-Expose-Headers", "WWW-Authenticate", "DPoP-Nonce"), "hides a header"},
		} {
			if rule.broken {
				t.Errorf("%s %s %s: %v, then %v", request.method, request.path, rule.text, before, answer)
			}
		}
	}
	for _, path := range openRoutes {
		if !slices.Contains(seen, path) {
			t.Errorf("there is no route %s any more", path)
		}
	}
}

func isCrossOrigin(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			return true
		}
	}
	return false
}

// lists reports whether the header names all of these.
func lists(h http.Header, name string, all ...string) bool {
	got := strings.Split(h.Get(name), ", ")
	return !slices.ContainsFunc(all, func(one string) bool { return !slices.Contains(got, one) })
}
