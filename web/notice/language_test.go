package notice

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"vestibule/web/catalogue"
)

// TestLettersInAnotherLanguage writes each letter in a language of one letter: what a letter says in others is data, or
// was left behind.
func TestLettersInAnotherLanguage(t *testing.T) {
	var file strings.Builder
	english, placeholder := english(), regexp.MustCompile(`\{/?[a-z]+\}|\pL`)
	for _, id := range english.IDs() {
		fmt.Fprintf(&file, "[%q]\n", id)
		for form, text := range english.Forms(id) {
			fmt.Fprintf(&file, "%s = %q\n", form, placeholder.ReplaceAllStringFunc(text, func(found string) string {
				if strings.HasPrefix(found, "{") {
					return found
				}
				return "ж"
			}))
		}
	}
	set, err := catalogue.New(fstest.MapFS{"de.toml": {Data: []byte(file.String())}})
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
