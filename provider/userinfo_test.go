package provider_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// RFC 6750: how the token may come, and what is said of one that is missing, sent in two ways, or bad.
func TestUserinfoChallenges(t *testing.T) {
	o := newOP(t)
	good := o.tokens()["access_token"].(string)
	form := "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, method, query, header, body string
		status                            int
		code                              string // of the challenge; "-": there is none
	}{
		{"header", "GET", "", "Bearer " + good, "", 200, "-"},
		{"body", "POST", "", "", "access_token=" + good, 200, "-"},
		{"nothing", "GET", "", "", "", 401, ""},
		{"nothing in a form", "POST", "", "", "a=b", 401, ""},
		{"another scheme", "GET", "", "Basic c2hvcDpzZWNyZXQ=", "", 401, ""},
		{"bad", "GET", "", "Bearer " + good + "x", "", 401, "invalid_token"},
		{"empty", "GET", "", "Bearer ", "", 401, "invalid_token"},
		{"bad in a form", "POST", "", "", "access_token=x", 401, "invalid_token"},
		{"address", "GET", "?access_token=" + good, "", "", 400, "invalid_request"},
		{"address of a form", "POST", "?access_token=" + good, "", "", 400, "invalid_request"},
		{"another scheme and body", "POST", "", "Basic c2hvcDpzZWNyZXQ=", "access_token=" + good, 400, "invalid_request"},
		{"header and body", "POST", "", "Bearer " + good, "access_token=" + good, 400, "invalid_request"},
		{"header and address", "GET", "?access_token=" + good, "Bearer " + good, "", 400, "invalid_request"},
		{"body and address", "POST", "?access_token=" + good, "", "access_token=" + good, 400, "invalid_request"},
		{"twice in the body", "POST", "", "", "access_token=" + good + "&access_token=" + good, 400, "invalid_request"},
		{"no form", "POST", "", "", "%zz", 400, "invalid_request"},
		{"too large a form", "POST", "", "", "a=" + strings.Repeat("b", 1<<20), 400, "invalid_request"},
	} {
		r := httptest.NewRequest(tt.method, issuer+"/userinfo"+tt.query, strings.NewReader(tt.body))
		if tt.method == "POST" {
			r.Header.Set("Content-Type", form)
		}
		if tt.header != "" {
			r.Header.Set("Authorization", tt.header)
		}
		answer := o.do(r)
		_, body := decode(t, answer)
		got := answer.Header.Get("WWW-Authenticate")
		right := answer.StatusCode == tt.status
		switch tt.code {
		case "-":
			right = right && got == "" && body["sub"] == "u1"
		case "":
			right = right && got == `Bearer realm="userinfo"` && len(body) == 0
		default:
			right = right && strings.HasPrefix(got, `Bearer realm="userinfo", error="`+tt.code+`"`) && body["error"] == tt.code
		}
		if !right {
			t.Errorf("%s: %d, %q, %v; want %d and error %q", tt.name, answer.StatusCode, got, body, tt.status, tt.code)
		}
	}
	scopeless := o.tokens("scope", "offline_access", "nonce", "-")
	r := httptest.NewRequest(http.MethodGet, issuer+"/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+scopeless["access_token"].(string))
	if got := o.do(r).Header.Get("WWW-Authenticate"); got != `Bearer realm="userinfo", error="insufficient_scope", scope="openid"` {
		t.Errorf("without scope openid: %s", got)
	}
}
