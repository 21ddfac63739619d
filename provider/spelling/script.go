package spelling

import (
	"strings"
	"unicode"
)

// together are the sets of scripts that are written beside each other: restriction level "highly restrictive" of UTS #39
// section 5.2. All else in more than one script, such as Latin with Cyrillic letters, could be made to look like a name
// that is in one.
var together = [][]*unicode.RangeTable{
	{unicode.Latin, unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Latin, unicode.Han, unicode.Bopomofo},
	{unicode.Latin, unicode.Han, unicode.Hangul},
}

// OneScript reports whether the letters of text are of one script, or of some that go together, and its digits of one
// set.
func OneScript(text string) bool {
	if !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return true // Latin, and what goes with all
	}
	var script *unicode.RangeTable
	var zero rune
	fits, whole := true, [3]bool{true, true, true}
	for _, r := range text {
		if unicode.Is(unicode.Nd, r) {
			if z := zeroOf(r); zero != 0 && z != zero {
				return false
			} else {
				zero = z
			}
		}
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		if script == nil {
			script = scriptOf(r)
		}
		fits = fits && script != nil && unicode.Is(script, r)
		for i, set := range together {
			whole[i] = whole[i] && unicode.In(r, set...)
		}
	}
	return fits || whole[0] || whole[1] || whole[2]
}

// scriptOf returns the script of a letter, or nil.
func scriptOf(r rune) *unicode.RangeTable {
	for _, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return table
		}
	}
	return nil
}

// zeroOf returns the zero of the set of digits that r is of: sets have ten in a row.
func zeroOf(r rune) rune {
	for unicode.Is(unicode.Nd, r-1) {
		r--
	}
	return r
}
