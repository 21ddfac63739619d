package hydra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"vestibule/provider/interaction"
	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// The request of a device cannot be sent once more by itself: its code is not kept, and Hydra looks at no prompt there. So
// the user has to enter the code again, and a page of ours says why.

// What becomes of the request of a device: what the page says, and by its last word the state of it.
const (
	deviceOther  = "device.again.other"  // Hydra had a session of another user in this browser
	deviceLate   = "device.again.late"   // the user has taken longer than Hydra waits
	deviceLong   = "device.again.long"   // no address had room for the challenge while nobody was signed in
	deviceDenied = "device.again.denied" // the user has not allowed it, or could not
)

// userCode is the parameter with the code of a device. In the address of a request that Hydra shows it is masked.
const userCode = "user_code"

const deviceAAD = "hydra device"

// detour is what DeviceAgainPath shows.
type detour struct {
	Next string `json:"next"` // where Hydra asks for the code
	Why  string `json:"why"`
}

// instead ends Hydra's session of another user in this browser, and has the browser begin anew: with that session, Hydra
// would take the device's user for that one each time.
func (e *Engine) instead(ctx context.Context, f frozen, ix *interaction.Interaction) (answer, error) {
	request, err := e.Admin.Login(ctx, f.Challenge)
	switch {
	case errors.Is(err, ErrChallenge):
		return e.anew(f, ix, deviceLate)
	case err != nil:
		return e.settled(ix, err)
	}
	if err := e.Admin.EndSession(ctx, request.SessionID); err != nil {
		return answer{}, err
	}
	return e.anew(f, ix, deviceOther)
}

// deviceAgain returns the address of the page that leads to next, where the code is entered.
func (e *Engine) deviceAgain(next, why string) (string, error) {
	u, err := url.Parse(next)
	if err != nil {
		return "", fmt.Errorf("hydra: request_url: %w", errForeign)
	}
	form := u.Query()
	form.Del(userCode)
	u.RawQuery = form.Encode()
	sealed, err := e.sealed(detour{Next: u.String(), Why: why}, deviceAAD)
	return e.Address + DeviceAgainPath + "?to=" + url.QueryEscape(sealed), err
}

func (e *Engine) showDeviceAgain(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var d detour
		if !e.open(r.URL.Query().Get("to"), deviceAAD, &d) {
			return ui.ErrUnknown
		}
		title := "device.again.title"
		if d.Why == deviceDenied {
			title = "device.again.title.denied"
		}
		return usercode.Over(w, r, pages, title, d.Why, d.Next)
	}
}
