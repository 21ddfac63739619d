package catalogue

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is the texts in one language.
type Language struct {
	Lang string // its tag, as the attribute lang has it
	Dir  string // ltr or rtl, as the attribute dir has it

	tag       language.Tag
	localizer *i18n.Localizer
	messages  map[string]*i18n.Message
	fixed     map[string]template.HTML // the texts without placeholders, escaped
	parts     map[string]parsed        // those with placeholders and without plural forms, escaped
}

// Values are what placeholders stand for, by name: strings, ints, and for HTML also template.HTML and Pair.
type Values map[string]any

// Pairs are values as a template writes them: in turn the names of the placeholders of a text and what they stand for; nil if
// there are none.
func Pairs(id string, pairs []any) (Values, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("text %s: a name without a value", id)
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	values := Values{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("text %s: %v is not a name", id, pairs[i])
		}
		values[name] = pairs[i+1]
	}
	return values, nil
}

// Pair is markup around a part of a text, such as a link.
type Pair struct{ Open, Close template.HTML }

func newLanguage(bundle *i18n.Bundle, file *i18n.MessageFile) *Language {
	l := &Language{
		Lang: file.Tag.String(), Dir: direction(file.Tag), tag: file.Tag,
		localizer: i18n.NewLocalizer(bundle, file.Tag.String()), messages: map[string]*i18n.Message{}, fixed: map[string]template.HTML{}, parts: map[string]parsed{},
	}
	for _, m := range file.Messages {
		l.messages[m.ID] = m
		l.prepare(m)
	}
	return l
}

// prepare escapes a text that is not chosen by a number: only for those does HTML ask go-i18n.
func (l *Language) prepare(m *i18n.Message) {
	delete(l.fixed, m.ID)
	delete(l.parts, m.ID)
	switch {
	case hasForms(m) || m.Other == "":
	case strings.ContainsRune(m.Other, '{'):
		l.parts[m.ID] = parse(m.Other).with(template.HTMLEscapeString)
	default:
		l.fixed[m.ID] = template.HTML(template.HTMLEscapeString(m.Other))
	}
}

// borrow says in English what the language lacks.
func (l *Language) borrow(english *Language) {
	for id, m := range english.messages {
		if l.messages[id] != nil {
			continue
		}
		l.messages[id] = m
		l.prepare(m)
	}
}

// reword has the texts of own stand in the place of others.
func (l *Language) reword(own *Language) {
	for id, m := range own.messages {
		l.messages[id] = m
		l.prepare(m)
	}
}

// HTML returns the text with that ID for a page. A string stands for itself and is escaped, as the text around it is. A
// text that is not there is shown as its ID.
func (l *Language) HTML(id string, v Values) template.HTML {
	if text, ok := l.fixed[id]; ok {
		return text
	}
	if parts, ok := l.parts[id]; ok {
		return template.HTML(parts.fill(filling{v, filler{same, l.markup}}))
	}
	return template.HTML(l.fill(id, v, filler{template.HTMLEscapeString, l.markup}))
}

// Text is HTML without markup, for mail, files and JSON.
func (l *Language) Text(id string, v Values) string {
	return l.fill(id, v, filler{same, l.Value})
}

func (l *Language) fill(id string, v Values, f filler) string {
	config := &i18n.LocalizeConfig{MessageID: id, TemplateData: filling{v, f}, TemplateParser: parser{}}
	if m := l.messages[id]; m != nil && hasForms(m) {
		config.PluralCount = count(v["n"])
	}
	text, err := l.localizer.Localize(config)
	if err != nil && text == "" {
		return f.text(id)
	}
	return text
}

// plural returns the text for a number, with its placeholders. The error says that the language lacks the form.
func (l *Language) plural(id string, n int) (string, error) {
	return l.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: filling{nil, filler{text: same}}, TemplateParser: parser{}})
}

func same(text string) string { return text }

// count is what go-i18n chooses the plural form by; nil: there is none to choose by.
func count(n any) any {
	switch n := n.(type) {
	case int:
		return n
	case string:
		if n, err := strconv.Atoi(n); err == nil {
			return n
		}
	}
	return nil
}

// markup is the value of a placeholder in a page.
func (l *Language) markup(name string, value any) string {
	switch value := value.(type) {
	case template.HTML:
		return string(value)
	case Pair:
		if strings.HasPrefix(name, "/") {
			return string(value.Close)
		}
		return string(value.Open)
	}
	if text, ok := value.(string); ok && name == "at" {
		return string(l.Clock(text))
	}
	return template.HTMLEscapeString(l.Value(name, value))
}

// Value is what a placeholder of that name shows for a value, without markup.
func (l *Language) Value(name string, value any) string {
	switch value := value.(type) {
	case int:
		return strconv.Itoa(value)
	case string:
		return l.named(name, value)
	}
	return "" // markup
}

// Forms returns the text by plural form, for a script that fills in {n}: placeholders are left as they are.
func (l *Language) Forms(id string) map[string]string {
	forms := map[string]string{}
	if m := l.messages[id]; m != nil {
		maps.Copy(forms, formsOf(m))
	}
	return forms
}

// IDs returns those of all texts, in order.
func (l *Language) IDs() []string { return slices.Sorted(maps.Keys(l.messages)) }

// Has reports whether there is a text with that ID.
func (l *Language) Has(id string) bool { return l.messages[id] != nil }

// Placeholders returns the names in the text, each once and in order; a pair has two, a and /a.
func (l *Language) Placeholders(id string) []string {
	m := l.messages[id]
	if m == nil {
		return nil
	}
	return names(m.Other)
}

// hasForms reports whether the text has more than the one form that all texts have.
func hasForms(m *i18n.Message) bool { return m.Zero+m.One+m.Two+m.Few+m.Many != "" }

// formsOf returns the plural forms that a text has.
func formsOf(m *i18n.Message) map[string]string {
	forms := map[string]string{"zero": m.Zero, "one": m.One, "two": m.Two, "few": m.Few, "many": m.Many, "other": m.Other}
	maps.DeleteFunc(forms, func(_, text string) bool { return text == "" })
	return forms
}
