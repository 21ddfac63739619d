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
)

// host is a program with a log-in of its own, and the second step after it. Set-up is offered to whoever is let in by the
// password, and no handler asks who has what: the Service does.
type host struct {
	codes     *mfa.Service
	passwords map[string]string // by subject
	mu        sync.Mutex
	sessions  map[string]*hostSession // by cookie
}

// hostSession is a browser's.
type hostSession struct {
	id       string
	subject  string
	password time.Time // when it was given
	amr      []string  // nobody is signed in without
	proof    []byte    // as mfa.Proof.Sealed; empty: no second factor was given
}

// prove is what every second factor does for a session. It runs in the commit that spends the code, so that nothing but
// its argument may change: commit takes it over.
func (s hostSession) prove(p mfa.Proof) hostSession {
	s.amr, s.proof = append(append([]string{"pwd"}, p.AMR()...), "mfa"), p.Sealed()
	return s
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
			return "amr " + strings.Join(s.amr, " "), nil
		},
	} {
		mux.HandleFunc(pattern, h.withSession(form))
	}
	return mux
}

// password begins a session. Who has no authenticator is signed in by it.
func (h *host) password(w http.ResponseWriter, r *http.Request) {
	s := &hostSession{id: rand.Text(), subject: r.PostFormValue("name"), password: h.codes.Now()}
	if h.passwords[s.subject] == "" || h.passwords[s.subject] != r.PostFormValue("password") {
		http.Error(w, "That is not right.", http.StatusUnprocessableEntity)
		return
	}
	enrolled, err := h.codes.Enrolled(r.Context(), s.subject)
	if err != nil {
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	if !enrolled {
		s.amr = []string{"pwd"}
	}
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
	err := h.codes.Verify(r.Context(), s.subject, totp.Answer(r.PostFormValue("code")), s.password, func(_ context.Context, p mfa.Proof) error {
		after = s.prove(p)
		return nil
	})
	return s.commit(after, err)
}

func (h *host) recovery(r *http.Request, s *hostSession) (string, error) {
	after := *s
	err := h.codes.Recover(r.Context(), s.subject, r.PostFormValue("code"), s.password, func(_ context.Context, p mfa.Proof, left int) error {
		after = s.prove(p)
		return nil
	})
	return s.commit(after, err)
}

// setup shows the key of a new authenticator: the first one, or another over what the session has proved.
func (h *host) setup(r *http.Request, s *hostSession) (string, error) {
	view, err := h.codes.Begin(r.Context(), s.subject, s.id, totp.Name)
	if errors.Is(err, mfa.ErrEnrolled) {
		view, err = h.codes.BeginAnother(r.Context(), s.subject, s.id, totp.Name, h.proof(s))
	}
	if err != nil {
		return "", err
	}
	return "key " + view.Offer.(totp.Offer).Secret, nil
}

// proof is what the session has proved; the zero value if that is nothing, or is too old.
func (h *host) proof(s *hostSession) mfa.Proof {
	p, err := h.codes.OpenProof(s.subject, s.proof)
	if err != nil {
		return mfa.Proof{}
	}
	return p
}

func (h *host) confirm(r *http.Request, s *hostSession) (string, error) {
	err := h.codes.Confirm(r.Context(), s.subject, s.id, totp.Form(r.PostFormValue("code")), r.PostFormValue("name"))
	if err != nil {
		return "", err
	}
	view, err := h.codes.Pending(r.Context(), s.id, s.subject)
	return "codes " + strings.Join(view.Codes, " "), err
}

func (h *host) activate(r *http.Request, s *hostSession) (string, error) {
	after := *s
	err := h.codes.Activate(r.Context(), s.subject, s.id, func(_ context.Context, p mfa.Proof) error {
		if p.Method() != "" { // else only recovery codes were replaced
			after = s.prove(p)
		}
		return nil
	})
	return s.commit(after, err)
}

func (h *host) recoveryCodes(r *http.Request, s *hostSession) (string, error) {
	view, err := h.codes.BeginCodes(r.Context(), s.subject, s.id, h.proof(s))
	return "codes " + strings.Join(view.Codes, " "), err
}

func (h *host) remove(r *http.Request, s *hostSession) (string, error) {
	return "removed", h.codes.Remove(r.Context(), s.subject, r.PostFormValue("id"), h.proof(s), nil)
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
	// amr
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
