package clientjwt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"vestibule/provider/keyset"
)

// ReadRequestObject reads a request object, and believes nothing of it.
func ReadRequestObject(raw string) (*keyset.Token, error) {
	token, err := keyset.ParseToken(raw)
	if err == nil && !typed(token, "", "jwt", "oauth-authz-req+jwt") {
		return nil, errors.New("its typ is that of another kind of JWT")
	}
	return token, err
}

// Request is the request around a request object.
type Request struct {
	Issuer string // of this server
	Client string // that has sent it
	Form   url.Values
	Dated  bool // it must say when it is good, for an hour at most, and for whom (FAPI 2.0 Message Signing section 5.3.1)
	Alone  bool // what stands beside the request object counts for nothing (RFC 9101 section 5)
}

// lists are the parameters that may be sent several times, so that a list is that (RFC 8707 section 2).
var lists = []string{"resource"}

// registered are the claims that speak of the JWT, and are no parameters (RFC 7519 section 4.1).
var registered = []string{"iss", "aud", "exp", "nbf", "iat", "jti", "sub"}

// Parameters checks all but the signature, and returns the parameters of the request: those in the request object, which win,
// and beside them those around it, unless they count for nothing. client_id and response_type are the same in both if
// they are in both (OIDC Core section 6.1).
func (r Request) Parameters(token *keyset.Token, now time.Time) (url.Values, error) {
	claims, err := readClaims(token)
	if err != nil {
		return nil, err
	}
	if err := r.check(claims, now); err != nil {
		return nil, err
	}
	form := url.Values{}
	if !r.Alone {
		form = cloneForm(r.Form)
	}
	for name, raw := range claims {
		if slices.Contains(registered, name) {
			continue
		}
		if form[name], err = values(name, raw); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"client_id", "response_type"} {
		if around := r.Form.Get(name); around != "" && form.Get(name) != "" && around != form.Get(name) {
			return nil, fmt.Errorf("%s is another one than in the request around it", name)
		}
	}
	form.Set("client_id", r.Client)
	form.Del("request")
	form.Del("request_uri")
	return form, nil
}

// Answer is the request of a request object that was not accepted, as far as the answer needs it: state and response_mode of
// the request object are in the place of those around it. Nothing vouches for them there, as nothing does here.
func (r Request) Answer(token *keyset.Token) url.Values {
	form := cloneForm(r.Form)
	claims, err := readClaims(token)
	if err != nil {
		return form
	}
	for _, name := range []string{"state", "response_mode"} {
		if value, err := claims.text(name); err == nil && value != "" {
			form.Set(name, value)
		}
	}
	return form
}

// check checks who it is from and for whom, and when.
func (r Request) check(claims claimSet, now time.Time) error {
	for _, name := range []string{"request", "request_uri"} {
		if _, ok := claims[name]; ok {
			return fmt.Errorf("%s must not be in a request object", name)
		}
	}
	from, err := claims.text("iss")
	if err != nil {
		return err
	}
	subject, err := claims.text("sub")
	if err != nil {
		return err
	}
	to, _, err := claims.audience()
	switch {
	case err != nil:
		return err
	case from != "" && from != r.Client:
		return errors.New("iss is not the client_id")
	case subject == r.Client: // it could be an assertion (RFC 9101 section 10.8)
		return errors.New("sub must not be the client_id")
	case len(to) > 0 && !slices.Contains(to, r.Issuer):
		return fmt.Errorf("aud is not %s", r.Issuer)
	}
	expires, err := claims.checkTimes(now)
	if err != nil || !r.Dated {
		return err
	}
	return claims.checkDates(expires, now)
}

// datedLife is how old and how long good a request object may be that must be Dated.
const datedLife = time.Hour

// checkDates wants aud, exp and nbf to be there, and the time between the last two to be short.
func (c claimSet) checkDates(expires, now time.Time) error {
	from, err := c.instant("nbf")
	switch {
	case err != nil:
		return err
	case c["aud"] == nil || expires.IsZero() || from.IsZero():
		return errors.New("aud, exp and nbf must be in it")
	case now.Sub(from) > datedLife+leeway:
		return fmt.Errorf("its nbf is more than %d minutes ago", datedLife/time.Minute)
	case expires.Sub(from) > datedLife:
		return fmt.Errorf("its exp is more than %d minutes after its nbf", datedLife/time.Minute)
	}
	return nil
}

func cloneForm(form url.Values) url.Values {
	c := url.Values{}
	for name, values := range form {
		c[name] = slices.Clone(values)
	}
	return c
}

// values returns a member as the parameter has it in an address: a number or a structure as its JSON (RFC 9101 section 4).
func values(name string, raw json.RawMessage) ([]string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, fmt.Errorf("%s is null; leave it out", name)
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return []string{text}, err
	case raw[0] == '[' && slices.Contains(lists, name):
		var all []string
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("%s is no list of strings", name)
		}
		return all, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, err
	}
	return []string{compact.String()}, nil
}
