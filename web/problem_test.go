package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

func TestRequestThatCannotBeAnswered(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize("client_id", "nobody")).at("error", "request").answers(http.StatusBadRequest)
	p.says("This app sent a request we can’t use", "We don’t know this app.", "nobody")
	p = b.open(s.authorize("redirect_uri", "https://evil.test/cb")).at("error", "request").answers(http.StatusBadRequest)
	p.says("Demo Shop sent a request we can’t use", "an address that is not registered for it", "https://evil.test/cb")
	for _, a := range p.all("a") {
		if strings.Contains(attr(a, "href"), "evil") {
			t.Error("the address is a link")
		}
	}
}

func TestErrorAsJSON(t *testing.T) {
	s := newSite(t)
	r, err := http.NewRequest(http.MethodGet, s.authorize("client_id", "nobody"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]string
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body["error"] == "" || response.StatusCode != 400 {
		t.Errorf("the answer is %s %v %v", response.Status, body, err)
	}
}

func TestPagesThatAreNone(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open("/nowhere").at("error", "not-found").answers(404)
	b.open("/static/000000000000/app.css").at("error", "not-found").answers(404)
	p := b.open("/login/cancel").at("error", "method").answers(405)
	if got := p.header.Get("Allow"); got != "POST" {
		t.Errorf("Allow is %q", got)
	}
	b.post("/help/lost-device", nil).at("error", "method").answers(405)
}

func TestCrossSite(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	for _, header := range [][2]string{{"Origin", "https://evil.test"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		for _, path := range []string{"/login", "/login/totp", "/logout", "/account/setup/totp", "/account/recovery-codes"} {
			r, err := http.NewRequest(http.MethodPost, b.server.URL+path, strings.NewReader("saved=yes"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(header[0], header[1])
			b.follow(r).at("error", "cross-site").answers(http.StatusForbidden)
		}
	}
	b.open("/account").at("security", "off")
}

func TestForms(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	flow := attr(b.open(s.authorize()).input("flow"), "value")
	twice := url.Values{"flow": {flow}, "username": {"ana", "ben"}, "password": {secret}}
	b.post("/login", twice).at("error", "request").answers(http.StatusBadRequest)
	b.open("/login?flow=a&flow=b").at("error", "request").answers(http.StatusBadRequest)
	b.open("/login?flow=%zz").at("error", "request").answers(http.StatusBadRequest)
	big := url.Values{"flow": {flow}, "username": {"ana"}, "password": {strings.Repeat("x", 64<<10)}}
	b.post("/login", big).at("error", "request").answers(http.StatusRequestEntityTooLarge)
}

func TestErrorPages(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		err    error
		state  string
		status int
		logged bool
	}{
		{errors.New("boom: token=abc"), "server", 500, true},
		{fmt.Errorf("read: %w", store.ErrUnavailable), "unavailable", 503, true},
		{account.ErrBusy, "busy", 503, false},
		{mfa.ErrBusy, "busy", 503, false},
		{&interaction.RequestError{Status: 400, Code: "server_error"}, "request", 400, false},
		{&interaction.RequestError{Status: 400, Code: "invalid_request_uri"}, "request", 400, false},
		{ui.ErrUnknown, "unknown", 400, false},
	} {
		s.log.Reset()
		w := httptest.NewRecorder()
		s.pages.Error(w, httptest.NewRequest("GET", "/login", nil), tt.err)
		body := w.Body.String()
		if w.Code != tt.status || !strings.Contains(body, `data-state="`+tt.state+`"`) || strings.Contains(body, "boom") {
			t.Errorf("%v: %d\n%s", tt.err, w.Code, body)
		}
		if (s.log.Len() > 0) != tt.logged || strings.Contains(body, "Reference:") != tt.logged {
			t.Errorf("%v: the log says %q", tt.err, s.log)
		}
		if tt.status == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: no Retry-After", tt.err)
		}
	}
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := New(Config{})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("New of nothing: %v", err)
	}
}
