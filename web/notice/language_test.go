package notice

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"vestibule/web/catalogue/cataloguetest"
)

// TestLettersInAnotherLanguage writes each letter in a language of one letter: what a letter says in others is data, or
// was left behind.
func TestLettersInAnotherLanguage(t *testing.T) {
	letter := regexp.MustCompile(`\{/?[a-z]+\}|\pL`)
	set, err := cataloguetest.Translated("de", nil, func(_, text string) string {
		return letter.ReplaceAllStringFunc(text, func(found string) string {
			if strings.HasPrefix(found, "{") {
				return found
			}
			return "ж"
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	data := regexp.MustCompile(`https://\S+|Example ID|Phone|\bana\b|(?:id\.|help@)example\.com`)
	for _, kind := range kinds {
		for _, l := range forms(t, kind, &Sender{Language: set.Choose("de", "")}) {
			left := data.ReplaceAllString(l.Subject+"\n"+l.Body, "")
			if strings.ContainsFunc(left, func(r rune) bool { return unicode.IsLetter(r) && r != 'ж' }) || strings.ContainsAny(left, "{}") {
				t.Errorf("%s says\n%s", kind, left)
			}
		}
	}
}
