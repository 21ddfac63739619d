package mfa_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// newHost is the host of the example, on an env.
func newHost(w *env) *host {
	return &host{codes: w.Service, passwords: map[string]string{"ana": "right", "mallory": "his"}, sessions: map[string]*hostSession{}}
}

// signIn gives the password in a new browser.
func signIn(h *host, name string) *hostBrowser {
	b := &hostBrowser{handler: h.handler()}
	b.post("/password", "name", name, "password", h.passwords[name])
	return b
}

// hostMoves are the forms of the host, with what its pages have shown last.
var hostMoves = map[string]func(a *hostAttack) string{
	"set-up":         func(a *hostAttack) string { return a.post("/setup") },
	"confirm":        func(a *hostAttack) string { return a.post("/setup/confirm", "code", a.code(), "name", "His") },
	"activate":       func(a *hostAttack) string { return a.post("/setup/activate") },
	"code":           func(a *hostAttack) string { return a.post("/code", "code", a.code()) },
	"recovery code":  func(a *hostAttack) string { return a.post("/recovery", "code", a.recoveryCode()) },
	"recovery codes": func(a *hostAttack) string { return a.post("/recovery-codes") },
	"remove":         func(a *hostAttack) string { return a.post("/remove", "id", a.id) },
	"home":           func(a *hostAttack) string { return a.post("/home") },
}

// hostAttack is a browser of somebody who has the password.
type hostAttack struct {
	*hostBrowser
	*env
	id  string // of the authenticator of the user
	key string // that a page has shown
	rc  string // a recovery code that a page has shown
	bad string // a code that is wrong
}

func (a *hostAttack) post(path string, pairs ...string) string {
	page := a.hostBrowser.post(path, pairs...)
	if key, ok := strings.CutPrefix(page, "key "); ok {
		a.key = key
	}
	if codes, ok := strings.CutPrefix(page, "codes "); ok {
		a.rc, _, _ = strings.Cut(codes, " ")
	}
	return page
}

func (a *hostAttack) code() string {
	if a.key == "" {
		return a.bad
	}
	return a.env.code(a.key, 0)
}

func (a *hostAttack) recoveryCode() string {
	if a.rc == "" {
		return wrongRecovery
	}
	return a.rc
}

// TestHostIsNotPassed: no order of forms lets anybody in who has the password of a user with an authenticator, and nothing
// else; nor does one from before that was not finished.
func TestHostIsNotPassed(t *testing.T) {
	w := newEnv(t)
	h := newHost(w)
	early := &hostAttack{hostBrowser: signIn(h, "ana"), env: w}
	early.post("/setup")
	if page := early.post("/setup/confirm", "code", early.code(), "name", "His"); !strings.HasPrefix(page, "codes ") {
		t.Fatalf("the set-up from before shows %q", page)
	}
	w.secret, w.codes = w.enrol(t, "Phone")
	live, bad := w.factors(t), w.wrong(w.secret)
	w.now = w.now.Add(-time.Hour + time.Minute)
	try := func(a *hostAttack, order ...string) {
		for _, key := range w.AttemptKeys("ana") {
			must(t, "ResetAttempts", w.memory.ResetAttempts(ctx, key, w.now.Add(-time.Hour)))
		}
		for _, name := range order {
			hostMoves[name](a)
		}
		page := a.post("/home")
		if signed := strings.Contains(page, "otp") || strings.Contains(page, "mfa"); signed || !reflect.DeepEqual(w.factors(t), live) {
			t.Fatalf("with the password alone: %s, and %s", strings.Join(order, ", "), page)
		}
	}
	try(early, "activate", "code", "recovery code")
	var orders func(made []string)
	orders = func(made []string) {
		for name := range hostMoves {
			order := append(made[:len(made):len(made)], name)
			if len(order) < 4 {
				orders(order)
				continue
			}
			try(&hostAttack{hostBrowser: signIn(h, "ana"), env: w, id: live.Authenticators[0].ID, bad: bad}, order...)
		}
	}
	orders(nil)
}

// TestHostLetsItsUsersIn: two hundred right sign-ins at one moment's pace lock nobody, by code or recovery code, and whoever
// is signed in sets up another authenticator.
func TestHostLetsItsUsersIn(t *testing.T) {
	w := enrolled(t)
	h := newHost(w)
	for i := range 200 {
		w.now = w.now.Add(30 * time.Second)
		b := signIn(h, "ana")
		if page := b.post("/code", "code", w.code(w.secret, 0)); page != "welcome" {
			t.Fatalf("right code %d: %s", i, page)
		}
		if page := b.post("/home"); page != "amr pwd otp mfa" {
			t.Fatalf("after right code %d: %s", i, page)
		}
		if i%20 == 0 {
			w.recoverAt(t, h)
			w.another(t, b, i)
		}
	}
	if codes, recovery := counted(t, w); codes != 0 || recovery != 0 {
		t.Errorf("%d codes and %d recovery codes stay counted, want none", codes, recovery)
	}
}

// recoverAt signs in with each recovery code, and makes new ones.
func (w *env) recoverAt(t *testing.T, h *host) {
	t.Helper()
	for i, code := range w.codes {
		b := signIn(h, "ana")
		if page := b.post("/recovery", "code", code); page != "welcome" {
			t.Fatalf("recovery code: %s", page)
		}
		if page := b.post("/home"); page != "amr pwd mfa" {
			t.Fatalf("after a recovery code: %s", page)
		}
		if i < len(w.codes)-1 {
			continue
		}
		w.codes = strings.Fields(b.post("/recovery-codes"))[1:]
		if page := b.post("/setup/activate"); page != "welcome" {
			t.Fatalf("new recovery codes: %s", page)
		}
	}
}

// another sets up another authenticator in a session that has proved one, and removes it.
func (w *env) another(t *testing.T, b *hostBrowser, i int) {
	t.Helper()
	key, _ := strings.CutPrefix(b.post("/setup"), "key ")
	b.post("/setup/confirm", "code", w.code(key, 0), "name", fmt.Sprint("Spare ", i))
	if page := b.post("/setup/activate"); page != "welcome" {
		t.Fatalf("another authenticator: %s", page)
	}
	for _, a := range w.factors(t).Authenticators {
		if a.Name != "Phone" {
			if page := b.post("/remove", "id", a.ID); page != "removed" {
				t.Fatalf("remove: %s", page)
			}
		}
	}
}
