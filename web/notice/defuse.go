package notice

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// linkLike is what mail programs make links of, and some more: a scheme, a dot before a letter, an address of four
// numbers, an address of mail.
var linkLike = regexp.MustCompile(`(?i)\pL[\pL\pN+.-]*:\S|//|\S[.]\pL|\d[.]\d+[.]\d+[.]\d|\bwww|\S@\S`)

// defused is a name that somebody chose, for a letter that everybody trusts. Empty: it would become a link, and the letter
// goes without it. Whoever has the password chooses names, and must not send our users anywhere.
func defused(name string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Mn, r), unicode.IsControl(r): // what nobody sees
			return -1
		case r == '。': // a dot in names of hosts, as its other forms are by NFKC
			return '.'
		}
		return r
	}, norm.NFKC.String(name))
	if linkLike.MatchString(plain) {
		return ""
	}
	return strings.ReplaceAll(quotable(name), `"`, "'")
}
