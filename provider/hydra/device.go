package hydra

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"vestibule/mfa"
	"vestibule/web/ui"
)

// devicePage asks for the code that a device shows (RFC 8628 section 3.3).
type devicePage struct {
	ui.Frame
	Challenge string
	Code      string // as it was typed, or as the address of a device's has it
}

// deviceLockedPage takes no code for a while.
type deviceLockedPage struct {
	ui.Frame
	Until ui.Message
	Again string // address of the page that will ask again, below the Prefix
}

// device is the page (urls.device.verification). A code in the address is not taken before the user has seen it (RFC 8628
// section 5.4): somebody else may have sent the address.
func (e *Engine) device(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := r.URL.Query()
		challenge, code := q.Get("device_challenge"), ui.Cut(q.Get("user_code"), maxUserCode)
		if !isChallenge(challenge) {
			return ui.ErrUnknown
		}
		until, err := e.lockedUntil(r, pages)
		switch {
		case err != nil:
			return err
		case !until.IsZero():
			return pages.Render(w, r, http.StatusTooManyRequests, "device-locked", &deviceLockedPage{
				Frame: ui.Frame{Page: "device", State: "locked", Title: ui.Say("device.title.locked")},
				Until: ui.Message{ID: "wait.until", Args: ui.Wait(w, until, e.Now())}, Again: deviceAddress(challenge, code, ""),
			})
		}
		p := &devicePage{Frame: ui.Frame{Page: "device", Title: ui.Say("device.title")}, Challenge: challenge, Code: code}
		p.say(q.Get("fault"))
		return pages.Render(w, r, http.StatusOK, "device", p)
	}
}

// say puts on the page what the last form has left to say, or that a code from the address wants to be compared.
func (p *devicePage) say(fault string) {
	p.Say(ui.Feedback{})
	switch {
	case fault == "required":
		p.SetErrors(ui.Message{ID: "device.code.required", Field: "code"})
	case fault == "wrong":
		p.SetErrors(ui.Message{ID: "device.code.wrong", Field: "code"})
	case p.Code != "":
		p.Say(ui.Note("device.check", nil))
	}
}

const maxUserCode = 64 // bytes of a code that anybody can type

// plainUserCode is a code as Hydra makes them: in capitals, without what devices and people put between its parts (RFC 8628
// section 6.1).
func plainUserCode(typed string) string {
	return ui.Cut(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed), maxUserCode)
}

// deviceAddress is that of the page, which says what was wrong with the code; empty: nothing was.
func deviceAddress(challenge, code, fault string) string {
	q := url.Values{"device_challenge": {challenge}}
	for name, value := range map[string]string{"user_code": code, "fault": fault} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return DevicePath + "?" + q.Encode()
}

// postDevice is the code.
func (e *Engine) postDevice(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge, code := ui.Field(r, "challenge"), plainUserCode(ui.Field(r, "code"))
		switch {
		case !isChallenge(challenge):
			return ui.ErrUnknown
		case code == "":
			return pages.Redirect(w, r, deviceAddress(challenge, code, "required"))
		}
		to, err := e.tryUserCode(r, pages, challenge, code)
		var refused *RefusedError
		var locked *mfa.Locked
		switch {
		case errors.As(err, &refused):
			return pages.Redirect(w, r, deviceAddress(challenge, code, "wrong"))
		case errors.As(err, &locked): // which the page finds by itself
			return pages.Redirect(w, r, deviceAddress(challenge, code, ""))
		case err != nil:
			return lead(w, r, pages, err)
		}
		return pages.Redirect(w, r, to)
	}
}

// deviceDone says that the device goes on (urls.device.success).
func deviceDone(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return pages.Render(w, r, http.StatusOK, "device-done", &ui.Plain{Frame: ui.Frame{Page: "device-done", Title: ui.Say("device.done.title")}})
	}
}
