package browser

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// A form that is sent again gets the first one's answer: after a double click, whose first answer no browser looks at,
// or because the first answer was lost. The cookie of a session that the first one opened is part of it, so that it is
// kept for a moment, sealed with what only the browser that sent the form has: its cookies, and the form. A form is as
// secret as they are, by the random value in it: whoever has stolen the cookies is shown a form with another.

// AnswerTime is how long an answer is kept.
const AnswerTime = 10 * time.Second

// Response is what a form is answered with.
type Response struct {
	Session  string      `json:"session,omitempty"` // cookies
	Remember string      `json:"remember,omitempty"`
	Device   string      `json:"device,omitempty"`
	To       string      `json:"to,omitempty"`
	Note     *ui.Message `json:"note,omitempty"` // that is shown there
	Form     string      `json:"form,omitempty"` // that was sent, where the seal does not say so
	At       time.Time   `json:"at"`
}

// Repeated is an error: the form was answered before, and is answered so again.
type Repeated struct {
	Response
	answers *Answers
}

func (e *Repeated) Error() string { return "the form was answered before" }

// Answer implements ui.Answer.
func (e *Repeated) Answer(w http.ResponseWriter, r *http.Request) error {
	return e.answers.again(w, r, e.Response)
}

// ended is what is left of a sign-in for a moment.
type ended struct {
	cookies []byte // an answer that only the form opens that got them
	to      []byte // an answer that only the session opens that it was for
}

// encode is what readEnded reads: how long the cookies are, those, and the rest.
func (e ended) encode() []byte {
	return slices.Concat(binary.AppendUvarint(nil, uint64(len(e.cookies))), e.cookies, e.to)
}

func readEnded(left []byte) (e ended, ok bool) {
	size, n := binary.Uvarint(left)
	if n <= 0 || size > uint64(len(left)-n) {
		return ended{}, false
	}
	return ended{left[n : n+int(size)], left[n+int(size):]}, true
}

// Answers are the answers to forms, and what they leave for the page after them to say.
type Answers struct {
	Pages      *ui.Pages
	Flows      *interaction.Flows
	Sessions   *Sessions
	Devices    *Devices
	Remembered *Remembered
}

// IsOfPage reports whether a page of ours made the form: no other has a value that is hard to guess.
func IsOfPage(r *http.Request) bool { return ui.IsToken(ui.Field(r, "form_id")) }

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

// cipherOf returns the cipher of a browser's answers, bound to what they are about. The browser is known by a value of its cookie.
func cipherOf(binding string, aad []string) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, []byte(binding))
	mac.Write([]byte(strings.Join(aad, "\x00")))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns nil if the browser has no cookie.
func (a *Answers) seal(r *http.Request, answer Response, aad ...string) ([]byte, error) {
	bindings := a.Sessions.Cookies.Bindings(r)
	if len(bindings) == 0 {
		return nil, nil
	}
	aead, err := cipherOf(bindings[0], aad)
	if err != nil {
		return nil, err
	}
	answer.At = a.Pages.Now()
	plain, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, plain, nil), nil
}

// open reads what seal has made of the same, a moment ago. The answer may have brought the browser another value since.
func (a *Answers) open(r *http.Request, sealed []byte, aad ...string) (answer Response, ok bool) {
	for _, binding := range a.Sessions.Cookies.Bindings(r) {
		if answer, ok := a.openWith(binding, sealed, aad); ok {
			return answer, true
		}
	}
	return Response{}, false
}

func (a *Answers) openWith(binding string, sealed []byte, aad []string) (answer Response, ok bool) {
	aead, err := cipherOf(binding, aad)
	if err != nil || len(sealed) < aead.NonceSize() {
		return Response{}, false
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil || json.Unmarshal(plain, &answer) != nil {
		return Response{}, false
	}
	return answer, a.Pages.Now().Sub(answer.At) <= AnswerTime
}

// SealCookies returns what gives the browser the cookies again that the form is answered with in the sign-in with that
// id; nil if it brings none, or is no form of ours.
func (a *Answers) SealCookies(r *http.Request, id, session, remember string) ([]byte, error) {
	if session == "" || !IsOfPage(r) {
		return nil, nil
	}
	return a.seal(r, Response{Session: session, Remember: remember}, "cookies", id, form(r))
}

// CookiesAgain gives the browser the cookies that the form has brought it before, if it has: SealCookies has kept them.
func (a *Answers) CookiesAgain(w http.ResponseWriter, r *http.Request, id string, sealed []byte) (given bool, err error) {
	answer, ok := a.open(r, sealed, "cookies", id, form(r))
	if !ok {
		return false, nil
	}
	lives, err := a.Sessions.goesOn(r.Context(), answer.Session)
	if err == nil && lives {
		a.setCookies(w, answer)
	}
	return err == nil && lives, err
}

// HasCookies reports whether CookiesAgain has cookies for the form, if their session still lives.
func (a *Answers) HasCookies(r *http.Request, id string, sealed []byte) bool {
	_, ok := a.open(r, sealed, "cookies", id, form(r))
	return ok
}

// setCookies gives the browser all cookies of the answer.
func (a *Answers) setCookies(w http.ResponseWriter, answer Response) {
	if answer.Session != "" {
		a.Sessions.Cookies.SetSession(w, answer.Session)
	}
	a.Remembered.set(w, answer.Remember)
	a.Devices.set(w, answer.Device)
}

// Give gives the browser the cookie of a session that was opened just now, and that of a browser that was remembered;
// empty: there is none.
func (a *Answers) Give(w http.ResponseWriter, session, remember string) {
	a.setCookies(w, Response{Session: session, Remember: remember})
}

// SealEnd returns what is left of the sign-in with that id, which ends at to, for the session that it was for or, if that
// is empty, for the form. cookies is what SealCookies has returned. Nil: nothing can be kept.
func (a *Answers) SealEnd(r *http.Request, id, session, to string, cookies []byte) ([]byte, error) {
	sealed, err := a.seal(r, Response{To: to, Form: form(r)}, "end", id, session)
	if sealed == nil || err != nil {
		return nil, err
	}
	return ended{cookies, sealed}.encode(), nil
}

// EndedBefore returns a *Repeated if the request is the one that has just ended the sign-in with that id, or the form
// that had opened its session, else nil: whoever goes back to another of its pages is told that it is over. left is what
// SealEnd has returned.
func (a *Answers) EndedBefore(r *http.Request, id string, left []byte) error {
	e, ok := readEnded(left)
	if !ok {
		return nil
	}
	if answer, ok := a.open(r, e.to, "end", id, a.Sessions.Cookies.Session(r)); ok && answer.Form == form(r) {
		return &Repeated{answer, a}
	}
	given, ok := a.open(r, e.cookies, "cookies", id, form(r))
	if !ok {
		return nil
	}
	answer, ok := a.open(r, e.to, "end", id, given.Session)
	if !ok {
		return nil
	}
	answer.Session, answer.Remember = given.Session, given.Remember
	return &Repeated{answer, a}
}

// Keep keeps the answer to a form that belongs to no sign-in, in the commit that does what the form asks for.
func (a *Answers) Keep(ctx context.Context, r *http.Request, answer Response) error {
	if !IsOfPage(r) {
		return nil
	}
	old := a.Sessions.Cookies.Session(r)
	sealed, err := a.seal(r, answer, "account", old, form(r))
	if sealed == nil || err != nil {
		return err
	}
	return a.Flows.Keep(ctx, ui.Digest(old+"\x00"+form(r)), sealed)
}

// Before returns a *Repeated if the form is one whose answer Keep has kept, else nil.
func (a *Answers) Before(r *http.Request) error {
	if r.Method != http.MethodPost || !IsOfPage(r) {
		return nil
	}
	old := a.Sessions.Cookies.Session(r)
	sealed, err := a.Flows.Kept(context.WithoutCancel(r.Context()), ui.Digest(old+"\x00"+form(r)))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if answer, ok := a.open(r, sealed, "account", old, form(r)); ok {
		return &Repeated{answer, a}
	}
	return nil
}

// BeforeOr returns what Before does or, if the form was not answered before, err.
func (a *Answers) BeforeOr(r *http.Request, err error) error {
	if before := a.Before(r); before != nil {
		return before
	}
	return err
}

// again answers a form as before.
func (a *Answers) again(w http.ResponseWriter, r *http.Request, answer Response) error {
	if answer.Session != "" {
		lives, err := a.Sessions.goesOn(r.Context(), answer.Session)
		if err != nil {
			return err
		}
		if !lives {
			answer.Session, answer.Remember, answer.Device = "", "", ""
		}
	}
	return a.Respond(w, r, answer)
}

// Respond answers a form.
func (a *Answers) Respond(w http.ResponseWriter, r *http.Request, answer Response) error {
	a.setCookies(w, answer)
	if post, ok := interaction.ParseFormPost(answer.To); ok {
		return a.Pages.FormPost(w, r, post.Action, post.Fields)
	}
	if answer.Note != nil {
		return a.Note(w, r, answer.To, answer.Note.ID, answer.Note.Args)
	}
	return a.Pages.Redirect(w, r, answer.To)
}
