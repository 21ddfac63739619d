// Package browser is what a browser holds of ours, all of it in cookies, and what stands behind each: its session, the
// sign-ins that it began, the accounts that know it, whether it need not give codes, and the answers to forms that it may
// send again.
package browser

import (
	"net/http"
	"strings"
	"time"

	"vestibule/web/ui"
)

// cookieNames: one ties sign-ins under way to the browser that began them, one is the session, one knows the browser
// again when it asks for a password, one says that it need not give a code, one knows the requests that were answered.
type cookieNames struct{ binding, session, device, remembered, answered string }

// namesOf returns the names for the pages below a path prefix. It keeps the prefix that makes a browser insist on Secure
// to https. A plain-http issuer is on a loopback address, where many clients that are no browsers would not send a Secure
// cookie back. Whatever else is on the host has other names: the path is in them, for that of a cookie itself would not
// keep pages elsewhere on the host from setting it.
func namesOf(secure bool, prefix string) cookieNames {
	begin := "vestibule"
	if secure {
		begin = "__Host-vestibule"
	}
	begin += strings.ReplaceAll(prefix, "/", ".") + "-"
	return cookieNames{begin + "b", begin + "s", begin + "k", begin + "r", begin + "a"}
}

// Cookies are those of a browser.
type Cookies struct {
	names      cookieNames
	secure     bool
	bindingKey []byte
}

// NewCookies returns the cookies of pages that are served over https or not, below a path prefix. bindingKey makes the values that bind a
// sign-in to its browser, and is the same in all processes; none: this process makes its own.
func NewCookies(secure bool, prefix string, bindingKey []byte) *Cookies {
	if len(bindingKey) == 0 {
		bindingKey = []byte(ui.NewToken())
	}
	return &Cookies{names: namesOf(secure, prefix), secure: secure, bindingKey: bindingKey}
}

// set gives the browser a cookie: until it is closed if age is 0, and at once no more if age is negative.
func (c *Cookies) set(w http.ResponseWriter, name, value string, age time.Duration) {
	seconds := int(age / time.Second)
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// SetSession gives the browser the cookie of its session.
func (c *Cookies) SetSession(w http.ResponseWriter, value string) {
	c.set(w, c.names.session, value, 0)
}

// Session returns the value of the session's cookie; empty if the browser has none.
func (c *Cookies) Session(r *http.Request) string { return token(r, c.names.session) }

// DropSession takes the cookie of the session.
func (c *Cookies) DropSession(w http.ResponseWriter) { c.set(w, c.names.session, "", -time.Second) }

// DropBindings takes the cookie of the sign-ins under way, and with it every sign-in that waits in another tab.
func (c *Cookies) DropBindings(w http.ResponseWriter) { c.set(w, c.names.binding, "", -time.Second) }

// token returns the value of one of our cookies, or "" if the browser did not send one that we could have made.
func token(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || c.Quoted || !ui.IsToken(c.Value) {
		return ""
	}
	return c.Value
}
