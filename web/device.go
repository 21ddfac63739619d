package web

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/device"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// Devices are those whose users sign in here (RFC 8628). provider.Provider knows them.
type Devices interface {
	// UserCode begins the sign-in of the user of the device that shows this code, in capitals and without what stands between
	// its parts. store.ErrNotFound if no device does.
	UserCode(ctx context.Context, code string) (*interaction.Interaction, error)
}

// takeUserCode goes on to the sign-in that the device waits for.
func (s *Server) takeUserCode(ctx context.Context, _, code string) (ui.Handler, error) {
	ix, err := s.devices.UserCode(ctx, code)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, usercode.ErrWrong
	case err != nil:
		return nil, err
	}
	return func(w http.ResponseWriter, r *http.Request) error { return s.Authorize(w, r, ix) }, nil
}

// deviceOver says why the device is not signed in.
func (s *Server) deviceOver(w http.ResponseWriter, r *http.Request) error {
	next := s.Prefix + device.Path
	switch ui.Field(r, "why") {
	case device.Denied:
		return usercode.Over(w, r, s, "device.again.title.denied", "device.over.denied", next)
	case device.Late:
		return usercode.Over(w, r, s, "device.again.title.denied", "device.again.late", next)
	}
	return ui.ErrUnknown
}
