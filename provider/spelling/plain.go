package spelling

import (
	"regexp"
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

// pathForm leaves nothing that http.ServeMux, an address or a cookie would understand in another way.
var pathForm = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)*$`)

// IsPathPrefix reports whether all addresses of a server may begin with s: nothing, or a path such as /id or /our/id, of
// letters, digits, hyphens and underscores, without a slash at its end.
func IsPathPrefix(s string) bool { return pathForm.MatchString(s) }
