package hydra

import (
	"context"
	"errors"
	"net/http"

	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// codes is the page for the code of a device (urls.device.verification).
func (e *Engine) codes(pages Pages) *usercode.Page {
	return &usercode.Page{
		Pages: pages, Guesses: e.UserCodes, Path: DevicePath, Ticket: "device_challenge", IsTicket: isChallenge,
		Take: func(ctx context.Context, challenge, code string) (ui.Handler, error) {
			to, err := e.compareUserCode(ctx, challenge, code)
			return func(w http.ResponseWriter, r *http.Request) error { return pages.Redirect(w, r, to) }, err
		},
	}
}

// compareUserCode has Hydra compare a code. What Hydra looks at first, the challenge or the code, is not for us to know: so all
// that it refuses counts as a guess.
func (e *Engine) compareUserCode(ctx context.Context, challenge, code string) (to string, err error) {
	to, err = e.Admin.AcceptUserCode(ctx, challenge, code)
	var refused *RefusedError
	if errors.As(err, &refused) {
		err = errors.Join(usercode.ErrWrong, err)
	}
	return to, err
}

// led goes on from an error of Hydra's: to where that says, or to the page for it.
func led(pages Pages, h ui.Handler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := h(w, r); err != nil {
			return lead(w, r, pages, err)
		}
		return nil
	}
}
