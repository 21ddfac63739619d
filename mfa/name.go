package mfa

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// NameKey is what names of authenticators are compared by: two with one key look the same, in capitals or small letters,
// wide or narrow, with accents in one part or two, with characters that nobody sees or spaces of another kind.
func NameKey(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return visible(r)
	}, name)
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(seen)))
	return strings.Join(strings.Fields(folded), " ")
}

// blank is the pattern of Braille without dots.
const blank = '\u2800'

// visible drops or replaces what could make a name look like another, or turn the page's text round.
func visible(r rune) rune {
	hidden := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.Is(unicode.Variation_Selector, r) && r != emoji
	switch {
	case r == blank:
		return ' '
	case hidden || r == utf8.RuneError:
		return -1
	}
	return r
}

// emoji asks for the colourful form of the character before it.
const emoji = '\ufe0f'
