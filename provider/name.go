package provider

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// CanonicalName returns the one spelling of a user name or e-mail address that is stored and that
// guesses are counted under: NFC, trimmed, case-folded.
func CanonicalName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("a user name must be valid UTF-8")
	}
	name = norm.NFC.String(cases.Fold().String(norm.NFC.String(strings.TrimSpace(name))))
	if name == "" {
		return "", errors.New("a user name must not be empty")
	}
	if len(name) > 254 {
		return "", errors.New("a user name must not be longer than 254 bytes")
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return "", errors.New("a user name must not have spaces or control characters")
		}
	}
	return name, nil
}
