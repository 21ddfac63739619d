package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/device"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// deviceAnswer is what a device gets (RFC 8628 section 3.2).
type deviceAnswer struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	URI        string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	Expires    int64  `json:"expires_in"`
	Interval   int64  `json:"interval"`
}

// deviceAuthorization is the device authorization endpoint (RFC 8628 section 3.1).
func (p *Provider) deviceAuthorization(w http.ResponseWriter, r *http.Request) {
	answer, err := p.beginDevice(w, r)
	if err != nil {
		p.answerError(r.Context(), w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

var errManyDevices = &fosite.RFC6749Error{ErrorField: "slow_down", CodeField: http.StatusTooManyRequests,
	DescriptionField: "Many devices of this network wait for their users already. Try again in a minute."}

// beginDevice stores a device that waits. What it asks of the sign-in it asks by the parameters of an authorization request.
func (p *Provider) beginDevice(w http.ResponseWriter, r *http.Request) (*deviceAnswer, error) {
	rp, err := p.readClient(w, r)
	if err != nil {
		return nil, err
	}
	if !rp.Grants(client.GrantDevice) {
		return nil, errNoDevices
	}
	code, signature, err := p.tokens.generate(devicePrefix)
	if err != nil {
		return nil, err
	}
	waits := device.Request{
		Signature: devicePrefix + signature, Client: rp.ID, Registration: rp.Registration,
		Created: p.now(), Expires: p.now().Add(p.lifetimes.DeviceCode),
	}
	if rp.Public { // anybody can be it
		waits.Network = spelling.NetworkOf(r.RemoteAddr)
	}
	if waits.Data, err = p.deviceSignIn(r, rp, waits); err != nil {
		return nil, err
	}
	userCode, err := p.addDevice(r.Context(), waits)
	if err != nil {
		return nil, err
	}
	uri := p.issuer + device.Path
	return &deviceAnswer{
		DeviceCode: code, UserCode: userCode, URI: uri, Complete: uri + "?user_code=" + userCode,
		Expires: int64(p.lifetimes.DeviceCode / time.Second), Interval: int64(device.Interval / time.Second),
	}, nil
}

// deviceSignIn is the sign-in that the user is to begin, as JSON. What is wrong with it the device hears at once.
func (p *Provider) deviceSignIn(r *http.Request, rp client.Client, waits device.Request) ([]byte, error) {
	scopes, err := readScope(r.PostForm.Get("scope"))
	if err != nil {
		return nil, err
	}
	demand, err := p.demand(r.Context(), r.PostForm, rp, waits.Created)
	switch {
	case err != nil:
		return nil, err
	case demand.PromptNone:
		return nil, fosite.ErrInvalidRequest.WithHint("prompt cannot be none: the user has to enter the code.")
	}
	demand.PromptConsent = true // whoever has sent the user a code may be at another device (RFC 8628 section 5.4)
	target, err := p.target(r.Context(), rp, r.PostForm.Get("resource"))
	if err != nil {
		return nil, err
	}
	ix := p.beginFor(rp, demand, r.PostForm, rp.Permitted(scopes))
	ix.Device = true
	ix.API, ix.APIRegistered = target.api()
	if ix.Request, err = json.Marshal(frozen{Resource: target.resource, Device: &waitingDevice{waits.Signature, waits.Expires}}); err != nil {
		return nil, err
	}
	switch fits, err := p.Fits(ix); {
	case err != nil:
		return nil, err
	case !fits:
		return nil, fosite.ErrInvalidRequest.WithHint("The request is too long: scope, login_hint and claims must be shorter together.")
	}
	return json.Marshal(ix)
}

// addDevice stores the request under a user code that no other has, and returns that for people to read.
func (p *Provider) addDevice(ctx context.Context, waits device.Request) (string, error) {
	for range 5 { // of millions that wait, one in thousands has it
		code := device.NewUserCode()
		waits.UserCode = p.codes.Stored(code)
		err := p.store.AddDevice(ctx, waits)
		switch {
		case err == nil:
			return device.Show(code), nil
		case errors.Is(err, device.ErrMany):
			return "", errManyDevices
		case !errors.Is(err, store.ErrConflict):
			return "", storeFault{err}
		}
	}
	return "", errors.New("device: no user code is free")
}

// UserCode begins the sign-in of the user of the device that shows this code, in capitals and without what stands between
// its parts: it is for UI.Authorize. store.ErrNotFound if no device does, or none any more. Guesses are for the caller to count,
// before.
func (p *Provider) UserCode(ctx context.Context, code string) (*interaction.Interaction, error) {
	if !device.IsUserCode(code) {
		return nil, store.ErrNotFound
	}
	waits, err := p.store.DeviceByUserCode(ctx, p.codes.All(code))
	switch {
	case err != nil:
		return nil, err
	case waits.Denied || !p.now().Before(waits.Expires):
		return nil, store.ErrNotFound
	}
	asked := new(interaction.Interaction)
	if err := json.Unmarshal(waits.Data, asked); err != nil {
		return nil, fmt.Errorf("stored device: %w", err)
	}
	return p.Restart(asked), nil
}
