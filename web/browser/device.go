package browser

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

// Devices makes the device cookies of accounts, and reads them.
type Devices struct {
	Cookies *Cookies
	Keys    [][]byte // newest first; none: no browser is known
	Now     func() time.Time
}

// Budget names the budget of wrong passwords that this browser has at the account, if the account knows it. The id
// itself stays in the cookie.
func (d *Devices) Budget(r *http.Request, subject string, epoch int64) (name string, known bool) {
	m, known := d.find(r, subject, epoch)
	if !known {
		return "", false
	}
	sum := sha256.Sum256(m.id)
	return base64.RawURLEncoding.EncodeToString(sum[:9]), true
}

// find returns the device cookie that this browser has of the account, if it has a good one.
func (d *Devices) find(r *http.Request, subject string, epoch int64) (deviceCookie, bool) {
	for _, text := range d.all(r) {
		if m, ok := d.read(text, subject, epoch); ok {
			return m, d.Now().Sub(m.at) < deviceCookieTime
		}
	}
	return deviceCookie{}, false
}

// all are those of all accounts that this browser is known to.
func (d *Devices) all(r *http.Request) []string {
	c, err := r.Cookie(d.Cookies.names.device)
	if err != nil || c.Quoted {
		return nil
	}
	all := strings.Split(c.Value, ".")
	return all[:min(len(all), deviceCookieAccounts)]
}

func (d *Devices) read(text, subject string, epoch int64) (deviceCookie, bool) {
	data, err := spelling.DecodeOpaque(text)
	if err != nil || len(data) != deviceCookieSize+sha256.Size {
		return deviceCookie{}, false
	}
	for i, key := range d.Keys {
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

func (d *Devices) write(m deviceCookie, subject string, epoch int64) string {
	data := append(binary.BigEndian.AppendUint64(nil, uint64(m.at.Unix())), m.id...)
	return base64.RawURLEncoding.EncodeToString(append(data, deviceCookieMAC(d.Keys[0], data, subject, epoch)...))
}

// Issue makes the browser known to the account, whose password it has just given. A good cookie is kept, and made anew
// now and then with the same id: a new id would be a new budget.
func (d *Devices) Issue(w http.ResponseWriter, r *http.Request, subject string, epoch int64) {
	now := d.Now()
	m, ok := d.find(r, subject, epoch)
	if len(d.Keys) == 0 || ok && !m.old && now.Sub(m.at) < deviceCookieRenewal {
		return
	}
	if !ok {
		m.id = make([]byte, deviceIDSize)
		rand.Read(m.id) // never fails
	}
	m.at = now
	d.set(w, d.replace(r, m, subject, epoch, epoch))
}

// Carry returns what the browser's cookie becomes when the account, which knows it in the epoch before, goes on in epoch;
// empty: the account does not know the browser, whose cookie stays as it is.
func (d *Devices) Carry(r *http.Request, subject string, before, epoch int64) string {
	m, ok := d.find(r, subject, before)
	if !ok {
		return ""
	}
	return d.replace(r, m, subject, before, epoch)
}

// replace returns what the browser's cookie becomes when its part for an account, which counts in the epoch before, is
// replaced by m, which counts in that epoch.
func (d *Devices) replace(r *http.Request, m deviceCookie, subject string, before, epoch int64) string {
	others := slices.DeleteFunc(d.all(r), func(text string) bool {
		_, its := d.read(text, subject, before)
		return its
	})
	all := append([]string{d.write(m, subject, epoch)}, others...)
	return strings.Join(all[:min(len(all), deviceCookieAccounts)], ".")
}

// set gives the browser the cookie that accounts know it by; empty: it keeps the one that it has.
func (d *Devices) set(w http.ResponseWriter, value string) {
	if value != "" {
		d.Cookies.set(w, d.Cookies.names.device, value, deviceCookieTime)
	}
}
