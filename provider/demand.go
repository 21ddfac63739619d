package provider

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

const (
	maxRequest   = 16 << 10 // bytes of an authorization request, all parameters together
	maxParameter = 2048     // bytes of state or nonce: more is refused, not cut; both share MaxFlow with the rest
)

// challengeForm is what SHA-256 in base64url looks like (RFC 7636 section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// localesForm is tags of languages (RFC 5646), as many as a person speaks.
var localesForm = regexp.MustCompile(`^[A-Za-z0-9 -]{1,100}$`)

// check refuses what fosite would let pass, or would only find after the user has signed in. client and redirect
// URI are known by now, so that each fault goes to the client.
func (p *Provider) check(form url.Values, c client.Client) error {
	switch method, challenge := form.Get("code_challenge_method"), form.Get("code_challenge"); {
	case challenge == "" && method != "":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method was sent without code_challenge.")
	case challenge == "" && c.Public:
		return fosite.ErrInvalidRequest.WithHint("A public client must use PKCE: send code_challenge and code_challenge_method=S256.")
	case challenge != "" && method != "S256":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method must be S256.")
	case challenge != "" && !challengeForm.MatchString(challenge):
		return fosite.ErrInvalidRequest.WithHint("code_challenge must be 43 characters of base64url.")
	case !utf8.ValidString(form.Get("nonce")):
		return fosite.ErrInvalidRequest.WithHint("nonce is not valid UTF-8; it goes into the ID token, which is JSON.")
	case len(form.Get("nonce")) > maxParameter:
		return fosite.ErrInvalidRequest.WithHintf("nonce is longer than %d bytes.", maxParameter)
	}
	return nil
}

// checkRepeats refuses a parameter that was sent twice, whichever it is (RFC 6749 sections 3.1 and 3.2): two readers
// could take a different one for meant.
func checkRepeats(form url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return fosite.ErrInvalidRequest.WithHintf("The parameter %s was sent twice.", name)
		}
	}
	return nil
}

// demand reads what the client asks of the sign-in.
func (p *Provider) demand(ctx context.Context, form url.Values, c client.Client, at time.Time) (assurance.Demand, error) {
	d := assurance.Demand{RequestedAt: at, LoginHint: form.Get("login_hint"), UILocales: form.Get("ui_locales"), WeakRecovery: p.levels.WeakRecovery}
	if len(d.LoginHint) > 254 || !utf8.ValidString(d.LoginHint) {
		d.LoginHint = "" // a hint that cannot be a name helps nobody
	}
	if !localesForm.MatchString(d.UILocales) {
		d.UILocales = "" // what no language is called must not lead to an error (OIDC Core 3.1.2.1), and takes up room
	}
	if err := readPrompt(&d, form.Get("prompt")); err != nil {
		return d, err
	}
	if err := readMaxAge(&d, form); err != nil {
		return d, err
	}
	if err := p.readHint(ctx, &d, form); err != nil {
		return d, err
	}
	acr, sub, err := readClaims(form.Get("claims"))
	if err != nil {
		return d, err
	}
	if err := readSubject(&d, sub); err != nil {
		return d, err
	}
	return d, readLevel(&d, p.levels, c, strings.Fields(form.Get("acr_values")), acr)
}

// readLevel finds out which level the client wants. OIDC Core 5.5.1.1 leaves open what holds when it says so in two ways:
// here the claims parameter does, which says more.
func readLevel(d *assurance.Demand, l assurance.Levels, c client.Client, values []string, acr claimRequest) error {
	if acr.listed {
		values = acr.values
	}
	if err := d.Ask(l, c.ACRNames, values, acr.listed && acr.essential); err != nil {
		return errUnmet.WithHint("No value of the essential claim acr is known; see acr_values_supported.")
	}
	return nil
}

// errUnmet is the error of OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
var errUnmet = &fosite.RFC6749Error{
	ErrorField: assurance.ErrorUnmet, DescriptionField: refusals[assurance.ErrorUnmet], CodeField: http.StatusBadRequest,
}

// readSubject takes the user from the claims parameter (OIDC Core 5.5.1).
func readSubject(d *assurance.Demand, sub claimRequest) error {
	switch {
	case !sub.listed:
		return nil
	case len(sub.values) != 1 || sub.values[0] == "" || len(sub.values[0]) > 255:
		return fosite.ErrInvalidRequest.WithHint("The claim sub can be asked for with one value.")
	case d.Subject != "" && d.Subject != sub.values[0]:
		return fosite.ErrInvalidRequest.WithHint("claims and id_token_hint name two users.")
	}
	d.Subject = sub.values[0]
	return nil
}

func readPrompt(d *assurance.Demand, prompt string) error {
	values := strings.Fields(prompt)
	for _, value := range values {
		switch value {
		case "none":
			d.PromptNone = true
		case "login":
			d.PromptLogin = true
		case "consent":
			d.PromptConsent = true
		case "select_account":
			d.PromptSelectAccount = true
		default:
			return fosite.ErrInvalidRequest.WithHint("prompt knows none, login, consent and select_account.")
		}
	}
	if d.PromptNone && len(values) > 1 {
		return fosite.ErrInvalidRequest.WithHint("prompt=none goes with no other value.")
	}
	return nil
}

func readMaxAge(d *assurance.Demand, form url.Values) error {
	if !form.Has("max_age") {
		return nil
	}
	seconds, err := strconv.ParseUint(form.Get("max_age"), 10, 31)
	if err != nil {
		return fosite.ErrInvalidRequest.WithHint("max_age must be a whole number of seconds.")
	}
	d.HasMaxAge, d.MaxAge = true, time.Duration(seconds)*time.Second
	if seconds == 0 { // the same as prompt=login (OIDC Core 3.1.2.1)
		d.PromptLogin = true
	}
	return nil
}

// readHint takes the user from an ID token that we made for somebody. It may have expired.
func (p *Provider) readHint(ctx context.Context, d *assurance.Demand, form url.Values) error {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	err := p.keys.Verify(ctx, hint, &claims)
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return storeFault{err}
	case err != nil || claims.Issuer != p.issuer || claims.Subject == "":
		return fosite.ErrInvalidRequest.WithHint("id_token_hint is not an ID token of this server.")
	}
	d.Subject = claims.Subject
	return nil
}
