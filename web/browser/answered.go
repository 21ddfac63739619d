package browser

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"vestibule/provider/spelling"
)

// A page that stands at the address of a client's request leaves that address in the history of the browser, unless a
// script gives the page its own. Whoever goes back there later has a session, and would be sent to the client at once,
// with what the client has taken before: a fault there, to a user who has done nothing wrong. So the browser remembers
// for a while which requests it was answered.

const (
	maxAnswered  = 6 // requests. The oldest go.
	answeredSize = 9 // bytes of the hash of one, which need not be hard to guess
	answeredTime = time.Hour
)

func answeredMark(request []byte) string {
	return base64.RawURLEncoding.EncodeToString(request[:answeredSize])
}

// answered are the marks of the requests that the browser was answered, the newest first.
func (c *Cookies) answered(r *http.Request) []string {
	cookie, err := r.Cookie(c.names.answered)
	if err != nil || cookie.Quoted {
		return nil
	}
	marks := slices.DeleteFunc(strings.Split(cookie.Value, "."), func(mark string) bool { return !spelling.IsOpaque(mark, answeredSize) })
	return marks[:min(len(marks), maxAnswered)]
}

// WasAnswered reports whether the browser was answered the request with that hash.
func (c *Cookies) WasAnswered(r *http.Request, request []byte) bool {
	return slices.Contains(c.answered(r), answeredMark(request))
}

// NoteAnswered has the browser remember that it was answered the request with that hash.
func (c *Cookies) NoteAnswered(w http.ResponseWriter, r *http.Request, request []byte) {
	marks := append([]string{answeredMark(request)}, c.answered(r)...)
	c.set(w, c.names.answered, strings.Join(marks[:min(len(marks), maxAnswered)], "."), answeredTime)
}
