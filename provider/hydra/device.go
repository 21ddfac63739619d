package hydra

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"vestibule/web/ui"
)

// devicePage asks for the code that a device shows (RFC 8628 section 3.3).
type devicePage struct {
	ui.Frame
	Challenge string
	Code      string // as it was typed, or as the address of a device's has it
}

// device is the page (urls.device.verification). A code in the address is not taken before the user has seen it (RFC 8628
// section 5.4): somebody else may have sent the address.
func (e *Engine) device(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := r.URL.Query()
		p := &devicePage{
			Frame: ui.Frame{Page: "device", Title: ui.Say("device.title")}, Challenge: q.Get("device_challenge"), Code: ui.Cut(q.Get("user_code"), maxUserCode),
		}
		if p.Challenge == "" {
			return ui.ErrUnknown
		}
		p.Say(ui.Feedback{})
		switch q.Get("fault") {
		case "required":
			p.SetErrors(ui.Message{ID: "device.code.required", Field: "code"})
		case "wrong":
			p.SetErrors(ui.Message{ID: "device.code.wrong", Field: "code"})
		}
		return pages.Render(w, r, http.StatusOK, "device", p)
	}
}

const maxUserCode = 64 // bytes of a code that anybody can type

// postDevice is the code.
func (e *Engine) postDevice(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge, code := ui.Field(r, "challenge"), ui.Cut(strings.ToUpper(strings.TrimSpace(ui.Field(r, "code"))), maxUserCode)
		again := func(fault string) error {
			q := url.Values{"device_challenge": {challenge}, "user_code": {code}, "fault": {fault}}
			return pages.Redirect(w, r, DevicePath+"?"+q.Encode())
		}
		if code == "" {
			return again("required")
		}
		to, err := e.Admin.AcceptUserCode(r.Context(), challenge, code)
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
			return again("wrong")
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
