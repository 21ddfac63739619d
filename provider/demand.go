package provider

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

const (
	maxRequest   = 16 << 10 // bytes of an authorization request, all parameters together
	maxParameter = 2048     // bytes of state, nonce or scope: more is refused, not cut; both share MaxFlow with the rest
)

// challengeForm is what SHA-256 in base64url looks like (RFC 7636 section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// check refuses what fosite would let pass, or would only find after the user has signed in. client and redirect
// URI are known by now, so that each fault goes to the client.
func (p *Provider) check(form url.Values, c client.Client) error {
	switch method, challenge := form.Get("code_challenge_method"), form.Get("code_challenge"); {
	case challenge == "" && method != "":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method was sent without code_challenge.")
	case challenge == "" && c.NeedsPKCE() && form.Get("response_type") == client.ResponseCode:
		return fosite.ErrInvalidRequest.WithHint("The client must use PKCE: send code_challenge and code_challenge_method=S256.")
	case challenge != "" && method != "S256":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method must be S256.")
	case challenge != "" && !challengeForm.MatchString(challenge):
		return fosite.ErrInvalidRequest.WithHint("code_challenge must be 43 characters of base64url.")
	case c.KeepsFAPI2() && form.Get("redirect_uri") == "":
		return fosite.ErrInvalidRequest.WithHint("redirect_uri is missing.")
	case form.Get("dpop_jkt") != "" && !isThumbprint(form.Get("dpop_jkt")):
		return fosite.ErrInvalidRequest.WithHint("dpop_jkt must be the SHA-256 thumbprint of a key, 43 characters of base64url.")
	case form.Get("dpop_jkt") != "" && c.CertificateBound: // a code that nobody could redeem
		return fosite.ErrInvalidRequest.WithHint("The client binds its tokens to certificates: leave out dpop_jkt, and the DPoP proof.")
	case !utf8.ValidString(form.Get("nonce")):
		return fosite.ErrInvalidRequest.WithHint("nonce is not valid UTF-8; it goes into the ID token, which is JSON.")
	case len(form.Get("nonce")) > maxParameter:
		return fosite.ErrInvalidRequest.WithHintf("nonce is longer than %d bytes.", maxParameter)
	}
	return nil
}

// demand reads what the client asks of the sign-in.
func (p *Provider) demand(ctx context.Context, form url.Values, c client.Client, at time.Time) (assurance.Demand, error) {
	d := assurance.Demand{RequestedAt: at, WeakRecovery: p.levels.WeakRecovery}
	if err := p.readHint(ctx, &d, form, c); err != nil {
		return d, err
	}
	err := d.Read(withDefaults(form, c), p.levels, c.ACRNames)
	if d.Subject != "" {
		d.Subject = p.meant(c, d.Subject)
	}
	var fault *assurance.ParameterError
	switch {
	case errors.As(err, &fault):
		return d, fosite.ErrInvalidRequest.WithHint(fault.Text)
	case err != nil:
		return d, errUnmet.WithHint("No value of the essential claim acr or amr is known; see acr_values_supported.")
	}
	return d, nil
}

// withDefaults are the parameters of a request of the client, with what it has registered for where it does not say (OpenID Connect
// Registration section 2).
func withDefaults(form url.Values, c client.Client) url.Values {
	if c.DefaultMaxAge == nil && len(c.DefaultACRValues) == 0 {
		return form
	}
	form = maps.Clone(form)
	if c.DefaultMaxAge != nil && form.Get("max_age") == "" {
		form.Set("max_age", strconv.FormatInt(*c.DefaultMaxAge, 10))
	}
	if form.Get("acr_values") == "" {
		form.Set("acr_values", strings.Join(c.DefaultACRValues, " "))
	}
	return form
}

// errUnmet is the error of OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
var errUnmet = &fosite.RFC6749Error{
	ErrorField: assurance.ErrorUnmet, DescriptionField: interaction.Description(assurance.ErrorUnmet), CodeField: http.StatusBadRequest,
}

// meant is the user that the client means by a sub. What opens in no sector of its own names nobody, and never the user of that
// public subject: the client would find out whose that is.
func (p *Provider) meant(c client.Client, sub string) string {
	if subject, ok := p.names.OpenSubject(c, sub); ok {
		return subject
	}
	return "nobody: " + sub
}

// readHint takes the user from an ID token that we made for somebody, as the client c knows that one. It may have expired. A
// client that knows users by pairwise subjects is only helped by a hint of its own sector: another one would tell it who is who.
func (p *Provider) readHint(ctx context.Context, d *assurance.Demand, form url.Values, c client.Client) error {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	var claims struct {
		Issuer   string   `json:"iss"`
		Subject  string   `json:"sub"`
		Audience []string `json:"aud"`
		Expires  int64    `json:"exp"` // which a signed answer of the userinfo endpoint does not have
	}
	err := p.keys.Verify(ctx, hint, &claims)
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return storeFault{err}
	case err != nil || claims.Issuer != p.issuer || claims.Subject == "" || claims.Expires == 0 || len(claims.Audience) != 1:
		return fosite.ErrInvalidRequest.WithHint("id_token_hint is not an ID token of this server.")
	}
	d.Subject, err = p.hinted(ctx, c, claims.Audience[0], claims.Subject)
	return err
}

// hinted is the sub by which c knows the user whom the other client knows by that one.
func (p *Provider) hinted(ctx context.Context, c client.Client, other, sub string) (string, error) {
	if other == c.ID {
		return p.ownHint(c, sub), nil
	}
	madeFor, err := p.clients.Client(ctx, other)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return "", storeFault{err}
	case err != nil && c.Sector() == "", err == nil && madeFor.Sector() == c.Sector():
		return sub, nil
	}
	return "", fosite.ErrInvalidRequest.WithHint("id_token_hint was made for another client, which knows users by other subjects.")
}

// ownHint is the sub by which the client knows a user now who was told to it by that one: it may have been given another subject
// type since.
func (p *Provider) ownHint(c client.Client, sub string) string {
	if _, ok := p.names.OpenSubject(c, sub); ok {
		return sub
	}
	return p.names.Subject(c, sub)
}
