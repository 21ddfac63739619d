package catalogue

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// placeholder is a name in braces. Texts are not templates of Go: a translation can name a value, and do nothing with it.
var placeholder = regexp.MustCompile(`\{(/?[a-z]+)\}`)

// names returns the names in a text, each once and in order.
func names(text string) []string {
	var all []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stray reports whether the text has a brace that is not one of a placeholder.
func stray(text string) bool {
	return strings.ContainsAny(placeholder.ReplaceAllString(text, ""), "{}")
}

// filler makes a text of its parts.
type filler struct {
	text  func(string) string                 // what stands between placeholders
	value func(name string, value any) string // what stands for them
}

// filling is a filler with its values.
type filling struct {
	values Values
	filler
}

// parser implements go-i18n's template.Parser.
type parser struct{}

func (parser) Cacheable() bool { return true }

func (parser) Parse(src, _, _ string) (template.ParsedTemplate, error) { return parse(src), nil }

func parse(src string) (p parsed) {
	for at := 0; ; {
		m := placeholder.FindStringSubmatchIndex(src[at:])
		if m == nil {
			return append(p, part{text: src[at:]})
		}
		p = append(p, part{src[at : at+m[0]], src[at+m[2] : at+m[3]]})
		at += m[1]
	}
}

// part is text, and the placeholder after it.
type part struct{ text, name string }

type parsed []part

// with returns the parts with what f makes of the text in them.
func (p parsed) with(f func(string) string) (made parsed) {
	for _, part := range p {
		part.text = f(part.text)
		made = append(made, part)
	}
	return made
}

// Execute is fill for go-i18n.
func (p parsed) Execute(data any) (string, error) {
	f, ok := data.(filling)
	if !ok {
		return "", errors.New("texts are filled in by Language")
	}
	return p.fill(f), nil
}

// fill fills in the values once: what is in a value is no placeholder. One without a value is left as it is.
func (p parsed) fill(f filling) string {
	var b strings.Builder
	for _, part := range p {
		b.WriteString(f.text(part.text))
		if part.name == "" {
			continue
		}
		if value, ok := f.values[strings.TrimPrefix(part.name, "/")]; ok {
			b.WriteString(f.value(part.name, value))
		} else {
			b.WriteString(f.text("{" + part.name + "}"))
		}
	}
	return b.String()
}
