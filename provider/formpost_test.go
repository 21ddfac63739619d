package provider_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"vestibule/provider/interaction"
)

// posted returns the form that the browser is to send.
func posted(t *testing.T, r *http.Response) interaction.FormPost {
	t.Helper()
	var f interaction.FormPost
	if r.StatusCode != http.StatusOK || r.Header.Get("Location") != "" {
		t.Fatalf("status %d, to %q; want a form", r.StatusCode, r.Header.Get("Location"))
	}
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		t.Fatal(err)
	}
	return f
}

func formPost(pairs ...string) url.Values {
	return request(append([]string{"response_mode", "form_post"}, pairs...)...)
}

// The answer to a request with form_post is what the address would have had, in a form.
func TestFormPost(t *testing.T) {
	o := newOP(t)
	for name, v := range map[string]url.Values{
		"GET":              formPost(),
		"without a state":  formPost("state", "-"),
		"sent as a form":   formPost("display", "page"),
		"spoilt as a page": formPost("state", `"><script>alert(1)</script>&amp;`),
	} {
		r := o.authorize(v)
		if name == "sent as a form" {
			r = o.do(httptest.NewRequest("GET", issuer+o.do(post("/authorize", v)).Header.Get("Location"), nil))
		}
		f := posted(t, r)
		want := url.Values{"code": {f.Fields.Get("code")}, "iss": {issuer}, "state": v["state"]}
		if v.Get("state") == "" {
			want.Del("state")
		}
		if f.Action != callback || !reflect.DeepEqual(f.Fields, want) || f.Fields.Get("code") == "" {
			t.Errorf("%s: %+v, want %v for %s", name, f, want, callback)
		}
		if status, body := o.token("shop", exchange(f.Fields.Get("code"))); status != http.StatusOK {
			t.Errorf("%s: exchange %d %v", name, status, body)
		}
	}
	if v := answer(t, o.authorize(request("response_mode", "query"))); v.Get("code") == "" {
		t.Errorf("query, said: %v, want a code", v)
	}
	if v := answer(t, o.authorize(request("response_mode", ""))); v.Get("code") == "" {
		t.Errorf("an empty response_mode: %v, want a code", v)
	}
}

// Errors go the way that the client asked for, be they found at once or by the pages.
func TestFormPostOfErrors(t *testing.T) {
	o := newOP(t)
	check := func(name, code string, v url.Values) {
		t.Helper()
		f := posted(t, o.authorize(v))
		if f.Action != callback || f.Fields.Get("error") != code || f.Fields.Get("error_description") == "" ||
			f.Fields.Get("iss") != issuer || f.Fields.Get("state") != v.Get("state") || f.Fields.Has("code") {
			t.Errorf("%s: %+v, want error %s with state and iss", name, f, code)
		}
	}
	twice := formPost()
	twice.Add("nonce", "m")
	check("nonce twice", "invalid_request", twice)
	check("unknown prompt", "invalid_request", formPost("prompt", "shout"))
	check("no response type", "invalid_request", formPost("response_type", "-"))
	check("token", "unsupported_response_type", formPost("response_type", "token"))
	check("request object", "request_not_supported", formPost("request", "eyJhbGciOiJub25lIn0.e30."))
	o.ui.refuse = "login_required"
	check("refused by the pages", "login_required", formPost("prompt", "none"))
}

// What a form cannot bring as it is, or to where it is wanted, is refused by a redirect.
func TestFormPostIsRefusedWhereItCannotBe(t *testing.T) {
	o := newOP(t)
	modes := request()
	modes["response_mode"] = []string{"form_post", "query"}
	for name, tt := range map[string]struct {
		v    url.Values
		code string
	}{
		"private scheme":  {formPost("client_id", "app", "redirect_uri", "com.example.app:/cb", "scope", "openid"), "invalid_request"},
		"no UTF-8":        {formPost("state", "\xff"), "invalid_request"},
		"line end":        {formPost("state", "a\nb"), "invalid_request"},
		"NUL":             {formPost("state", "a\x00b"), "invalid_request"},
		"two modes":       {modes, "invalid_request"},
		"fragment":        {request("response_mode", "fragment"), "unsupported_response_mode"},
		"fragment.jwt":    {request("response_mode", "fragment.jwt"), "unsupported_response_mode"},
		"in capitals":     {request("response_mode", "FORM_POST"), "unsupported_response_mode"},
		"with a blank":    {request("response_mode", "form_post "), "unsupported_response_mode"},
		"not to be found": {request("response_mode", "web_message"), "unsupported_response_mode"},
	} {
		r := o.authorize(tt.v)
		v := answer(t, r)
		if v.Get("error") != tt.code || v.Get("state") != tt.v.Get("state") || v.Get("iss") != issuer || v.Has("code") {
			t.Errorf("%s: %v, want %s", name, v, tt.code)
		}
		if to := r.Header.Get("Location"); strings.Contains(to, "#") {
			t.Errorf("%s: the answer is in the fragment of %s", name, to)
		}
	}
	r := o.authorize(formPost("redirect_uri", "https://evil.example/"))
	if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
		t.Errorf("unknown redirect URI: %d to %q, want a page", r.StatusCode, r.Header.Get("Location"))
	}
}

// State comes back in a form as it was sent, or the client hears that it cannot.
func TestStateComesBackInAForm(t *testing.T) {
	o := newOP(t)
	for _, state := range texts() {
		r := o.authorize(formPost("state", state))
		if !utf8.ValidString(state) || strings.ContainsAny(state, "\x00\r\n") {
			if v := answer(t, r); v.Get("error") != "invalid_request" || v.Get("state") != state {
				t.Errorf("state %q: %v, want invalid_request", state, v)
			}
			continue
		}
		if f := posted(t, r); f.Fields.Get("state") != state {
			t.Errorf("state %q came back as %q", state, f.Fields.Get("state"))
		}
	}
}

// The mode is part of what is frozen: a sign-in that was begun anew, and was a row, ends as the client asked.
func TestFormPostThroughTheFlow(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	o.authorize(formPost())
	ix := o.begunAnew(o.ui.last)
	o.ui.sign(ix)
	var kept string
	ix.Keep = func(to string) ([]byte, error) { kept = to; return nil, nil }
	w := httptest.NewRecorder()
	if err := o.p.Finish(w, httptest.NewRequest("GET", issuer, nil), ix, o.clock()); err != nil {
		t.Fatal(err)
	}
	f := posted(t, w.Result())
	again, ok := interaction.ParseFormPost(kept)
	if !ok || !reflect.DeepEqual(again, f) || f.Fields.Get("code") == "" {
		t.Errorf("kept is %+v, %v; want the answer %+v", again, ok, f)
	}
	for _, other := range []string{callback, "", "form_post", "form_post:%zz?", "form_post:x?%zz"} {
		if f, ok := interaction.ParseFormPost(other); ok {
			t.Errorf("%q is read as %+v", other, f)
		}
	}
}
