// Package clientjwt reads what clients sign: assertions, by which they say who they are (RFC 7523 section 3, OIDC Core section
// 9), and request objects, in which they say what they want (RFC 9101, OIDC Core section 6). It checks what is in them, and
// leaves the signature to keyset and single use to a Store.
package clientjwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vestibule/provider/keyset"
)

// leeway is how far the clock of a client may be off.
const leeway = 30 * time.Second

// claimSet is the claims of a JWT by their names, as they are spelt.
type claimSet map[string]json.RawMessage

func readClaims(t *keyset.Token) (claimSet, error) {
	var c claimSet
	if err := json.Unmarshal(t.Claims, &c); err != nil || c == nil {
		return nil, errors.New("its claims are no JSON object")
	}
	return c, nil
}

// text returns a claim that must be a string; empty: it is not there.
func (c claimSet) text(name string) (string, error) {
	raw, ok := c[name]
	if !ok {
		return "", nil
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil || value == nil || *value == "" {
		return "", fmt.Errorf("%s is no string with something in it", name)
	}
	return *value, nil
}

// instant returns a claim that must be a time (RFC 7519 section 2); zero: it is not there.
func (c claimSet) instant(name string) (time.Time, error) {
	raw, ok := c[name]
	if !ok {
		return time.Time{}, nil
	}
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil || *seconds < 1 || *seconds > 1<<40 {
		return time.Time{}, fmt.Errorf("%s is no number of seconds since 1970", name)
	}
	whole, part := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// audience returns aud, and whether it is a single string.
func (c claimSet) audience() (all []string, single bool, err error) {
	raw, ok := c["aud"]
	if !ok {
		return nil, false, nil
	}
	var one *string
	if json.Unmarshal(raw, &one) == nil && one != nil {
		return []string{*one}, true, nil
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 || slices.Contains(all, "") {
		return nil, false, errors.New("aud is neither a string nor a list of them")
	}
	return all, false, nil
}

// checkTimes honours exp, nbf and iat where they are there, and returns exp.
func (c claimSet) checkTimes(now time.Time) (expires time.Time, err error) {
	expires, err = c.instant("exp")
	if err != nil {
		return expires, err
	}
	if !expires.IsZero() && !now.Before(expires.Add(leeway)) {
		return expires, errors.New("it has expired")
	}
	for _, name := range []string{"nbf", "iat"} {
		from, err := c.instant(name)
		if err != nil {
			return expires, err
		}
		if from.After(now.Add(leeway)) {
			return expires, fmt.Errorf("its %s is in the future; set the clock of the client", name)
		}
	}
	return expires, nil
}

// typed reports whether a type that a JWT says it has is one of these, with or without application/ in front (RFC 7515
// section 4.1.9).
func typed(t *keyset.Token, names ...string) bool {
	name := strings.TrimPrefix(strings.ToLower(t.Type), "application/")
	return slices.Contains(names, name)
}
