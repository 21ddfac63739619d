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

	"vestibule/provider"
)

// A browser that an account has signed in with completely is known to the account. Its cookie proves nothing about
// the user. All that it is good for is a budget of wrong passwords of its own, which strangers cannot use up: they
// lock out each other, and not the owner.

const (
	knownTime     = 365 * 24 * time.Hour // without a sign-in
	knownRenewal  = 30 * 24 * time.Hour
	knownAccounts = 5 // in one browser
	knownIDSize   = 16
	knownSize     = 8 + knownIDSize // of a mark without its MAC
)

// mark is what the cookie holds for one account: when, a random id, and a MAC over both and the account with its
// epoch, which are not named in it. Whoever made marks with a password that was changed since has none any more.
type mark struct {
	at  time.Time
	id  []byte
	old bool // made with a key that is not the newest
}

// known returns the mark that this browser has of the account, if it has a good one.
func (s *Server) known(r *http.Request, subject string, epoch int64) (mark, bool) {
	for _, text := range s.marks(r) {
		if m, ok := s.readMark(text, subject, epoch); ok {
			return m, s.Now().Sub(m.at) < knownTime
		}
	}
	return mark{}, false
}

// marks are those of all accounts that this browser is known to.
func (s *Server) marks(r *http.Request) []string {
	c, err := r.Cookie(s.cookies.known)
	if err != nil || c.Quoted {
		return nil
	}
	all := strings.Split(c.Value, ".")
	return all[:min(len(all), knownAccounts)]
}

func (s *Server) readMark(text, subject string, epoch int64) (mark, bool) {
	data, err := provider.DecodeOpaque(text)
	if err != nil || len(data) != knownSize+sha256.Size {
		return mark{}, false
	}
	for i, key := range s.Secrets {
		if hmac.Equal(data[knownSize:], markMAC(key, data[:knownSize], subject, epoch)) {
			at := time.Unix(int64(binary.BigEndian.Uint64(data)), 0)
			return mark{at, data[8:knownSize], i > 0}, true
		}
	}
	return mark{}, false
}

func markMAC(key, data []byte, subject string, epoch int64) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(binary.BigEndian.AppendUint64(data[:knownSize:knownSize], uint64(epoch)))
	mac.Write([]byte(subject))
	return mac.Sum(nil)
}

func (s *Server) writeMark(m mark, subject string, epoch int64) string {
	data := append(binary.BigEndian.AppendUint64(nil, uint64(m.at.Unix())), m.id...)
	return base64.RawURLEncoding.EncodeToString(append(data, markMAC(s.Secrets[0], data, subject, epoch)...))
}

// budget names the browser's budget. The id itself stays in the cookie.
func (m mark) budget() string {
	sum := sha256.Sum256(m.id)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// know makes the browser known to the account that has signed in. A good mark is kept, and made anew now and then
// with the same id: a new id would be a new budget.
func (s *Server) know(w http.ResponseWriter, r *http.Request, v *visit) {
	now, subject, epoch := s.Now(), v.subject(), v.ix.Login.Epoch
	m, ok := s.known(r, subject, epoch)
	if !v.mem.Typed || len(s.Secrets) == 0 || ok && !m.old && now.Sub(m.at) < knownRenewal {
		return
	}
	if !ok {
		m.id = make([]byte, knownIDSize)
		rand.Read(m.id) // never fails
	}
	m.at = now
	s.setKnown(w, s.withMark(r, m, subject, epoch, epoch))
}

// withMark returns what the browser's cookie becomes when its mark of an account, which counts in the epoch before, is
// replaced by m, which counts in that epoch.
func (s *Server) withMark(r *http.Request, m mark, subject string, before, epoch int64) string {
	others := slices.DeleteFunc(s.marks(r), func(text string) bool {
		_, its := s.readMark(text, subject, before)
		return its
	})
	all := append([]string{s.writeMark(m, subject, epoch)}, others...)
	return strings.Join(all[:min(len(all), knownAccounts)], ".")
}

// setKnown gives the browser the cookie that accounts know it by; empty: it keeps the one that it has.
func (s *Server) setKnown(w http.ResponseWriter, value string) {
	if value == "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookies.known, Value: value, Path: "/", MaxAge: int(knownTime / time.Second),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
