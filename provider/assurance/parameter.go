package assurance

import (
	"errors"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vestibule/provider/claims"
)

// ParameterError says what is wrong with a parameter of a request.
type ParameterError struct{ Text string } // for the makers of the client

func (e *ParameterError) Error() string { return e.Text }

// localesForm is tags of languages (RFC 5646), as many as a person speaks.
var localesForm = regexp.MustCompile(`^[A-Za-z0-9 -]{1,100}$`)

// Request is the demand of an authorization request that came at that time, of a client without names of levels of its
// own.
//
// hinted is the subject of the ID token that the request has as id_token_hint: only that user will do (OIDC Core 3.1.2.1).
// Whoever calls knows by its signature and its issuer that it is one of its own, expired or not; what is no such token has
// the subject "". A request with a hint of nobody is an error, so that none is passed over.
//
// Outcomes: those of Demand.Read.
func (l Levels) Request(form url.Values, at time.Time, hinted string) (Demand, error) {
	d := Demand{RequestedAt: at, WeakRecovery: l.WeakRecovery, Subject: hinted}
	if hinted == "" && form.Get("id_token_hint") != "" {
		return d, &ParameterError{"id_token_hint is not an ID token of this server."}
	}
	err := d.Read(form, l, nil)
	return d, err
}

// Read adds what an authorization request asks of the sign-in (OIDC Core 3.1.2.1) by prompt, max_age, acr_values, claims,
// login_hint and ui_locales; own are the client's own names of levels, nil for none. A subject that is known already must
// be the one that claims asks for. Outcomes: *ParameterError; ErrUnknownACR.
func (d *Demand) Read(form url.Values, l Levels, own map[string][]string) error {
	d.LoginHint, d.UILocales = form.Get("login_hint"), form.Get("ui_locales")
	if len(d.LoginHint) > 254 || !utf8.ValidString(d.LoginHint) {
		d.LoginHint = "" // a hint that cannot be a name helps nobody
	}
	if !localesForm.MatchString(d.UILocales) {
		d.UILocales = "" // what no language is called must not lead to an error (OIDC Core 3.1.2.1), and takes up room
	}
	if err := d.readPrompt(form.Get("prompt")); err != nil {
		return err
	}
	if err := d.readMaxAge(form); err != nil {
		return err
	}
	wanted, err := claims.Parse(form.Get("claims"))
	if err != nil {
		return &ParameterError{err.Error() + "."}
	}
	if err := d.readSubject(wanted.IDToken["sub"]); err != nil {
		return err
	}
	if err := d.readLevel(l, own, strings.Fields(form.Get("acr_values")), wanted.IDToken["acr"]); err != nil {
		return err
	}
	return d.readMethods(l, wanted.IDToken["amr"])
}

// readLevel finds out which level the client wants. OIDC Core 5.5.1.1 leaves open what holds when it says so in two ways:
// here the claims parameter does, which says more.
func (d *Demand) readLevel(l Levels, own map[string][]string, values []string, acr claims.Wish) error {
	names, ok := acr.Texts()
	if !ok {
		return &ParameterError{"The values of the claim acr are texts."}
	}
	if acr.Listed {
		values = names
	}
	return d.Ask(l, own, values, acr.Listed && acr.Essential)
}

// readMethods finds out which level the methods stand for that the client wants to see in amr, and asks for that as for one
// that acr names. A value is a method or a list of some.
func (d *Demand) readMethods(l Levels, amr claims.Wish) error {
	lists, ok := amr.Lists()
	if !ok {
		return &ParameterError{"The values of the claim amr are texts, or lists of texts."}
	}
	return d.askMethods(l, lists, amr.Listed && amr.Essential)
}

// readSubject takes the user from the claims parameter (OIDC Core 5.5.1).
func (d *Demand) readSubject(sub claims.Wish) error {
	values, ok := sub.Texts()
	switch {
	case !sub.Listed:
		return nil
	case !ok || len(values) != 1 || values[0] == "" || len(values[0]) > 255:
		return &ParameterError{"The claim sub can be asked for with one value."}
	case d.Subject != "" && d.Subject != values[0]:
		return &ParameterError{"claims and id_token_hint name two users."}
	}
	d.Subject = values[0]
	return nil
}

func (d *Demand) readPrompt(prompt string) error {
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
			return &ParameterError{"prompt knows none, login, consent and select_account."}
		}
	}
	if d.PromptNone && len(values) > 1 {
		return &ParameterError{"prompt=none goes with no other value."}
	}
	return nil
}

func (d *Demand) readMaxAge(form url.Values) error {
	text := form.Get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if errors.Is(err, strconv.ErrRange) { // in that time no session lasts
		seconds, err = math.MaxInt32, nil
	}
	if err != nil {
		return &ParameterError{"max_age must be a whole number of seconds."}
	}
	d.HasMaxAge, d.MaxAge = true, time.Duration(seconds)*time.Second
	if seconds == 0 { // the same as prompt=login (OIDC Core 3.1.2.1)
		d.PromptLogin = true
	}
	return nil
}
