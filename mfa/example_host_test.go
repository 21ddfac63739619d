package mfa_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/hotp"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
	"vestibule/provider/assurance"
)

// host is a program with a log-in of its own, and the second step after it. Set-up is offered to whoever is let in by the
// password, and no handler asks who has what: the Service does.
type host struct {
	codes     *mfa.Service
	passwords map[string]string // by subject
	mu        sync.Mutex
	sessions  map[string]*hostSession // by cookie
}

// hostSession is a browser's. Its login says what was proved, and by that what a relying party is told.
type hostSession struct {
	id    string
	login *assurance.Login
	done  bool // nobody is signed in before
}

// prove is what every second factor does for a session. It runs in the commit that spends the code, so that nothing but
// what it returns may change: commit takes that over.
func (s hostSession) prove(p mfa.Proof) (hostSession, error) {
	s.login, s.done = s.login.Clone(), true
	return s, s.login.Add(p)
}

func (h *host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /password", h.password)
	for pattern, form := range map[string]func(r *http.Request, s *hostSession) (string, error){
		"POST /code":           h.code,
		"POST /recovery":       h.recovery,
		"POST /setup":          h.setup,
		"POST /setup/confirm":  h.confirm,
		"POST /setup/activate": h.activate,
		"POST /recovery-codes": h.recoveryCodes,
		"POST /remove":         h.remove,
		"POST /home": func(_ *http.Request, s *hostSession) (string, error) {
			if !s.done {
				return "", errors.New("a code is needed")
			}
			return "amr " + strings.Join(s.login.AMR(), " "), nil
		},
	} {
		mux.HandleFunc(pattern, h.withSession(form))
	}
	return mux
}

// password begins a session. Who has no authenticator is signed in by it.
func (h *host) password(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if h.passwords[name] == "" || h.passwords[name] != r.PostFormValue("password") { // a real one is hashed, and counts guesses
		http.Error(w, "That is not right.", http.StatusUnprocessableEntity)
		return
	}
	enrolled, err := h.codes.Enrolled(r.Context(), name)
	if err != nil {
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	s := &hostSession{id: rand.Text(), login: assurance.PasswordLogin(name, 0, h.codes.Now()), done: !enrolled}
	h.mu.Lock()
	h.sessions[s.id] = s
	h.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "session", Value: s.id, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// withSession answers a form of a session with a page, or with what is wrong.
func (h *host) withSession(form func(*http.Request, *hostSession) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		cookie, err := r.Cookie("session")
		if err != nil || h.sessions[cookie.Value] == nil {
			http.Error(w, "Sign in first.", http.StatusForbidden)
			return
		}
		page, err := form(r, h.sessions[cookie.Value])
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		fmt.Fprint(w, page)
	}
}

func (h *host) code(r *http.Request, s *hostSession) (string, error) {
	after := *s
	answer := totp.Answer(r.PostFormValue("code"))
	err := h.codes.Verify(r.Context(), s.login.Subject, answer, s.password(), func(_ context.Context, p mfa.Proof) (err error) {
		after, err = s.prove(p)
		return err
	})
	return s.commit(after, err)
}

func (h *host) recovery(r *http.Request, s *hostSession) (string, error) {
	after := *s
	code := r.PostFormValue("code")
	err := h.codes.Recover(r.Context(), s.login.Subject, code, s.password(), func(_ context.Context, p mfa.Proof, left int) (err error) {
		after, err = s.prove(p)
		return err
	})
	return s.commit(after, err)
}

// setup shows the key of a new authenticator: the first one, or another over what the session has proved.
func (h *host) setup(r *http.Request, s *hostSession) (string, error) {
	view, err := h.codes.Begin(r.Context(), s.login.Subject, s.id, totp.Name)
	if errors.Is(err, mfa.ErrEnrolled) {
		view, err = h.codes.BeginAnother(r.Context(), s.login.Subject, s.id, totp.Name, h.proof(s))
	}
	if err != nil {
		return "", err
	}
	return "key " + view.Offer.(totp.Offer).Secret, nil
}

// proof is what the session has proved; the zero value if that is nothing, or is too old.
func (h *host) proof(s *hostSession) mfa.Proof {
	var last mfa.Proof
	for _, sealed := range s.login.Sealed() {
		if p, err := h.codes.OpenProof(s.login.Subject, sealed); err == nil && p.Time().After(last.Time()) {
			last = p
		}
	}
	return last
}

func (h *host) confirm(r *http.Request, s *hostSession) (string, error) {
	err := h.codes.Confirm(r.Context(), s.login.Subject, s.id, totp.Form(r.PostFormValue("code")), r.PostFormValue("name"))
	if err != nil {
		return "", err
	}
	view, err := h.codes.Pending(r.Context(), s.id, s.login.Subject)
	return "codes " + strings.Join(view.Codes, " "), err
}

func (h *host) activate(r *http.Request, s *hostSession) (string, error) {
	after := *s
	err := h.codes.Activate(r.Context(), s.login.Subject, s.id, func(_ context.Context, p mfa.Proof) (err error) {
		if p.Method() != "" { // else only recovery codes were replaced
			after, err = s.prove(p)
		}
		return err
	})
	return s.commit(after, err)
}

func (h *host) recoveryCodes(r *http.Request, s *hostSession) (string, error) {
	view, err := h.codes.BeginCodes(r.Context(), s.login.Subject, s.id, h.proof(s))
	return "codes " + strings.Join(view.Codes, " "), err
}

func (h *host) remove(r *http.Request, s *hostSession) (string, error) {
	return "removed", h.codes.Remove(r.Context(), s.login.Subject, r.PostFormValue("id"), h.proof(s), nil)
}

// password is when it was given.
func (s *hostSession) password() time.Time {
	at, _ := s.login.AuthenticatedAt(assurance.MethodPassword)
	return at
}

// commit takes over what a proof has made of the session. A proof is void when the call that gave it has failed.
func (s *hostSession) commit(after hostSession, err error) (string, error) {
	if err == nil {
		*s = after
	}
	return "welcome", err
}

// A program of its own with the second step: the password, then a code or a recovery code, and set-ups.
func Example_host() {
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()}) // a real one comes from the settings
	if err != nil {
		fmt.Println(err)
		return
	}
	store := mfatest.New()
	h := &host{passwords: map[string]string{"ana": "correct horse"}, sessions: map[string]*hostSession{}, codes: &mfa.Service{
		Store: store, Attempts: store, Setups: store, Atomic: store.Atomic,
		Keys: keys, Kinds: []mfa.Kind{totp.Kind{Issuer: "Example"}}, Now: time.Now,
	}}
	b := &hostBrowser{handler: h.handler()}
	b.post("/password", "name", "ana", "password", "correct horse")
	fmt.Println(b.post("/home"))
	key := strings.TrimPrefix(b.post("/setup"), "key ")
	b.post("/setup/confirm", "code", codeNow(key))
	b.post("/setup/activate")
	fmt.Println(b.post("/home"))

	thief := &hostBrowser{handler: h.handler()}
	thief.post("/password", "name", "ana", "password", "correct horse")
	fmt.Println(thief.post("/setup"))
	fmt.Println(thief.post("/home"))
	// Output:
	// amr pwd
	// amr pwd otp mfa
	// no proof that allows a change of the factors
	// a code is needed
}

// hostBrowser keeps the one cookie.
type hostBrowser struct {
	handler http.Handler
	cookie  *http.Cookie
}

// post sends a form and returns the page.
func (b *hostBrowser) post(path string, pairs ...string) string {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookie = c
	}
	return strings.TrimSpace(w.Body.String())
}

// codeNow is what an app with the key shows.
func codeNow(key string) string {
	code, err := hotp.GenerateCode(key, uint64(time.Now().Unix()/30))
	if err != nil {
		return err.Error()
	}
	return code
}
