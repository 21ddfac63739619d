package hydra

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
)

// Hydra tells of a session that it has when that began, whatever was proved since. So what was proved since has it begin
// another: the browser goes to the same request once more, with prompt=login and a marker of ours, and comes back with a
// challenge that is not to be skipped. The marker says that the prompt is not the client's, so that nothing is asked twice,
// and is good for one request, one session of the browser's and a moment.

const (
	markerName = "vestibule"
	markerTime = 2 * time.Minute  // from the page to Hydra and back
	deviceTime = 10 * time.Minute // the same where the user has to enter a device's code on the way
	markerAAD  = "hydra renewal"
)

// marker is what our own prompt=login says.
type marker struct {
	Session string    `json:"session"` // whose proofs stand; empty: nobody's
	Prompt  string    `json:"prompt"`  // the client's
	At      time.Time `json:"at"`      // when the client asked
	Until   time.Time `json:"until"`
	Request []byte    `json:"request"`           // sum of all other parameters
	Refusal string    `json:"refusal,omitempty"` // what the client is to hear at once; empty: the sign-in goes on
}

// apply makes of our prompt the client's, without what the user has answered already.
func (m *marker) apply(form url.Values) {
	form.Set("prompt", m.Prompt)
	if m.Session != "" { // the user was chosen
		form.Set("prompt", withoutWord(m.Prompt, "select_account"))
		form.Del("login_hint")
	}
}

// renewed returns where the browser goes to begin the request once more. The user of a device is told why that is so.
func (e *Engine) renewed(requestURL string, ix *interaction.Interaction, why string) (string, error) {
	var m marker
	// The proofs stand if one of them was given for this request: else Hydra would date what is old as now, and all is asked
	// anew.
	if !ix.Login.LastAuthentication().Before(ix.Demand.RequestedAt) {
		m.Session = ix.Login.Session
	}
	to, err := e.renewedTo(requestURL, ix, m)
	if err == nil && (LoginRequest{RequestURL: requestURL}).isDevice() {
		return e.deviceAgain(to, why)
	}
	return to, err
}

// renewedTo returns the address of the request with the marker, which gets what any has.
func (e *Engine) renewedTo(requestURL string, ix *interaction.Interaction, m marker) (string, error) {
	u, err := url.Parse(requestURL)
	if err != nil {
		return "", fmt.Errorf("hydra: request_url: %w", errForeign)
	}
	form := u.Query()
	m.At, m.Until, m.Request = ix.Demand.RequestedAt, e.Now().Add(markerTime), sumOf(form)
	if isDevice(form) {
		m.Until = e.Now().Add(deviceTime)
	}
	m.Prompt = form.Get("prompt")
	if before := e.marked(form, ix.Demand.RequestedAt); before != nil { // this is not the first time
		m.Prompt = before.Prompt
	}
	sealed, err := e.sealed(m, markerAAD)
	if err != nil {
		return "", err
	}
	form.Set(markerName, sealed)
	form.Set("prompt", forced(m.Prompt))
	u.RawQuery = form.Encode()
	return u.String(), nil
}

// forced is the prompt of a client with login in it.
func forced(prompt string) string {
	words := []string{"login"}
	for w := range strings.FieldsSeq(prompt) {
		if w == "consent" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// marked returns the marker in a request; nil: there is none, or it is not good for it.
func (e *Engine) marked(form url.Values, now time.Time) *marker {
	m := new(marker)
	if !e.open(form.Get(markerName), markerAAD, m) || !now.Before(m.Until) || !slices.Equal(m.Request, sumOf(form)) || form.Get("prompt") != forced(m.Prompt) {
		return nil
	}
	return m
}

// sumOf is what a request is known by, whatever its prompt is, and whichever code of a device's came with it.
func sumOf(form url.Values) []byte {
	rest := url.Values{}
	for name, values := range form {
		if name != markerName && name != "prompt" && name != userCode {
			rest[name] = values
		}
	}
	sum := sha256.Sum256([]byte(rest.Encode()))
	return sum[:]
}

// contextKey is where Hydra keeps told.
const (
	contextKey = "vestibule"
	contextAAD = "hydra login"
)

func (e *Engine) seal(t told) (string, error) { return e.sealed(t, contextAAD) }

// sealed returns v as a text that only this server can have made.
func (e *Engine) sealed(v any, aad string) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	keyID, sealed, err := e.Sealer.Seal(data, aad)
	if err != nil {
		return "", fmt.Errorf("hydra: seal: %w", err)
	}
	return keyID + "." + base64.RawURLEncoding.EncodeToString(sealed), nil
}

// open reads what sealed has made; false: it has not.
func (e *Engine) open(text, aad string, v any) bool {
	keyID, rest, found := strings.Cut(text, ".")
	if !found {
		return false
	}
	data, err := spelling.DecodeOpaque(rest)
	if err != nil {
		return false
	}
	data, err = e.Sealer.Open(keyID, data, aad)
	return err == nil && json.Unmarshal(data, v) == nil
}
