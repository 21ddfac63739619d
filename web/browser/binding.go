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

// bindings are the values that the request's browser has, the newest first.
func (c *Cookies) bindings(r *http.Request) []string {
	cookie, err := r.Cookie(c.names.binding)
	if err != nil || cookie.Quoted {
		return nil
	}
	var values []string
	for _, value := range strings.Split(cookie.Value, ".") {
		if ui.IsToken(value) && len(values) < maxBindings {
			values = append(values, value)
		}
	}
	return values
}

// IsBound reports whether the browser has a value that sign-ins can be bound to.
func (c *Cookies) IsBound(r *http.Request) bool { return len(c.bindings(r)) > 0 }

// Bind returns the hash of the browser's newest value, and gives the browser one if it has none.
func (c *Cookies) Bind(w http.ResponseWriter, r *http.Request) []byte {
	if values := c.bindings(r); len(values) > 0 {
		return ui.Digest(values[0])
	}
	value := ui.NewToken()
	c.set(w, c.names.binding, value, 0)
	return ui.Digest(value)
}

// IsSame reports whether the request comes from the browser that the hash was made for.
func (c *Cookies) IsSame(r *http.Request, hash []byte) bool {
	return slices.ContainsFunc(c.bindings(r), func(value string) bool { return subtle.ConstantTimeCompare(ui.Digest(value), hash) == 1 })
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
	others := slices.DeleteFunc(c.bindings(r), func(other string) bool { return other == value })
	all := append([]string{value}, others...)
	c.set(w, c.names.binding, strings.Join(all[:min(len(all), maxBindings)], "."), 0)
}
