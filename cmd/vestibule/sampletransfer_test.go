package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"vestibule/config"
)

// demoWalk is a browser at the sample app of a demo, signed in as one of its users.
type demoWalk struct {
	*browser
	text string // what the demo printed
}

func newDemoWalk(t *testing.T) demoWalk {
	t.Helper()
	text, stop := startDemo(t, "--listen", "127.0.0.1:0", "--sample-listen", "127.0.0.1:0")
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	s := &site{t: t, config: config.Config{Issuer: found(t, text, `(http://\S+)/account/security`)}, clock: newClock()}
	return demoWalk{s.newBrowser(t), text}
}

// cross follows a page to another site.
func (d demoWalk) cross(p *page) *page {
	for p.left != nil {
		p = d.open(p.left.String())
	}
	return p
}

func (d demoWalk) signIn(p *page, name string) *page {
	d.t.Helper()
	return d.cross(p.at("login", "initial").press("Sign in", "username", name, "password", found(d.t, d.text, name+`\s+password +(\S+)`)))
}

func (d demoWalk) home() *page { return d.open(found(d.t, d.text, `Open this +(\S+)`)) }

// TestDemoTransfer makes the step-up: a user who signed in with the password is asked for the code, and for nothing
// else, when the API wants more than the app had asked for.
func TestDemoTransfer(t *testing.T) {
	d := newDemoWalk(t)
	p := d.cross(d.home().click("Sign in"))
	p = d.signIn(p, "ada").at("consent", "initial")
	p = d.cross(p.press("Allow")).at("sample", "signed-in")
	p.says(`["pwd"]`).says(`"aal1"`).says("you gave your password and nothing else").says("One step was enough")

	p = d.cross(p.press("Transfer 100")) // she has no authenticator, so she sets one up on the way
	if p.name == "continue" {
		p = p.press("Continue")
	}
	phone := p.at("setup", "initial").phone()
	p = p.press("Continue", "code", demoCode(t, phone.secret)).at("codes", "initial")
	p = d.cross(p.press("Turn on two-step verification", "saved", "on")).at("sample", "done")
	p.says("100 transferred. You have 900 left.").says("Reloading this page does not transfer again.").says(`["pwd","otp","mfa"]`).says(`"aal2"`)
	p.says("The app accepts nothing less").says(`claims={"id_token":{"acr":{"essential":true,"values":["aal2"]}}} max_age=300`)

	p = d.cross(p.press("Transfer 100")).at("sample", "done") // the new access token is good enough
	p.says("You have 800 left.")
}

// TestDemoTransferAtOnce asks nothing of a user who took two steps a moment ago.
func TestDemoTransferAtOnce(t *testing.T) {
	d := newDemoWalk(t)
	p := d.cross(d.home().click("Sign in"))
	p = d.signIn(p, "grace").at("totp", "initial").press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	p = d.cross(p.at("consent", "initial").press("Allow")).at("sample", "signed-in")
	p.says("You proved all of it in this sign-in.").says("The app did not ask for two steps.")
	d.cross(p.press("Transfer 100")).at("sample", "done").says("You have 900 left.") // nothing more is asked
}

// TestDemoTransferOfAnother has somebody else come back from the step-up.
func TestDemoTransferOfAnother(t *testing.T) {
	d := newDemoWalk(t)
	p := d.signIn(d.cross(d.home().click("Sign in")), "ada")
	d.cross(p.at("consent", "initial").press("Allow")).at("sample", "signed-in")
	p = d.cross(d.home().press("Transfer 100")).at("setup", "initial").press("Cancel")
	p = d.cross(p).at("sample", "problem").says("You did not take the second step, so nothing was transferred. The server said unmet_authentication_requirements: ").says("You are signed in.")
	if strings.Contains(p.text(), "..") {
		t.Error("a sentence has two full stops")
	}

	d.open("/logout").press("Sign out")
	p = d.signIn(d.cross(d.home().press("Transfer 100")), "grace")
	p = p.at("totp", "initial").press("Continue", "code", demoCode(t, found(t, d.text, `--base32 (\S+)`)))
	d.cross(p.at("consent", "initial").press("Allow")).at("sample", "problem").says("somebody else has signed in")
}

func demoCode(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestSampleTransfer is the app alone: what it makes of what the API says.
func TestSampleTransfer(t *testing.T) {
	for _, tt := range []struct {
		name      string
		status    int
		challenge string
		body      string
		want      error // nil: done; a *stepUp or words
		words     string
	}{
		{"done", 200, "", "all is well\n", nil, "all is well"},
		{"level and age", 401, `Bearer error="insufficient_user_authentication", error_description="a \"b\"", acr_values="aal2 x", max_age="300"`, "",
			&stepUp{wish{ACR: []string{"aal2", "x"}, Essential: true, MaxAge: "300"}}, ""},
		{"age", 401, `Bearer error="insufficient_user_authentication", max_age="60"`, "", &stepUp{wish{ACR: []string{}, MaxAge: "60"}}, ""},
		{"expired", 401, `Bearer error="invalid_token"`, "", &stepUp{}, ""},
		{"scope", 403, `Bearer error="insufficient_scope", scope="x"`, "the access token lacks a scope", nil, "403 Forbidden: the access token lacks a scope"},
		{"down", 503, "", "the access token cannot be checked now", nil, "503 Service Unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "POST" || r.URL.Path != "/transfer" || r.Header.Get("Authorization") != "Bearer abc" {
					t.Errorf("the app asks %s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
				}
				w.Header().Set("WWW-Authenticate", tt.challenge)
				http.Error(w, tt.body, tt.status)
			}))
			defer api.Close()
			words, err := (&sample{api: api.URL}).callTransfer(t.Context(), "abc")
			switch {
			case tt.want != nil:
				if !reflect.DeepEqual(err, tt.want) {
					t.Errorf("error %#v, want %#v", err, tt.want)
				}
			case tt.status == 200:
				if err != nil || words != tt.words {
					t.Errorf("%q, %v, want %q", words, err, tt.words)
				}
			case err == nil || !strings.Contains(err.Error(), tt.words):
				t.Errorf("error %v, want %q", err, tt.words)
			}
		})
	}
}

// An API that is never content does not send the user round in circles.
func TestSampleGivesUp(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="aal9"`)
		w.WriteHeader(401)
	}))
	defer api.Close()
	s := &sample{api: api.URL, sessions: map[string]sampleSession{}}
	for signIns, want := range []string{"claims=", "claims=", "claims=", "/"} {
		w := httptest.NewRecorder()
		s.finishTransfer(w, httptest.NewRequest("POST", "/transfer", nil), sampleSession{access: "abc"}, signIns)
		if got := w.Header().Get("Location"); want == "/" && got != "/" || !strings.Contains(got, want) {
			t.Errorf("after %d sign-ins: to %q, want %s", signIns, got, want)
		}
	}
}

// A page of another site cannot make the app transfer.
func TestSampleTransferIsGuarded(t *testing.T) {
	_, address, browser := sampleApp(t)
	r, err := http.NewRequestWithContext(t.Context(), "POST", address+"/transfer", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-site")
	resp, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a form of another site: %s, want 403", resp.Status)
	}
	resp, err = browser.Post(address+"/transfer", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if to, _ := url.Parse(resp.Header.Get("Location")); resp.StatusCode != http.StatusSeeOther || to.Path != "/authorize" {
		t.Errorf("nobody is signed in: %s to %s, want a sign-in", resp.Status, to)
	}
}

func TestReasons(t *testing.T) {
	began := time.Unix(1_800_000_000, 0)
	now, earlier := began.Unix()+5, began.Unix()-125
	two := []string{"pwd", "otp", "mfa"}
	for _, tt := range []struct {
		name  string
		proof proof
		asked wish
		want  [3]string
	}{
		{"password", proof{[]string{"pwd"}, "aal1", now}, wish{},
			[3]string{"your password and nothing else", "One step was enough", "You proved all of it in this sign-in"}},
		{"wish not fulfilled", proof{[]string{"pwd"}, "aal1", now}, wish{ACR: []string{"aal2"}},
			[3]string{"your password and nothing else", "which is a wish: it got one", "You proved all of it"}},
		{"two steps", proof{two, "aal2", now}, wish{ACR: []string{"aal2"}},
			[3]string{"a code from your authenticator app", "would like two steps, and you took two", "You proved all of it"}},
		{"two steps unasked", proof{two, "aal2", earlier}, wish{},
			[3]string{"a code from your authenticator app", "did not ask for two steps", "You gave the oldest of these proofs 2 minutes before."}},
		{"essential", proof{two, "aal2", now}, wish{ACR: []string{"aal2"}, Essential: true, MaxAge: "300"},
			[3]string{"a code", "accepts nothing less", "You proved all of it"}},
		{"recovery code", proof{[]string{"pwd", "mfa"}, "aal2", began.Unix() - 7}, wish{MaxAge: "300"},
			[3]string{"a recovery code", "did not ask", "7 seconds before. The app accepts up to 300 seconds."}},
		{"again", proof{[]string{"pwd"}, "aal1", now}, wish{Again: true},
			[3]string{"nothing else", "One step", "proved once more, and you did so"}},
	} {
		for i, reason := range tt.proof.reasons(tt.asked, began) {
			if !strings.Contains(reason.Why, tt.want[i]) {
				t.Errorf("%s: %s: %q, want %q", tt.name, reason.Name, reason.Why, tt.want[i])
			}
		}
	}
}

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", 1900 * time.Millisecond: "1 second", 59 * time.Second: "59 seconds", time.Minute: "1 minute", 125 * time.Second: "2 minutes",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
}

// TestSampleProblem: what became of the transfer comes first.
func TestSampleProblem(t *testing.T) {
	no := &refusal{"access_denied", "The user said no."}
	for _, tt := range []struct {
		a    attempt
		err  error
		want string
	}{
		{attempt{}, no, "That did not work: the server said access_denied: The user said no."},
		{attempt{Transfer: 2, Asked: wish{MaxAge: "300"}}, no, "You did not take the second step, so nothing was transferred. The server said access_denied: The user said no."},
		{attempt{Transfer: 1}, no, "You did not sign in, so nothing was transferred. The server said access_denied: The user said no."},
		{attempt{Transfer: 2}, &refusal{"server_error", "x"}, "That did not work: the server said server_error: x."},
	} {
		if got := tt.a.problem(tt.err); got != tt.want {
			t.Errorf("%+v, %v: %q, want %q", tt.a, tt.err, got, tt.want)
		}
	}
}

// TestDemoInBrowser makes the step-up in a real browser, where the policy of the app's page must let its form lead to
// the server and back.
func TestDemoInBrowser(t *testing.T) {
	d := newDemoWalk(t)
	b := d.site.newTab(t)
	b.open(found(t, d.text, `Open this +(\S+)`)).at("sample", "signed-out").press("Sign in").at("login", "initial")
	b.put("username", "ada").put("password", found(t, d.text, `ada\s+password +(\S+)`)).press("Sign in")
	b.at("consent", "initial").press("Allow").at("sample", "signed-in")
	b.press("Transfer 100").at("setup", "initial")
	b.put("code", b.oathCode(b.scan(), 0)).press("Continue").at("codes", "initial")
	b.toggle("#saved").press("Turn on two-step verification").at("sample", "done")
	if got := evaluate[string](b, `document.querySelector(".done").innerText`); !strings.HasPrefix(got, "100 transferred. You have 900 left.") {
		t.Errorf("the page says %q", got)
	}
	b.press("Transfer 100").at("sample", "done")
}
