package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// A sign-in belongs to the browser that began it, by a value in a cookie. Before the password anybody may have planted
// that value in the browser, or have read it there: so the right password brings a new one, and what waits for the code
// belongs to that alone. The browser keeps the values of before, for sign-ins in other tabs.

// maxBindings is how many values a browser keeps. The oldest go.
const maxBindings = 6

// bindings are the values that the request's browser has, the newest first.
func (s *Server) bindings(r *http.Request) []string {
	c, err := r.Cookie(s.cookies.browser)
	if err != nil || c.Quoted {
		return nil
	}
	var values []string
	for _, value := range strings.Split(c.Value, ".") {
		if isToken(value) && len(values) < maxBindings {
			values = append(values, value)
		}
	}
	return values
}

// rebind gives the sign-in to a browser that nobody knew before the password, in the commit that the password brings.
// One whose login came from a session stays where it is: it was made in the browser that has the user's session, for
// nobody else.
func (s *Server) rebind(fl *flow) {
	if fl.state.FromSession {
		return
	}
	fl.binding = s.provenBinding(fl.ix.ID, fl.subject())
	fl.ix.Browser = digest(fl.binding)
}

// provenBinding returns what the right password brings. It is made of the sign-in and the user: the second of two clicks,
// which has the old cookie but the password too, is given the same value as the first.
func (s *Server) provenBinding(id, subject string) string {
	mac := hmac.New(sha256.New, s.BindingKey)
	mac.Write([]byte("browser of a sign-in|" + id + "|" + subject))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// setBinding gives the browser what rebind has made, once the commit is done.
func (s *Server) setBinding(w http.ResponseWriter, r *http.Request, fl *flow) {
	if fl.binding == "" {
		return
	}
	others := slices.DeleteFunc(s.bindings(r), func(value string) bool { return value == fl.binding })
	all := append([]string{fl.binding}, others...)
	s.setCookie(w, s.cookies.browser, strings.Join(all[:min(len(all), maxBindings)], "."))
}

// boundBy reports whether the password of this request brings the value that the hash was made of.
func (fl *flow) boundBy(hash []byte) bool {
	return fl.binding != "" && subtle.ConstantTimeCompare(digest(fl.binding), hash) == 1
}
