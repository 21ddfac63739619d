package servertest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// LogIn is the log-in of a program that is not ours, but has the step below /step. It answers GET /login with "log in and go
// to " and the path that it was given in return_to, takes username, Password and return_to by POST, remembers the browser by
// a cookie, and forgets it at GET /logout.
type LogIn struct {
	Now    func() time.Time
	Knows  func(user string) bool // nil: everybody is known
	mu     sync.Mutex
	logins map[string]login // by cookie
}

type login struct {
	user string
	at   time.Time
}

// LogInCookie is the name of the cookie of a LogIn.
const LogInCookie = "program"

// Register adds it to mux.
func (l *LogIn) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, logInPage, r.FormValue("return_to")) })
	mux.HandleFunc("POST /login", l.logIn)
	mux.HandleFunc("GET /logout", l.logOut)
}

// logInPage is what the page says before the path.
const logInPage = "log in and go to "

func (l *LogIn) logIn(w http.ResponseWriter, r *http.Request) {
	user, value := r.PostFormValue("username"), rand.Text()
	if r.PostFormValue("password") != Password || l.Knows != nil && !l.Knows(user) {
		http.Error(w, "wrong", http.StatusForbidden)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.logins == nil {
		l.logins = map[string]login{}
	}
	l.logins[value] = login{user, l.Now()}
	http.SetCookie(w, &http.Cookie{Name: LogInCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	if back := r.PostFormValue("return_to"); strings.HasPrefix(back, "/step/") {
		http.Redirect(w, r, back, http.StatusSeeOther)
	}
}

func (l *LogIn) logOut(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, err := r.Cookie(LogInCookie); err == nil {
		delete(l.logins, c.Value)
	}
	fmt.Fprint(w, "logged out")
}

// SignedIn is who has logged in, in the browser that sent r, and when; nobody: "".
func (l *LogIn) SignedIn(r *http.Request) (user string, at time.Time) {
	c, err := r.Cookie(LogInCookie)
	if err != nil {
		return "", time.Time{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.logins[c.Value]
	return found.user, found.at
}

// OtherApp is an app at a provider that is not ours, and has a LogIn.
type OtherApp struct {
	Site                        *Site // of Elsewhere; its clock is the provider's too
	ID, Secret, Redirect, Scope string
	User, Subject               string // who signs in, with Password, and the sub of that
}

// tokens exchanges a code or a refresh token at the endpoint, and returns the claims of the ID token and the new refresh token.
func (c OtherApp) tokens(t *testing.T, endpoint string, form url.Values) (claims map[string]any, refresh string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Site.Config.Issuer+endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(c.ID, url.QueryEscape(c.Secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("tokens: %s, %v:\n%s", response.Status, err, body)
	}
	var answer struct {
		ID      string `json:"id_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.ID, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatalf("the ID token is %q (%v)", answer.ID, err)
	}
	return claims, answer.Refresh
}

// signedIn fails the test unless the ID tokens of the code and of a refresh say that.
func (c OtherApp) signedIn(t *testing.T, endpoint string, page *Page, acr string, at time.Time, amr ...any) {
	t.Helper()
	if page.Left == nil || !page.Left.Query().Has("code") {
		t.Fatalf("the browser is at %v, not at the app with a code: %s", page.Address, page.End())
	}
	claims, refresh := c.tokens(t, endpoint, url.Values{"grant_type": {"authorization_code"}, "code": {page.Left.Query().Get("code")}, "redirect_uri": {c.Redirect}})
	renewed, _ := c.tokens(t, endpoint, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	for name, claims := range map[string]map[string]any{"code": claims, "refresh": renewed} {
		if claims["sub"] != c.Subject || claims["acr"] != acr || claims["auth_time"] != float64(at.Unix()) || !reflect.DeepEqual(claims["amr"], amr) {
			t.Errorf("the ID token of the %s has %v; want acr %s, auth_time %d, amr %v", name, claims, acr, at.Unix(), amr)
		}
	}
}

// Walk goes through the provider, whose endpoints those paths are: the password alone, a set-up, a code, a session, a
// password that is owed, and a recovery code. Each time the ID tokens of the code and of a refresh must say what was proved.
func (c OtherApp) Walk(t *testing.T, authorize, token string) {
	t.Helper()
	open := func(v *Browser, more ...string) *Page {
		t.Helper()
		q := url.Values{"client_id": {c.ID}, "redirect_uri": {c.Redirect}, "response_type": {"code"}, "scope": {c.Scope}, "state": {"a long state"}, "nonce": {"a long nonce"}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return v.Open(authorize + "?" + q.Encode())
	}
	v := c.Site.NewBrowser(t)
	began := c.Site.Clock.Now()
	c.signedIn(t, token, v.LogInAt(open(v), c.User), "aal1", began, "pwd")

	page := open(v, "acr_values", "aal2")
	page = page.Open("/step/login/setup/totp?"+page.Address.RawQuery).At("setup", "initial")
	phone := page.Phone()
	page = page.Press("Continue", "code", phone.Code(-1)).At("codes", "initial")
	codes := page.RecoveryCodes()
	c.signedIn(t, token, page.Press("Turn on two-step verification", "saved", "on"), "aal2", began, "pwd", "otp", "mfa")

	c.Site.Clock.Advance(time.Minute)
	c.signedIn(t, token, open(v), "aal2", began, "pwd", "otp", "mfa")
	page = open(v, "max_age", "30")
	c.signedIn(t, token, v.LogInAt(page, c.User).At("totp", "initial").Press("Continue", "code", phone.Code(0)), "aal2", c.Site.Clock.Now(), "pwd", "otp", "mfa")

	v = c.Site.NewBrowser(t)
	c.Site.Clock.Advance(time.Second)
	page = v.LogInAt(open(v), c.User).At("totp", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0])
	c.signedIn(t, token, page.At("recovery-used", "initial").Press("Continue"), "aal2", c.Site.Clock.Now(), "pwd", "mfa")
	page = open(c.Site.NewBrowser(t), "prompt", "none")
	if page.Left == nil || page.Left.Query().Get("error") != "login_required" || page.Left.Query().Get("state") != "a long state" {
		t.Errorf("a silent request of nobody ends at %s, %v", page.End(), page.Left)
	}
}

// LogInAt gives the password at the LogIn that the page is of, which another browser may have been sent to.
func (b *Browser) LogInAt(p *Page, user string) *Page {
	b.T.Helper()
	to, ok := strings.CutPrefix(p.Body, logInPage)
	if !ok {
		b.T.Fatalf("%s is no log-in of a program:\n%s", p.Address, p.Text())
	}
	return b.Post("/login", url.Values{"username": {user}, "password": {Password}, "return_to": {to}})
}
