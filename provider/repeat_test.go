package provider_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/interaction"
)

// parameters returns the names of all parameters that the package and those below it read, and one that they do not.
func parameters(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{"", "assurance/", "clientauth/"} {
		found, err := filepath.Glob(folder + "*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	reads := regexp.MustCompile(`[fF]orm\.(?:Get|Has)\("([a-z_]+)"\)|[fF]orm\["([a-z_]+)"\]`)
	names := []string{"anything", "audience", "code_verifier", "registration", "response_type", "scope", "token_type_hint"} // nobody reads the first and the last, and fosite the others
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range reads.FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1]+match[2])
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, known := range []string{"state", "request", "request_uri", "token", "access_token", "max_age", "client_secret", "client_assertion"} {
		if !slices.Contains(names, known) {
			t.Fatalf("the sweep does not find that %s is read: %q", known, names)
		}
	}
	return names
}

// pairs are values for one parameter that is sent twice: the second may say the same, something else or nothing.
func pairs(first string) [][]string {
	return [][]string{{first, first}, {first, "other"}, {first, ""}, {"", first}, {"", ""}}
}

// post is a POST of a form.
func post(path string, form url.Values) *http.Request {
	r := httptest.NewRequest("POST", issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestAuthorizationRequestWithARepeatIsRefused(t *testing.T) {
	o := newOP(t)
	for _, name := range parameters(t) {
		for _, values := range pairs(request().Get(name)) {
			form := request()
			form[name] = values
			o.refusesRepeat(t, name, values, form, o.authorize(form))

			sent := o.do(post("/authorize", form))
			o.refusesRepeat(t, "POST "+name, values, form, o.do(httptest.NewRequest("GET", issuer+sent.Header.Get("Location"), nil)))

			form[name] = values[1:]
			sent = o.do(post("/authorize?"+url.Values{name: values[:1]}.Encode(), form))
			o.refusesRepeat(t, "POST with an address, "+name, values, form, o.do(httptest.NewRequest("GET", issuer+sent.Header.Get("Location"), nil)))
		}
	}
}

// refusesRepeat checks that the client hears invalid_request, or the user where it is not clear who the client is.
func (o *op) refusesRepeat(t *testing.T, name string, values []string, form url.Values, r *http.Response) {
	t.Helper()
	var fault *interaction.RequestError
	if len(values) > 0 && (strings.HasSuffix(name, "client_id") || strings.HasSuffix(name, "redirect_uri")) {
		if r.StatusCode != http.StatusBadRequest || !errors.As(o.ui.err, &fault) || fault.Code != "invalid_request" {
			t.Errorf("%s as %q: %d, %v; want a page with 400", name, values, r.StatusCode, o.ui.err)
		}
		return
	}
	v := answer(t, r)
	state := form.Get("state")
	if strings.HasSuffix(name, "state") {
		state = ""
	}
	if v.Get("error") != "invalid_request" || v.Get("state") != state || v.Has("code") || !strings.Contains(v.Get("error_description"), "twice") {
		t.Errorf("%s as %q: %v, want invalid_request and state %q", name, values, v, state)
	}
}

// With several repeats, that of the client or its address still decides who hears of it.
func TestRepeatOfTheClientIsNeverAnsweredToIt(t *testing.T) {
	o := newOP(t)
	for range 50 { // no order of a map helps
		form := request()
		form["acr_values"], form["client_id"], form["ui"] = []string{"a", "b"}, []string{"shop", "app"}, []string{"1", "2"}
		if r := o.authorize(form); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
			t.Fatalf("%d to %q, want a page with 400", r.StatusCode, r.Header.Get("Location"))
		}
	}
}

func TestFormWithARepeatIsRefused(t *testing.T) {
	o := newOP(t)
	tokens := o.tokens()
	for _, at := range []struct {
		path string
		form func() url.Values
	}{
		{"/token", func() url.Values { return exchange("x") }},
		{"/token", func() url.Values { return refresh(tokens["refresh_token"]) }},
		{"/par", func() url.Values { return request() }},
		{"/introspect", func() url.Values { return url.Values{"token": {tokens["access_token"].(string)}} }},
		{"/revoke", func() url.Values {
			return url.Values{"token": {tokens["refresh_token"].(string)}, "token_type_hint": {"refresh_token"}}
		}},
		{"/userinfo", func() url.Values { return url.Values{"access_token": {tokens["access_token"].(string)}} }},
	} {
		for _, name := range parameters(t) {
			for _, values := range pairs(at.form().Get(name)) {
				form := at.form()
				form[name] = values
				inBody := post(at.path, form)
				form[name] = values[1:]
				inBoth := post(at.path+"?"+url.Values{name: values[:1]}.Encode(), form)
				for where, r := range map[string]*http.Request{"body": inBody, "address and body": inBoth} {
					if at.path != "/userinfo" {
						r.SetBasicAuth("shop", o.secret)
					}
					if status, body := decode(t, o.do(r)); status != http.StatusBadRequest || body["error"] != "invalid_request" {
						t.Errorf("%s, %s as %q in the %s: %d %v, want invalid_request", at.path, name, values, where, status, body)
					}
				}
			}
		}
	}
	if status, body := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusOK {
		t.Errorf("the refresh token after all that: %d %v", status, body)
	}
}

func TestTokenInTwoWaysIsRefused(t *testing.T) {
	o := newOP(t)
	token := o.tokens()["access_token"].(string)
	both := post("/userinfo", url.Values{"access_token": {token}})
	both.Header.Set("Authorization", "Bearer "+token)
	headers := httptest.NewRequest("GET", issuer+"/userinfo", nil)
	headers.Header["Authorization"] = []string{"Bearer " + token, "Bearer " + token}
	for name, r := range map[string]*http.Request{"header and body": both, "two headers": headers} {
		got := o.do(r)
		if status, _ := decode(t, got); status != http.StatusBadRequest || !strings.Contains(got.Header.Get("WWW-Authenticate"), "invalid_request") {
			t.Errorf("%s: %d %q, want invalid_request", name, status, got.Header.Get("WWW-Authenticate"))
		}
	}
	credentials := post("/token", exchange("x"))
	credentials.SetBasicAuth("shop", o.secret)
	credentials.Header.Add("Authorization", credentials.Header.Get("Authorization"))
	if status, body := decode(t, o.do(credentials)); status != http.StatusBadRequest || body["error"] != "invalid_request" {
		t.Errorf("client credentials in two headers: %d %v, want invalid_request", status, body)
	}
	other := post("/userinfo", nil) // a body that is none is no second token
	other.Header.Set("Authorization", "Bearer "+token)
	other.Header.Set("Content-Type", "text/plain")
	if status, _ := decode(t, o.do(other)); status != http.StatusOK {
		t.Errorf("header and a body of another type: %d, want 200", status)
	}
}
