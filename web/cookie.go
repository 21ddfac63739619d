package web

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"

	"vestibule/provider/spelling"
)

// cookieNames: one ties sign-ins under way to the browser that began them, one is the session, one knows the browser
// again when it asks for a password, one says that it need not give a code.
type cookieNames struct{ browser, session, device, remember string }

// namesOf keeps the prefix that makes a browser insist on Secure to https. A plain-http issuer is
// on a loopback address, where many clients that are no browsers would not send a Secure cookie back.
func namesOf(secure bool) cookieNames {
	if secure {
		return cookieNames{"__Host-b", "__Host-s", "__Host-k", "__Host-r"}
	}
	return cookieNames{"vestibule-b", "vestibule-s", "vestibule-k", "vestibule-r"}
}

const tokenSize = 32

// isToken reports whether randomToken could have made the value.
func isToken(value string) bool { return spelling.IsOpaque(value, tokenSize) }

// randomToken returns 256 random bits.
func randomToken() string {
	b := make([]byte, tokenSize)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// digest is what is stored of a cookie's value.
func digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

func (s *Server) setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (s *Server) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// token returns the value of one of our cookies, or "" if the browser did not send one that we could have made.
func token(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil || c.Quoted || !isToken(c.Value) {
		return ""
	}
	return c.Value
}

// bind returns the hash of the browser's cookie, and gives the browser one if it has none.
func (s *Server) bind(w http.ResponseWriter, r *http.Request) []byte {
	if values := s.bindings(r); len(values) > 0 {
		return digest(values[0])
	}
	value := randomToken()
	s.setCookie(w, s.cookies.browser, value)
	return digest(value)
}

// sameBrowser reports whether the request comes from the browser that the hash was made for.
func (s *Server) sameBrowser(r *http.Request, hash []byte) bool {
	return slices.ContainsFunc(s.bindings(r), func(value string) bool { return subtle.ConstantTimeCompare(digest(value), hash) == 1 })
}
