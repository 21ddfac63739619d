package totp

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"vestibule/mfa"
)

// Lengths of a secret in bytes. RFC 4226 section 4 asks for 128 bits; some products make 80.
const (
	goodSecret  = 16
	shortSecret = 10
	longSecret  = 128
)

// ParseSecret reads a secret that another product has made: in base32, in whatever groups and case, or an
// otpauth://totp/ URI, which says the settings too. An error never repeats any of it. short: 80 bits are enough.
func ParseSecret(text string, short bool) (Portable, error) {
	p := Portable{Params: usual}
	text = strings.TrimSpace(text)
	if strings.Contains(text, ":") {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "otpauth" {
			return Portable{}, errors.New("the secret is neither base32 nor an otpauth:// URI")
		}
		if u.Host != "totp" {
			return Portable{}, errors.New("the otpauth URI is not of type totp: only codes by the time are supported")
		}
		query := u.Query()
		if p.Params, err = paramsOf(query); err != nil {
			return Portable{}, fmt.Errorf("the otpauth URI: %w", err)
		}
		text = query.Get("secret")
	}
	secret, err := decodeSecret(text)
	switch {
	case err != nil:
		return Portable{}, err
	case len(secret) < shortSecret:
		return Portable{}, fmt.Errorf("the secret has %d bits, too few to be safe; the least is 80", 8*len(secret))
	case len(secret) < goodSecret && !short:
		return Portable{}, fmt.Errorf("the secret has %d bits; RFC 4226 asks for 128", 8*len(secret))
	case len(secret) > longSecret:
		return Portable{}, fmt.Errorf("the secret has %d bits, which no authenticator app takes", 8*len(secret))
	}
	p.Secret = base32NoPad.EncodeToString(secret)
	return p, nil
}

func decodeSecret(text string) ([]byte, error) {
	text = strings.Map(func(r rune) rune {
		if mfa.IsSeparator(r) || r == '=' {
			return -1
		}
		return r
	}, text)
	secret, err := base32NoPad.DecodeString(strings.ToUpper(text))
	if err != nil || text == "" {
		return nil, errors.New("the secret is not base32: letters, and digits from 2 to 7")
	}
	if rest := len(text) % 8; rest == 1 || rest == 3 || rest == 6 {
		return nil, errors.New("the secret is cut off: its letters make no whole number of bytes")
	}
	return secret, nil
}

// paramsOf reads the parameters of an otpauth URI. What is not there is usual.
func paramsOf(query url.Values) (Params, error) {
	p := usual
	if text := query.Get("algorithm"); text != "" {
		p.Algorithm = strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(text, "-", "")), "HMAC")
	}
	for name, field := range map[string]*int{"digits": &p.Digits, "period": &p.Period} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return Params{}, fmt.Errorf("%s is not a number", name)
		}
		*field = n
	}
	if slices.ContainsFunc([]string{"secret", "algorithm", "digits", "period"}, func(name string) bool { return len(query[name]) > 1 }) {
		return Params{}, errors.New("it says something twice")
	}
	return p, p.Check()
}
