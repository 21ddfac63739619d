package spelling

import (
	"strings"
	"unicode"
)

// IsPlain reports whether s is made of the characters that need no escape in an address (RFC 3986 section 2.3), and is not
// empty.
func IsPlain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// IsInvisible reports whether r shows nothing, or changes how others are shown.
func IsInvisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u2800' // a blank
}
