package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"

	"vestibule/provider/client"
	"vestibule/provider/device"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// waitingDevice is the device whose user signs in.
type waitingDevice struct {
	Signature string    `json:"signature"` // of its request
	Expires   time.Time `json:"expires"`
}

// over is the page that a sign-in for a device ends at, when the device is not signed in.
func (p *Provider) over(why string) string {
	return p.issuer + device.OverPath + "?" + url.Values{"why": {why}}.Encode()
}

// allow puts the code in the place of the device's request, which it has the signature of. So all that ends codes ends it,
// and it is spent as they are. A device that was about to ask when its time was over still gets its answer.
func (p *Provider) allow(ctx context.Context, code tokens.Code, rp client.Client, waits waitingDevice) error {
	if err := p.store.AllowDevice(ctx, waits.Signature, p.now()); err != nil {
		return err
	}
	if waits.Expires.After(code.Expires) {
		code.Expires = waits.Expires
	}
	return p.store.SaveCode(ctx, code, rp)
}

// deny ends the sign-in of a user who does not sign the device in. Its request stays, so that it hears of that.
func (p *Provider) deny(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, waits waitingDevice, with []func(context.Context) error) error {
	to := p.over(device.Denied)
	err := p.EndAt(r.Context(), ix, to, append(slices.Clone(with), func(ctx context.Context) error {
		return p.store.DenyDevice(ctx, waits.Signature, p.now())
	})...)
	switch {
	case errors.Is(err, device.ErrOver):
		return p.lateDevice(w, r, ix, with)
	case err != nil:
		return err
	}
	return p.leave(w, r, to)
}

// lateDevice ends the sign-in of a user whose device waits no more.
func (p *Provider) lateDevice(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, with []func(context.Context) error) error {
	to := p.over(device.Late)
	if err := p.EndAt(r.Context(), ix, to, with...); err != nil {
		return err
	}
	return p.leave(w, r, to)
}

var errNoDevices = fosite.ErrUnauthorizedClient.WithHint("The client has not registered the grant type " + client.GrantDevice + ".")

// Errors for a device that asks (RFC 8628 section 3.5).
var (
	errPending = &fosite.RFC6749Error{ErrorField: "authorization_pending", CodeField: http.StatusBadRequest,
		DescriptionField: "The user has not decided yet."}
	errSlowDown = &fosite.RFC6749Error{ErrorField: "slow_down", CodeField: http.StatusBadRequest,
		DescriptionField: "The device asks too often. Wait 5 seconds longer between two requests from now on."}
	errExpiredCode = &fosite.RFC6749Error{ErrorField: "expired_token", CodeField: http.StatusBadRequest,
		DescriptionField: "The device code has expired. Ask for a new one."}
	errDeviceDenied = &fosite.RFC6749Error{ErrorField: "access_denied", CodeField: http.StatusBadRequest,
		DescriptionField: interaction.Description("access_denied")}
)

// deviceGrant is a fosite handler of the grant of RFC 8628 section 3.4. A poll whose user has not decided costs one question to
// the database and no commit.
type deviceGrant struct {
	p     *Provider
	store *fositeStore
	issue *oauth2.HandleHelper
}

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *deviceGrant) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(client.GrantDevice)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *deviceGrant) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *deviceGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	if !r.GetClient().(relyingParty).Grants(client.GrantDevice) {
		return errNoDevices
	}
	u := unitOf(ctx)
	if h.p.tokens.validate(u.presented, devicePrefix) != nil {
		return fosite.ErrInvalidGrant.WithHint("The device code is not known.")
	}
	signature := devicePrefix + h.p.tokens.signature(u.presented, devicePrefix)
	if !h.p.pace.InTime(r.GetClient().GetID()+" "+signature, h.p.now()) {
		return errSlowDown
	}
	if err := h.waits(ctx, signature, r.GetClient().GetID()); err != nil {
		return err
	}
	if err := h.load(ctx, u, signature, r.GetSession().(*grant)); err != nil {
		return err
	}
	h.p.pace.Forget(r.GetClient().GetID() + " " + signature)
	r.SetID(u.code.Family)
	r.SetRequestedScopes(u.grant.Scopes)
	for _, scope := range u.grant.Scopes {
		r.GrantScope(scope)
	}
	return nil
}

// waits returns nil for a device that does not wait any more: it has a code, or nothing.
func (h *deviceGrant) waits(ctx context.Context, signature, asks string) error {
	d, err := h.p.store.Device(ctx, signature)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return storeFault{err}
	case d.Client != asks:
		return errOtherClient
	case !h.p.now().Before(d.Expires):
		return errExpiredCode
	case d.Denied:
		return errDeviceDenied
	}
	return errPending
}

// load reads the code that the device's user has allowed.
func (h *deviceGrant) load(ctx context.Context, u *unit, signature string, g *grant) error {
	err := h.store.readCode(ctx, u, signature, g)
	switch {
	case errors.Is(err, fosite.ErrNotFound): // a device code that we have made was known once
		return errExpiredCode
	case err != nil:
		return err
	case !clientOf(ctx).(relyingParty).Grants(client.GrantDevice): // by now
		return fosite.ErrInvalidGrant.WithHint("The client may not use the device code any more.")
	}
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h *deviceGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	access, err := h.issue.IssueAccessToken(ctx, h.p.lifetimes.AccessToken, r, answer)
	if err != nil {
		return err
	}
	if !slices.Contains(r.GetGrantedScopes(), client.ScopeOffline) || !clientOf(ctx).(relyingParty).Grants(client.GrantRefresh) {
		return nil
	}
	token, signature, err := h.p.tokens.GenerateRefreshToken(ctx, r)
	if err != nil {
		return err
	}
	answer.SetExtra("refresh_token", token)
	return h.store.CreateRefreshTokenSession(ctx, signature, access, r)
}
