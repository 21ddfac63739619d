package mfa

import "unicode"

// IsSeparator reports whether r is what people, and apps that copy, put between the digits of a code or the letters of a
// key: spaces of any kind, dashes, dots, and marks that cannot be seen.
func IsSeparator(r rune) bool {
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '\u2212' || r == '.' || r == '·'
}
