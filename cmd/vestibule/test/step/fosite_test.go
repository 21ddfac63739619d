package step

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/step"
)

// relying is an app at a provider that is not ours.
type relying struct {
	t     *testing.T
	site  *servertest.Site
	token string // endpoint
}

// tokens exchanges a code or a refresh token, and returns the claims of the ID token and the new refresh token.
func (c relying) tokens(form url.Values) (claims map[string]any, refresh string) {
	c.t.Helper()
	r, err := http.NewRequest(http.MethodPost, c.token, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.SetBasicAuth("app", url.QueryEscape("secret of the app"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		c.t.Fatalf("tokens: %s, %v:\n%s", response.Status, err, body)
	}
	var answer struct {
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		c.t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.ID, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		c.t.Fatalf("the ID token is %q (%v)", answer.ID, err)
	}
	return claims, answer.Refresh
}

// signedIn fails the test unless the ID tokens of the code and of a refresh say that.
func (c relying) signedIn(page *servertest.Page, acr string, at time.Time, amr ...any) {
	c.t.Helper()
	if page.Left == nil || !page.Left.Query().Has("code") {
		c.t.Fatalf("the browser is at %v, not at the app with a code: %s", page.Address, page.End())
	}
	claims, refresh := c.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {page.Left.Query().Get("code")}, "redirect_uri": {fositeRedirect}})
	renewed, _ := c.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	for name, claims := range map[string]map[string]any{"code": claims, "refresh": renewed} {
		if claims["sub"] != "ana" || claims["acr"] != acr || claims["auth_time"] != float64(at.Unix()) || !reflect.DeepEqual(claims["amr"], amr) {
			c.t.Errorf("the ID token of the %s has %v; want acr %s, auth_time %d, amr %v", name, claims, acr, at.Unix(), amr)
		}
	}
}

func TestFosite(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		site := servertest.Elsewhere(t, server.URL)
		site.Clock.Advance(-time.Hour) // fosite goes by the computer's, and takes no time that is to come
		keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
		if err != nil {
			t.Fatal(err)
		}
		host := &fositeHost{fositeProgram: newFositeProgram(t, server.URL, site.Clock.Now)}
		host.begin = host.authorize
		host.register(mux)
		host.steps, err = step.New(step.Config{
			Origin: server.URL, Prefix: "/step", Host: host, LogIn: "/login", LogOut: "/logout", Store: db, Keys: keys,
			Memory: 64, Passes: 1, Now: site.Clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		host.steps.Register(mux)
		walkProvider(t, site, "/authorize", relying{t, site, server.URL + "/token"})
	})
}

// walkProvider goes through a provider with the step: the password alone, a set-up, a code, an old session, a password that
// is owed, and a recovery code.
func walkProvider(t *testing.T, site *servertest.Site, endpoint string, c relying) {
	t.Helper()
	open := func(v visitor, more ...string) *servertest.Page {
		t.Helper()
		q := url.Values{"client_id": {"app"}, "redirect_uri": {fositeRedirect}, "response_type": {"code"}, "scope": {"openid offline"}, "state": {"a long state"}, "nonce": {"a long nonce"}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return v.Open(endpoint + "?" + q.Encode())
	}
	v := visitor{site.NewBrowser(t)}
	began := site.Clock.Now()
	c.signedIn(v.password(open(v), "ana"), "aal1", began, "pwd")

	page := open(v, "acr_values", "aal2")
	page = page.Open("/step/login/setup/totp?"+page.Address.RawQuery).At("setup", "initial")
	phone := page.Phone()
	page = page.Press("Continue", "code", phone.Code(-1)).At("codes", "initial")
	codes := page.RecoveryCodes()
	c.signedIn(page.Press("Turn on two-step verification", "saved", "on"), "aal2", began, "pwd", "otp", "mfa")

	site.Clock.Advance(time.Minute)
	c.signedIn(open(v), "aal2", began, "pwd", "otp", "mfa")
	page = open(v, "max_age", "30")
	c.signedIn(v.password(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "aal2", site.Clock.Now(), "pwd", "otp", "mfa")

	v = visitor{site.NewBrowser(t)}
	site.Clock.Advance(time.Second)
	page = v.password(open(v), "ana").At("totp", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0])
	c.signedIn(page.At("recovery-used", "initial").Press("Continue"), "aal2", site.Clock.Now(), "pwd", "mfa")
	page = open(visitor{site.NewBrowser(t)}, "prompt", "none")
	if page.Left == nil || page.Left.Query().Get("error") != "login_required" || page.Left.Query().Get("state") != "a long state" {
		t.Errorf("a silent request of nobody ends at %s, %v", page.End(), page.Left)
	}
}

// TestLines holds the hosts to what the documents say of them.
func TestLines(t *testing.T) {
	if n := linesOf(t, "fositehost_test.go"); n >= 60 {
		t.Errorf("a program on fosite writes %d lines, want less than 60", n)
	}
}

// linesOf counts the lines of a file from the first declaration on that are neither empty nor comments.
func linesOf(t *testing.T, file string) (n int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(data), "\n)\n")
	if !ok {
		t.Fatalf("%s imports nothing", file)
	}
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}
