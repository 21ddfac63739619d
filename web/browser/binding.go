package browser

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"vestibule/web/ui"
)

// A sign-in belongs to the browser that began it, by a value in a cookie. Before the password anybody may have planted
// that value in the browser, or have read it there: so the right password brings a new one, and what waits for the code
// belongs to that alone. The browser keeps the values of before, for sign-ins in other tabs.

// maxBindings is how many values a browser keeps. The oldest go.
const maxBindings = 6

// Bindings are the values of a browser, the newest first; none: sign-ins cannot be bound to it.
type Bindings []string

// Bindings are those of the request's browser.
func (c *Cookies) Bindings(r *http.Request) Bindings {
	cookie, err := r.Cookie(c.names.binding)
	if err != nil || cookie.Quoted {
		return nil
	}
	var values Bindings
	for value := range strings.SplitSeq(cookie.Value, ".") {
		if len(values) < maxBindings && ui.IsToken(value) {
			values = append(values, value)
		}
	}
	return values
}

// Bind returns the hash of the browser's newest value, and gives the browser one if it has none.
func (c *Cookies) Bind(w http.ResponseWriter, r *http.Request) []byte {
	if values := c.Bindings(r); len(values) > 0 {
		return ui.Digest(values[0])
	}
	value := ui.NewToken()
	c.set(w, c.names.binding, value, 0)
	return ui.Digest(value)
}

// AreOf reports whether they are those of the browser that the hash was made for.
func (b Bindings) AreOf(hash []byte) bool {
	return slices.ContainsFunc(b, func(value string) bool { return subtle.ConstantTimeCompare(ui.Digest(value), hash) == 1 })
}

// ProvenBinding returns the value that the right password of the user brings the sign-in with that id. It is made of
// both: the second of two clicks, which has the old cookie but the password too, is given the same value as the first.
func (c *Cookies) ProvenBinding(id, subject string) string {
	mac := hmac.New(sha256.New, c.bindingKey)
	mac.Write([]byte("browser of a sign-in|" + id + "|" + subject))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// AddBinding gives the browser a value that ProvenBinding has made, once the commit is done; empty: there is none.
func (c *Cookies) AddBinding(w http.ResponseWriter, r *http.Request, value string) {
	if value == "" {
		return
	}
	others := slices.DeleteFunc(c.Bindings(r), func(other string) bool { return other == value })
	all := append([]string{value}, others...)
	c.set(w, c.names.binding, strings.Join(all[:min(len(all), maxBindings)], "."), 0)
}
