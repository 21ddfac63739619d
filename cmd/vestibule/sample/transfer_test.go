package sample

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestTransfer is the app alone: what it makes of what the API says.
func TestTransfer(t *testing.T) {
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
			words, err := (&app{api: api.URL}).callTransfer(t.Context(), "abc")
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
func TestGivesUp(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="aal9"`)
		w.WriteHeader(401)
	}))
	defer api.Close()
	s := &app{api: api.URL, sessions: map[string]appSession{}}
	for signIns, want := range []string{"claims=", "claims=", "claims=", "/"} {
		w := httptest.NewRecorder()
		s.finishTransfer(w, httptest.NewRequest("POST", "/transfer", nil), appSession{proved: proved{access: "abc"}}, signIns)
		if got := w.Header().Get("Location"); want == "/" && got != "/" || !strings.Contains(got, want) {
			t.Errorf("after %d sign-ins: to %q, want %s", signIns, got, want)
		}
	}
}

// A page of another site cannot make the app transfer.
func TestTransferIsGuarded(t *testing.T) {
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

// TestProblem: what became of the transfer comes first.
func TestProblem(t *testing.T) {
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
