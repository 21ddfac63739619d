package provider

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/fosite"
)

// Demand is what the client asks of the sign-in, parsed once (OIDC Core 3.1.2.1).
type Demand struct {
	None          bool          `json:"none,omitempty"`           // prompt=none
	Login         bool          `json:"login,omitempty"`          // prompt=login or max_age=0
	Consent       bool          `json:"consent,omitempty"`        // prompt=consent
	SelectAccount bool          `json:"select_account,omitempty"` // prompt=select_account
	HasMaxAge     bool          `json:"has_max_age,omitempty"`
	MaxAge        time.Duration `json:"max_age,omitempty"` // whole seconds
	ACRValues     []string      `json:"acr_values,omitempty"`
	LoginHint     string        `json:"login_hint,omitempty"`
	Subject       string        `json:"subject,omitempty"` // from id_token_hint: only this user will do
	RequestedAt   time.Time     `json:"requested_at"`
}

// TwoSteps reports whether the client prefers a second factor above all: acr_values are in
// order of preference.
func (d Demand) TwoSteps() bool {
	return len(d.ACRValues) > 0 && slices.Contains(levelTwoNames, d.ACRValues[0])
}

const (
	maxRequest   = 16 << 10 // bytes of an authorization request, all parameters together
	maxParameter = 2048     // bytes of state or nonce: more is refused, not cut
)

// challengeForm is what SHA-256 in base64url looks like (RFC 7636 section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// check refuses what fosite would let pass, or would only find after the user has signed in. client and redirect
// URI are known by now, so that each fault goes to the client.
func (p *Provider) check(form url.Values, client Client) error {
	switch method, challenge := form.Get("code_challenge_method"), form.Get("code_challenge"); {
	case challenge == "" && method != "":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method was sent without code_challenge.")
	case challenge == "" && client.Public:
		return fosite.ErrInvalidRequest.WithHint("A public client must use PKCE: send code_challenge and code_challenge_method=S256.")
	case challenge != "" && method != "S256":
		return fosite.ErrInvalidRequest.WithHint("code_challenge_method must be S256.")
	case challenge != "" && !challengeForm.MatchString(challenge):
		return fosite.ErrInvalidRequest.WithHint("code_challenge must be 43 characters of base64url.")
	case len(form.Get("nonce")) > maxParameter:
		return fosite.ErrInvalidRequest.WithHintf("nonce is longer than %d bytes.", maxParameter)
	case form.Has("response_mode") && form.Get("response_mode") != "query":
		return fosite.ErrUnsupportedResponseMode.WithHint("The only response_mode is query.")
	}
	return nil
}

// duplicate returns the name of a parameter that was sent twice (RFC 6749 section 3.1).
func duplicate(form url.Values) (string, bool) {
	for name, values := range form {
		if len(values) > 1 {
			return name, true
		}
	}
	return "", false
}

// demand reads what the client asks of the sign-in.
func (p *Provider) demand(form url.Values, at time.Time) (Demand, error) {
	d := Demand{RequestedAt: at, LoginHint: form.Get("login_hint"), ACRValues: strings.Fields(form.Get("acr_values"))}
	if len(d.LoginHint) > 254 {
		d.LoginHint = "" // a hint that cannot be a name helps nobody
	}
	if err := d.readPrompt(form.Get("prompt")); err != nil {
		return d, err
	}
	if err := d.readMaxAge(form); err != nil {
		return d, err
	}
	return d, p.readHint(&d, form)
}

func (d *Demand) readPrompt(prompt string) error {
	values := strings.Fields(prompt)
	for _, value := range values {
		switch value {
		case "none":
			d.None = true
		case "login":
			d.Login = true
		case "consent":
			d.Consent = true
		case "select_account":
			d.SelectAccount = true
		default:
			return fosite.ErrInvalidRequest.WithHint("prompt knows none, login, consent and select_account.")
		}
	}
	if d.None && len(values) > 1 {
		return fosite.ErrInvalidRequest.WithHint("prompt=none goes with no other value.")
	}
	return nil
}

func (d *Demand) readMaxAge(form url.Values) error {
	if !form.Has("max_age") {
		return nil
	}
	seconds, err := strconv.ParseUint(form.Get("max_age"), 10, 31)
	if err != nil {
		return fosite.ErrInvalidRequest.WithHint("max_age must be a whole number of seconds.")
	}
	d.HasMaxAge, d.MaxAge = true, time.Duration(seconds)*time.Second
	if seconds == 0 { // the same as prompt=login (OIDC Core 3.1.2.1)
		d.Login = true
	}
	return nil
}

// readHint takes the user from an ID token that we made for somebody. It may have expired.
func (p *Provider) readHint(d *Demand, form url.Values) error {
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if err := p.keys.verify(hint, &claims); err != nil || claims.Issuer != p.issuer || claims.Subject == "" {
		return fosite.ErrInvalidRequest.WithHint("id_token_hint is not an ID token of this server.")
	}
	d.Subject = claims.Subject
	return nil
}
