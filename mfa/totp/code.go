package totp

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"vestibule/mfa"
)

// Steps around the present one. Accepted are the previous, the present and the next, whatever their length; older
// ones are looked up only to say that a code has expired.
const (
	drift = 1
	hint  = 10
)

// helpTime is how far a clock may be off for a set-up to say by how much. The clock of a phone that was set by hand to
// the time of a neighbouring zone, or to summer time, is off by an hour and some minutes.
const helpTime = 65 * time.Minute

var base32NoPad = base32.StdEncoding.WithPadding(base32.NoPadding)

// device is an authenticator app. Its Counter is the last accepted step.
type device struct {
	mfa.Credential
	params Params
}

// devicesOf reads the settings of authenticator apps.
func devicesOf(all []mfa.Credential) ([]device, error) {
	devices := make([]device, len(all))
	for i, c := range all {
		params, err := ParseParams(c.Params)
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", c.ID, err)
		}
		devices[i] = device{c, params}
	}
	return devices, nil
}

// code is the code of a step (RFC 6238 section 4.2).
func (d device) code(step int64) (string, error) {
	alg, ok := algorithms[d.params.Algorithm]
	if !ok {
		return "", fmt.Errorf("authenticator %s: unknown algorithm %q", d.ID, d.params.Algorithm)
	}
	opts := hotp.ValidateOpts{Digits: otp.Digits(d.params.Digits), Algorithm: alg.hash}
	return hotp.GenerateCodeCustom(base32NoPad.EncodeToString(d.Secret), uint64(step), opts)
}

func (d device) step(now time.Time) int64 { return now.Unix() / int64(d.params.Period) }

// wait is how many seconds it takes until the authenticator shows another code than that of step.
func (d device) wait(step int64, now time.Time) int {
	next := max(step, d.step(now)) + 1
	return int(next*int64(d.params.Period) - now.Unix())
}

// verdict is what a typed code is to a device; a greater one beats a lesser.
type verdict int

const (
	wrong verdict = iota
	clockOff
	expired
	used
	right
)

// match is where a typed code was found.
type match struct {
	verdict verdict
	device  device
	step    int64
	offset  int // in steps, from the present one
}

// search compares the typed code with the codes of all devices, from so many steps ago to so many from now. It makes
// all codes and compares them all, so that its time tells nothing.
func search(devices []device, typed string, now time.Time, behind, ahead int) (match, error) {
	var best match
	for _, d := range devices {
		for offset := -behind; offset <= ahead; offset++ {
			step := d.step(now) + int64(offset)
			code, err := d.code(step)
			if err != nil {
				return match{}, err
			}
			same := subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1
			if v := judge(offset, step, d.Counter); same && v > best.verdict {
				best = match{v, d, step, offset}
			}
		}
	}
	return best, nil
}

func judge(offset int, step, last int64) verdict {
	switch {
	case step == last:
		return used
	case offset > drift:
		return clockOff
	case offset < -drift, step < last:
		return expired
	}
	return right
}

// normalise returns the ASCII digits of a typed code. Separators are dropped, and the digits of
// other keyboards mapped: full-width, Arabic-Indic, extended Arabic-Indic.
func normalise(typed string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case mfa.IsSeparator(r):
			return -1
		case '０' <= r && r <= '９':
			return r - '０' + '0'
		case '٠' <= r && r <= '٩':
			return r - '٠' + '0'
		case '۰' <= r && r <= '۹':
			return r - '۰' + '0'
		}
		return r
	}, typed)
}

// lengths are how many digits the devices' codes may have.
func lengths(devices []device) []int {
	digits, _ := formats(paramsOfAll(devices))
	return digits
}

func paramsOfAll(devices []device) []Params {
	all := make([]Params, len(devices))
	for i, d := range devices {
		all[i] = d.params
	}
	return all
}

// parseCode returns a typed code in the form that is compared. Its length must be one of those given.
func parseCode(typed string, lengths []int) (string, error) {
	code := normalise(typed)
	switch {
	case strings.ContainsFunc(code, unicode.IsLetter), utf8.RuneCountInString(code) >= 10:
		return "", mfa.ErrLooksLikeRecovery
	case strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }):
		return "", refusedFormat(lengths)
	case !slices.Contains(lengths, len(code)):
		return "", refusedFormat(lengths)
	}
	return code, nil
}

// uri is what the QR code says. Algorithm, digits and period are left out where they are what every
// app takes for granted: the QR code gets two sizes smaller. A space is %20: apps show a plus
// as it stands. The issuer must not hold a colon, which would end it.
func uri(issuer, account string, secret []byte, params Params) string {
	issuer = strings.ReplaceAll(issuer, ":", "")
	return "otpauth://totp/" + escape(issuer) + ":" + escape(account) +
		"?secret=" + base32NoPad.EncodeToString(secret) + "&issuer=" + escape(issuer) + params.parameters()
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
