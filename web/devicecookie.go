package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"

	"vestibule/provider/spelling"
)

// A browser that an account has signed in with completely is known to the account. Its cookie proves nothing about
// the user. All that it is good for is a budget of wrong passwords of its own, which strangers cannot use up: they
// lock out each other, and not the owner.

const (
	deviceCookieTime     = 365 * 24 * time.Hour // without a sign-in
	deviceCookieRenewal  = 30 * 24 * time.Hour
	deviceCookieAccounts = 5 // in one browser
	deviceIDSize         = 16
	deviceCookieSize     = 8 + deviceIDSize // of a device cookie without its MAC
)

// deviceCookie is what the cookie holds for one account: when, a random id, and a MAC over both and the account with its
// epoch, which are not named in it. Whoever made marks with a password that was changed since has none any more.
type deviceCookie struct {
	at  time.Time
	id  []byte
	old bool // made with a key that is not the newest
}

// deviceCookie returns the one that this browser has of the account, if it has a good one.
func (s *Server) deviceCookie(r *http.Request, subject string, epoch int64) (deviceCookie, bool) {
	for _, text := range s.deviceCookies(r) {
		if m, ok := s.readDeviceCookie(text, subject, epoch); ok {
			return m, s.Now().Sub(m.at) < deviceCookieTime
		}
	}
	return deviceCookie{}, false
}

// deviceCookies are those of all accounts that this browser is known to.
func (s *Server) deviceCookies(r *http.Request) []string {
	c, err := r.Cookie(s.cookies.device)
	if err != nil || c.Quoted {
		return nil
	}
	all := strings.Split(c.Value, ".")
	return all[:min(len(all), deviceCookieAccounts)]
}

func (s *Server) readDeviceCookie(text, subject string, epoch int64) (deviceCookie, bool) {
	data, err := spelling.DecodeOpaque(text)
	if err != nil || len(data) != deviceCookieSize+sha256.Size {
		return deviceCookie{}, false
	}
	for i, key := range s.Secrets {
		if hmac.Equal(data[deviceCookieSize:], deviceCookieMAC(key, data[:deviceCookieSize], subject, epoch)) {
			at := time.Unix(int64(binary.BigEndian.Uint64(data)), 0)
			return deviceCookie{at, data[8:deviceCookieSize], i > 0}, true
		}
	}
	return deviceCookie{}, false
}

func deviceCookieMAC(key, data []byte, subject string, epoch int64) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint64(data[:deviceCookieSize:deviceCookieSize], uint64(epoch)))
	mac.Write([]byte(subject))
	return mac.Sum(nil)
}

func (s *Server) writeDeviceCookie(m deviceCookie, subject string, epoch int64) string {
	data := append(binary.BigEndian.AppendUint64(nil, uint64(m.at.Unix())), m.id...)
	return base64.RawURLEncoding.EncodeToString(append(data, deviceCookieMAC(s.Secrets[0], data, subject, epoch)...))
}

// budget names the browser's budget. The id itself stays in the cookie.
func (m deviceCookie) budget() string {
	sum := sha256.Sum256(m.id)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// issueDeviceCookie makes the browser known to the account that has signed in. A good cookie is kept, and made anew now
// and then with the same id: a new id would be a new budget.
func (s *Server) issueDeviceCookie(w http.ResponseWriter, r *http.Request, fl *flow) {
	now, subject, epoch := s.Now(), fl.subject(), fl.ix.Login.Epoch
	m, ok := s.deviceCookie(r, subject, epoch)
	if !fl.state.PasswordGiven || len(s.Secrets) == 0 || ok && !m.old && now.Sub(m.at) < deviceCookieRenewal {
		return
	}
	if !ok {
		m.id = make([]byte, deviceIDSize)
		rand.Read(m.id) // never fails
	}
	m.at = now
	s.setDeviceCookies(w, s.withDeviceCookie(r, m, subject, epoch, epoch))
}

// withDeviceCookie returns what the browser's cookie becomes when its part for an account, which counts in the epoch
// before, is replaced by m, which counts in that epoch.
func (s *Server) withDeviceCookie(r *http.Request, m deviceCookie, subject string, before, epoch int64) string {
	others := slices.DeleteFunc(s.deviceCookies(r), func(text string) bool {
		_, its := s.readDeviceCookie(text, subject, before)
		return its
	})
	all := append([]string{s.writeDeviceCookie(m, subject, epoch)}, others...)
	return strings.Join(all[:min(len(all), deviceCookieAccounts)], ".")
}

// setDeviceCookies gives the browser the cookie that accounts know it by; empty: it keeps the one that it has.
func (s *Server) setDeviceCookies(w http.ResponseWriter, value string) {
	if value == "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookies.device, Value: value, Path: "/", MaxAge: int(deviceCookieTime / time.Second),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
