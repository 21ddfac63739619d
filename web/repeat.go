package web

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// A form that is sent again gets the first one's answer: after a double click, whose first answer no browser looks at,
// or because the first answer was lost. The cookie of a session that the first one opened is part of it, so that it is
// kept for a moment, sealed with what only the browser that sent the form has: its cookies, and the form. A form is as
// secret as they are, by the random value in it: whoever has stolen the cookies is shown a form with another.

// response is what a form is answered with.
type response struct {
	Session  string    `json:"session,omitempty"` // cookies
	Remember string    `json:"remember,omitempty"`
	Device   string    `json:"device,omitempty"`
	To       string    `json:"to,omitempty"`
	Note     *message  `json:"note,omitempty"` // that is shown there
	Form     string    `json:"form,omitempty"` // that was sent, where the seal does not say so
	At       time.Time `json:"at"`
}

// repeated is an error: the form was answered before, and is answered so again.
type repeated struct{ response }

func (e *repeated) Error() string { return "the form was answered before" }

// ended is what is left of a sign-in for a moment.
type ended struct {
	Cookies []byte `json:"cookies"` // an answer that only the form opens that got them
	To      []byte `json:"to"`      // an answer that only the session opens that it was for
}

// isOfPage reports whether a page of ours made the form: no other has a value that is hard to guess.
func isOfPage(r *http.Request) bool { return isToken(field(r, "form_id")) }

// form is what makes two forms the same. The flow may have a later version by then.
func form(r *http.Request) string {
	same := url.Values{}
	for name, values := range r.PostForm {
		if name != "flow" {
			same.Set(name, strings.TrimSpace(values[0]))
		}
	}
	return r.URL.Path + "?" + same.Encode()
}

// answers returns the cipher of a browser's answers about something. The browser is known by a value of its cookie.
func answers(browser string, aad []string) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, []byte(browser))
	mac.Write([]byte(strings.Join(aad, "\x00")))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns nil if the browser has no cookie.
func (s *Server) seal(r *http.Request, a response, aad ...string) ([]byte, error) {
	browser := s.bindings(r)
	if len(browser) == 0 {
		return nil, nil
	}
	aead, err := answers(browser[0], aad)
	if err != nil {
		return nil, err
	}
	a.At = s.Now()
	plain, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, plain, nil), nil
}

// open reads what seal has made of the same, a moment ago. The answer may have brought the browser another value since.
func (s *Server) open(r *http.Request, sealed []byte, aad ...string) (a response, ok bool) {
	for _, browser := range s.bindings(r) {
		if a, ok := s.openWith(browser, sealed, aad); ok {
			return a, true
		}
	}
	return response{}, false
}

func (s *Server) openWith(browser string, sealed []byte, aad []string) (a response, ok bool) {
	aead, err := answers(browser, aad)
	if err != nil || len(sealed) < aead.NonceSize() {
		return response{}, false
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil || json.Unmarshal(plain, &a) != nil {
		return response{}, false
	}
	return a, s.Now().Sub(a.At) <= answerTime
}

// keepCookies keeps the cookies that the form will be answered with in the sign-in that goes on.
func (s *Server) keepCookies(r *http.Request, fl *flow) (err error) {
	if fl.sessionCookie == "" || !isOfPage(r) {
		return nil
	}
	fl.state.SealedCookies, err = s.seal(r, response{Session: fl.sessionCookie, Remember: fl.newRememberToken}, "cookies", fl.ix.ID, form(r))
	return err
}

// cookiesAgain gives the browser the cookies that the form has brought it before, if it has.
func (s *Server) cookiesAgain(w http.ResponseWriter, r *http.Request, row *flow) error {
	a, ok := s.open(r, row.state.SealedCookies, "cookies", row.ix.ID, form(r))
	if !ok {
		return nil
	}
	lives, err := s.goesOn(r, a)
	if err == nil && lives {
		s.setCookies(w, a)
		s.issueDeviceCookie(w, r, row)
	}
	return err
}

// goesOn reports false if the session is over or has another cookie by now.
func (s *Server) goesOn(r *http.Request, a response) (bool, error) {
	_, err := s.Sessions.Session(r.Context(), digest(a.Session))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// setCookies gives the browser all cookies of the answer.
func (s *Server) setCookies(w http.ResponseWriter, a response) {
	if a.Session != "" {
		s.setCookie(w, s.cookies.session, a.Session)
	}
	s.setRememberCookie(w, a.Remember)
	s.setDeviceCookies(w, a.Device)
}

// keepEnd has the provider keep where the sign-in ends, for the session that it was for or, without one, for the form.
// Whoever asks again begins anew where that does no harm: a request that has no form, and a sign-in to our own pages that
// was no row.
func (s *Server) keepEnd(r *http.Request, fl *flow) {
	session := fl.sessionCookie
	if session == "" {
		session = token(r, s.cookies.session)
	}
	if session == "" && !isOfPage(r) || fl.ix.Version == 0 && (fl.isOwn() || r.Method != http.MethodPost) {
		return
	}
	fl.ix.Keep = func(to string) ([]byte, error) {
		if err := s.keepCookies(r, fl); err != nil {
			return nil, err
		}
		sealed, err := s.seal(r, response{To: to, Form: form(r)}, "end", fl.ix.ID, session)
		if sealed == nil || err != nil {
			return nil, err
		}
		return json.Marshal(ended{Cookies: fl.state.SealedCookies, To: sealed})
	}
}

// endedBefore returns a *repeated if the request is the one that has just ended the sign-in, or the form that had opened
// its session, else nil: whoever goes back to another of its pages is told that it is over.
func (s *Server) endedBefore(r *http.Request, ix *provider.Interaction) error {
	var e ended
	if ix == nil || json.Unmarshal(ix.Answer, &e) != nil {
		return nil
	}
	if a, ok := s.open(r, e.To, "end", ix.ID, token(r, s.cookies.session)); ok && a.Form == form(r) {
		return &repeated{a}
	}
	given, ok := s.open(r, e.Cookies, "cookies", ix.ID, form(r))
	if !ok {
		return nil
	}
	a, ok := s.open(r, e.To, "end", ix.ID, given.Session)
	if !ok {
		return nil
	}
	a.Session, a.Remember = given.Session, given.Remember
	return &repeated{a}
}

// commitAnswer does what a form asks for, and answers it. What is done is one commit with the events and with what a
// second copy of the form is answered with. Nothing is answered where the error is not nil.
func (s *Server) commitAnswer(w http.ResponseWriter, r *http.Request, a response, e audit.Event, do func(context.Context) error) error {
	err := s.recordWith(r.Context(), []audit.Event{e}, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return s.keepAnswer(ctx, r, a)
	})
	if err == nil {
		return s.give(w, r, a)
	}
	return s.answeredOr(r, err)
}

// answeredOr returns what answeredBefore does or, if the form was not answered before, err.
func (s *Server) answeredOr(r *http.Request, err error) error {
	if before := s.answeredBefore(r); before != nil {
		return before
	}
	return err
}

// keepAnswer keeps the answer to a form that belongs to no sign-in, in the commit that does what the form asks for.
func (s *Server) keepAnswer(ctx context.Context, r *http.Request, a response) error {
	if !isOfPage(r) {
		return nil
	}
	old := token(r, s.cookies.session)
	sealed, err := s.seal(r, a, "account", old, form(r))
	if sealed == nil || err != nil {
		return err
	}
	return s.Provider.Keep(ctx, digest(old+"\x00"+form(r)), sealed)
}

// answeredBefore returns a *repeated if the form is one whose answer keepAnswer has kept, else nil.
func (s *Server) answeredBefore(r *http.Request) error {
	if r.Method != http.MethodPost || !isOfPage(r) {
		return nil
	}
	old := token(r, s.cookies.session)
	sealed, err := s.Provider.Kept(context.WithoutCancel(r.Context()), digest(old+"\x00"+form(r)))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if a, ok := s.open(r, sealed, "account", old, form(r)); ok {
		return &repeated{a}
	}
	return nil
}

// again answers a form as before.
func (s *Server) again(w http.ResponseWriter, r *http.Request, a response) error {
	if a.Session != "" {
		lives, err := s.goesOn(r, a)
		if err != nil {
			return err
		}
		if !lives {
			a.Session, a.Remember, a.Device = "", "", ""
		}
	}
	return s.give(w, r, a)
}

func (s *Server) give(w http.ResponseWriter, r *http.Request, a response) error {
	s.setCookies(w, a)
	if a.Note != nil {
		return s.note(w, r, a.To, a.Note.ID, a.Note.Args)
	}
	http.Redirect(w, r, a.To, http.StatusSeeOther)
	return nil
}
