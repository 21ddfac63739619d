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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
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
	Other                       string // another user
	Authorize, Token            string // the paths of the provider's endpoints
	Says                        bool   // each answer says of which issuer it is (RFC 9207)
}

// idTokens are what came of a code or a refresh token.
type idTokens struct {
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	claims  map[string]any
}

// tokens exchanges a code or a refresh token.
func (c OtherApp) tokens(t *testing.T, form url.Values) (answer idTokens) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Site.Config.Issuer+c.Token, strings.NewReader(form.Encode()))
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
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(answer.ID, ".")[1])
	if err != nil || json.Unmarshal(payload, &answer.claims) != nil {
		t.Fatalf("the ID token is %q (%v)", answer.ID, err)
	}
	return answer
}

const otherState = "a long state"

// answered returns what the answer says that the page has led to: beside what the redirect URI has of its own, the state, and
// the issuer if answers have that.
func (c OtherApp) answered(t *testing.T, page *Page) url.Values {
	t.Helper()
	if page.Left == nil {
		t.Fatalf("the browser is at %v, not at the app: %s", page.Address, page.End())
	}
	want, err := url.Parse(c.Redirect)
	if err != nil {
		t.Fatal(err)
	}
	got := page.Left.Query()
	for name, values := range want.Query() {
		if !slices.Equal(got[name], values) {
			t.Errorf("the answer %s has %s %q, want %q", page.Left, name, got[name], values)
		}
		got.Del(name)
	}
	if page.Left.Path != want.Path || got.Get("state") != otherState || c.Says != (got.Get("iss") == c.Site.Config.Issuer) || strings.Count(page.Left.String(), "?") != 1 {
		t.Errorf("the answer is %s", page.Left)
	}
	return got
}

// refused fails the test unless the answer is that error.
func (c OtherApp) refused(t *testing.T, page *Page, code string) {
	t.Helper()
	if got := c.answered(t, page); got.Get("error") != code || got.Has("code") {
		t.Errorf("the answer is %v, want the error %s", got, code)
	}
}

// code exchanges the code that the page has led to.
func (c OtherApp) code(t *testing.T, page *Page) idTokens {
	t.Helper()
	answer := c.answered(t, page)
	if !answer.Has("code") {
		t.Fatalf("the answer has no code: %v", answer)
	}
	return c.tokens(t, url.Values{"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {c.Redirect}})
}

// signedIn fails the test unless the ID tokens of the code and of a refresh say that. It returns the first.
func (c OtherApp) signedIn(t *testing.T, page *Page, acr string, at time.Time, amr ...any) string {
	t.Helper()
	got := c.code(t, page)
	renewed := c.tokens(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}})
	for name, claims := range map[string]map[string]any{"code": got.claims, "refresh": renewed.claims} {
		if claims["sub"] != c.Subject || claims["acr"] != acr || claims["auth_time"] != float64(at.Unix()) || !reflect.DeepEqual(claims["amr"], amr) {
			t.Errorf("the ID token of the %s has %v; want acr %s, auth_time %d, amr %v", name, claims, acr, at.Unix(), amr)
		}
	}
	return got.ID
}

// open sends the browser to the provider.
func (c OtherApp) open(v *Browser, more ...string) *Page {
	v.T.Helper()
	q := url.Values{"client_id": {c.ID}, "redirect_uri": {c.Redirect}, "response_type": {"code"}, "scope": {c.Scope}, "state": {otherState}, "nonce": {"a long nonce"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return v.Open(c.Authorize + "?" + q.Encode())
}

// Walk goes through the provider: the password alone, a set-up, a code, a session, a password that is owed, and a recovery
// code. Each time the ID tokens of the code and of a refresh must say what was proved.
func (c OtherApp) Walk(t *testing.T) {
	t.Helper()
	v := c.Site.NewBrowser(t)
	began := c.Site.Clock.Now()
	hint := c.signedIn(t, v.LogInAt(c.open(v), c.User), "aal1", began, "pwd")
	c.hints(t, hint)

	page := c.open(v, "acr_values", "aal2")
	page = page.Open("/step/login/setup/totp?"+page.Address.RawQuery).At("setup", "initial")
	phone := page.Phone()
	page = page.Press("Continue", "code", phone.Code(-1)).At("codes", "initial")
	codes := page.RecoveryCodes()
	c.signedIn(t, page.Press("Turn on two-step verification", "saved", "on"), "aal2", began, "pwd", "otp", "mfa")

	c.Site.Clock.Advance(time.Minute)
	c.signedIn(t, c.open(v), "aal2", began, "pwd", "otp", "mfa")
	c.signedIn(t, c.open(v, "prompt", "none", "id_token_hint", hint), "aal2", began, "pwd", "otp", "mfa")
	page = c.open(v, "max_age", "30")
	c.signedIn(t, v.LogInAt(page, c.User).At("totp", "initial").Press("Continue", "code", phone.Code(0)), "aal2", c.Site.Clock.Now(), "pwd", "otp", "mfa")

	v = c.Site.NewBrowser(t)
	c.Site.Clock.Advance(time.Second)
	page = v.LogInAt(c.open(v), c.User).At("totp", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0])
	c.signedIn(t, page.At("recovery-used", "initial").Press("Continue"), "aal2", c.Site.Clock.Now(), "pwd", "mfa")
	c.refused(t, c.open(c.Site.NewBrowser(t), "prompt", "none"), "login_required")
}

// hints sends requests for the user whose ID token that is from a browser of the other user: nobody else will do.
func (c OtherApp) hints(t *testing.T, hint string) {
	t.Helper()
	v := c.Site.NewBrowser(t)
	others := c.code(t, v.LogInAt(c.open(v), c.Other)).ID
	c.refused(t, c.open(v, "prompt", "none", "id_token_hint", hint), "login_required")
	c.code(t, c.open(v, "prompt", "none", "id_token_hint", others))
	page := c.open(v, "id_token_hint", hint)
	c.refused(t, v.LogInAt(page, c.Other), "login_required")
	if got := c.code(t, v.LogInAt(page, c.User)); got.claims["sub"] != c.Subject {
		t.Errorf("the hint of %s lets %v in", c.Subject, got.claims["sub"])
	}
	head, rest, _ := strings.Cut(hint, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	_, foreign, _ := strings.Cut(strings.TrimPrefix(others, head+"."), ".")
	for name, forged := range map[string]string{
		"of nothing": "x", "of another signature": head + "." + payload + "." + foreign, "unsigned": "eyJhbGciOiJub25lIn0." + payload + ".", "of no payload": head + ".e30." + signature,
	} {
		if got := c.answered(t, c.open(v, "prompt", "none", "id_token_hint", forged)); got.Get("error") == "" || got.Has("code") {
			t.Errorf("a hint %s is answered with %v", name, got)
		}
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

// LogIn gives the password at the LogIn of a program, for no request.
func (b *Tab) LogIn(user string) *Tab {
	b.T.Helper()
	b.Open("/login")
	form, err := json.Marshal(url.Values{"username": {user}, "password": {Password}}.Encode())
	b.must("quote", err)
	send := fmt.Sprintf(`fetch("/login", {method: "POST", headers: {"Content-Type": "application/x-www-form-urlencoded"}, body: %s}).then(r => r.status)`, form)
	if status := Evaluate[int](b, send, chromedp.EvalAwaitPromise); status != http.StatusOK {
		b.T.Fatalf("the log-in of %s answers %d", user, status)
	}
	return b
}
