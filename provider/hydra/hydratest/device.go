package hydratest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// device is one without a browser of its own, whose user has a code to type elsewhere (RFC 8628).
type device struct {
	code    string
	client  Client
	scope   []string
	expires time.Time
	granted *flow // nil: the user has not answered
}

// deviceAuth is the device authorization endpoint.
func (h *Hydra) deviceAuth(w http.ResponseWriter, r *http.Request) {
	c, ok := h.authenticate(w, r)
	if !ok {
		return
	}
	user := h.newDevice(c, strings.Fields(r.PostFormValue("scope")))
	answer(w, http.StatusOK, map[string]any{
		"device_code": h.devices[user].code, "user_code": user, "verification_uri": h.URL + "/oauth2/device/verify",
		"verification_uri_complete": with(h.URL+"/oauth2/device/verify", "user_code", user), "expires_in": 600, "interval": 5,
	})
}

// newDevice returns the code for the user.
func (h *Hydra) newDevice(c Client, scopes []string) (user string) {
	user = userCode()
	h.devices[user] = &device{code: "ory_dc_" + random(32), client: c.shown(), scope: scopes, expires: h.config.Now().Add(10 * time.Minute)}
	return user
}

// userCode is one of 8 consonants, so that no word comes of them (RFC 8628 section 6.1).
func userCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	b := make([]byte, 8)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// Device is one that waits for its user.
type Device struct {
	UserCode string
	Address  string // where the user types it
	Complete string // the same with the code in it
	hydra    *Hydra
}

// NewDevice has a device of the client begin.
func (h *Hydra) NewDevice(client string, scopes ...string) Device {
	h.mu.Lock()
	defer h.mu.Unlock()
	user, address := h.newDevice(h.clients[client], scopes), h.URL+"/oauth2/device/verify"
	return Device{user, address, with(address, "user_code", user), h}
}

// Granted reports whether the user has signed the device in.
func (d Device) Granted() bool {
	d.hydra.mu.Lock()
	defer d.hydra.mu.Unlock()
	return d.hydra.devices[d.UserCode].granted != nil
}

// deviceVerify is where the user's browser begins, and what it passes as often as it passes the authorization endpoint.
func (h *Hydra) deviceVerify(w http.ResponseWriter, r *http.Request) {
	if fault := h.passDevice(w, r); fault != nil {
		refuse(w, http.StatusBadRequest, fault.code, fault.description) // the page for errors is for other requests
	}
}

func (h *Hydra) passDevice(w http.ResponseWriter, r *http.Request) *problem {
	done := func(f flow) {
		h.devices[f.Device].granted = &f
		http.Redirect(w, r, h.urls.DeviceDone, http.StatusFound)
	}
	if fault, ok := h.comeBack(w, r, done); ok {
		return fault
	}
	q := r.URL.Query()
	if q.Get("device_verifier") != "" {
		f, fault := h.redeem(deviceVerifier, q.Get("device_verifier"))
		if fault != nil {
			return fault
		}
		if cookie, err := r.Cookie(deviceCookie); err != nil || cookie.Value != f.Browser {
			return errBrowser
		}
		return h.askLogin(w, r, f)
	}
	f := flow{URL: h.deviceURL(q), Browser: random(16)} // without a Query: what that asks for is not looked at, be it prompt=login
	http.SetCookie(w, &http.Cookie{Name: deviceCookie, Value: f.Browser, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	to := with(h.urls.Device, "device_challenge", h.issue(ticket{kind: deviceChallenge, flow: f}))
	if code := q.Get("user_code"); code != "" {
		to = with(to, "user_code", code)
	}
	http.Redirect(w, r, to, http.StatusFound)
	return nil
}

// deviceURL is the address of the request. The code is no part of what is kept.
func (h *Hydra) deviceURL(q url.Values) string {
	address := with(h.URL+"/oauth2/device/verify?"+q.Encode(), "user_code", "****")
	if q.Get("user_code") == "" {
		address = h.URL + "/oauth2/device/verify?" + q.Encode()
	}
	return address
}

// acceptDevice takes the code that the user has typed.
func (h *Hydra) acceptDevice(w http.ResponseWriter, r *http.Request) {
	var body struct {
		UserCode string `json:"user_code"`
	}
	t, _, ok := h.find(w, r, deviceChallenge)
	if !ok || !read(w, r, &body) {
		return
	}
	d := h.devices[body.UserCode]
	if d == nil || d.granted != nil || !h.config.Now().Before(d.expires) {
		refuse(w, http.StatusBadRequest, "invalid_request", "The 'user_code' session could not be found or has expired or is otherwise malformed.")
		return
	}
	f := t.flow
	if u, err := url.Parse(f.URL); err == nil && u.Query().Get("client_id") == "" {
		f.URL = with(f.URL, "client_id", d.client.ID)
	}
	f.Client, f.Scope, f.Device = d.client, slices.Clone(d.scope), body.UserCode
	redirectTo(w, with(f.URL, "client_id", d.client.ID), "device_verifier", h.issue(ticket{kind: deviceVerifier, flow: f}))
}

// byDevice spends the code of a device whose user has answered; false: it has answered.
func (h *Hydra) byDevice(w http.ResponseWriter, r *http.Request) (grant, bool) {
	for user, d := range h.devices {
		switch {
		case d.code != r.PostFormValue("device_code"):
		case d.granted == nil:
			refuse(w, http.StatusBadRequest, "authorization_pending", "The user has not answered.")
			return grant{}, false
		default:
			delete(h.devices, user)
			return grant{flow: *d.granted, expires: d.expires}, true
		}
	}
	refuse(w, http.StatusBadRequest, "invalid_grant", "The device code is not known.")
	return grant{}, false
}
