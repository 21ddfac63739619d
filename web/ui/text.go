package ui

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"vestibule/web/catalogue"
)

// localesKey is the key of the languages that the app has asked for, a *string, in the context of a request.
type localesKey struct{}

// WithLocales gives Prefer a place, in a request that no Route has.
func WithLocales(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), localesKey{}, new(string)))
}

// Prefer has the pages answer the request in one of these languages, if there is one: ui_locales of the app on whose way
// the request is.
func Prefer(r *http.Request, locales string) {
	if place, ok := r.Context().Value(localesKey{}).(*string); ok {
		*place = locales
	}
}

// Language is the one that the pages speak to whoever sent the request: of those that the app asks for, else of those that
// the browser does, else English.
func (p *Pages) Language(r *http.Request) *catalogue.Language {
	locales := ""
	if place, ok := r.Context().Value(localesKey{}).(*string); ok {
		locales = *place
	}
	return p.Texts.Choose(locales, r.Header.Get("Accept-Language"))
}

// Speak is Language, and says so in the headers of the answer.
func (p *Pages) Speak(w http.ResponseWriter, r *http.Request) *catalogue.Language {
	l := p.Language(r)
	speak(w, l)
	return l
}

func speak(w http.ResponseWriter, l *catalogue.Language) {
	w.Header().Set("Content-Language", l.Lang)
	w.Header().Add("Vary", "Accept-Language")
}

// HTML is the message in a language.
func (msg Message) HTML(l *catalogue.Language) template.HTML { return l.HTML(msg.ID, msg.values()) }

// Text is the message in a language, without markup.
func (msg Message) Text(l *catalogue.Language) string { return l.Text(msg.ID, msg.values()) }

// Apart is HTML that keeps the values, which are names that people have given, apart from the text around them.
func (msg Message) Apart(l *catalogue.Language) template.HTML {
	values := msg.values()
	for name, value := range values {
		values[name] = bdi(l.Value(name, value))
	}
	return l.HTML(msg.ID, values)
}

func (msg Message) values() catalogue.Values {
	values := catalogue.Values{}
	for name, value := range msg.Args {
		values[name] = value
	}
	return values
}

// functions are what templates say texts with, in that language. Everything that becomes markup is made here, of values
// that are escaped.
func functions(l *catalogue.Language) template.FuncMap {
	return template.FuncMap{
		"t":       func(id string, pairs ...any) (template.HTML, error) { return say(l, id, pairs) },
		"say":     func(msg Message) template.HTML { return msg.HTML(l) },
		"apart":   func(msg Message) template.HTML { return msg.Apart(l) },
		"invalid": invalid,
		"forms":   func(name, id string) template.HTMLAttr { return forms(l, name, id) },
		"contact": func(contact string) template.HTML { return contactOf(l, contact) },
		"agent":   l.Agent,
		"day":     func(t time.Time) string { return unbroken(l.Day(t)) },
		"from":    l.From, "span": l.Span, "second": l.Second, "stamp": stamp,
		"when":   func(t time.Time) template.HTML { return when(l, t) },
		"due":    func(t time.Time) template.HTML { return due(l, t) },
		"server": func(t time.Time) template.HTML { return server(l, t) },
		"bdi":    bdi, "strong": strong, "code": code, "unseen": unseen, "value": value, "link": link, "around": around, "element": element,
	}
}

// say is {{t "page.text" "name" .Value}}: a text, and in turn the names of its placeholders and what they stand for.
func say(l *catalogue.Language, id string, pairs []any) (template.HTML, error) {
	values, err := catalogue.Pairs(id, pairs)
	if err != nil {
		return "", err
	}
	return l.HTML(id, values), nil
}

// invalid are the attributes of a field with an error; nil: it has none. The only error of a page has the cursor.
func invalid(fault *Rendered) template.HTMLAttr {
	switch {
	case fault == nil:
		return ""
	case fault.Alone:
		return `aria-invalid="true" autofocus`
	}
	return `aria-invalid="true"`
}

// forms are the plural forms of a text as attributes such as data-next-one, for the script.
func forms(l *catalogue.Language, name, id string) template.HTMLAttr {
	var attributes []string
	for form, text := range l.Forms(id) {
		attributes = append(attributes, fmt.Sprintf(`data-%s-%s="%s"`, name, form, template.HTMLEscapeString(text)))
	}
	slices.Sort(attributes)
	return template.HTMLAttr(strings.Join(attributes, " "))
}

// contactOf is whom users may ask: a link where the setting is an address of a mailbox, a page or a telephone.
func contactOf(l *catalogue.Language, contact string) template.HTML {
	if contact == "" {
		return l.HTML("part.contact", nil)
	}
	if to := reaches(contact); to != "" {
		return wrap(`<a href="`+template.HTMLEscapeString(to)+`"><bdi>`, contact, "</bdi></a>")
	}
	return strong(contact)
}

var telephone = regexp.MustCompile(`^\+[0-9][0-9 ()./-]+$`)

// reaches is the address of a contact for a link; empty: it is words.
func reaches(contact string) string {
	if box, err := mail.ParseAddress(contact); err == nil && box.Address == contact {
		return "mailto:" + url.PathEscape(contact)
	}
	if u, err := url.Parse(contact); err == nil && u.Scheme == "https" && u.Host != "" {
		return u.String()
	}
	if telephone.MatchString(contact) {
		return "tel:+" + strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, contact)
	}
	return ""
}

// due is the hour of what is planned; a script may turn it into the reader's own zone.
func due(l *catalogue.Language, t time.Time) template.HTML {
	return moment(t, l.Hour(t))
}

// when is the time of what happened; a script may do the same.
func when(l *catalogue.Language, t time.Time) template.HTML { return moment(t, l.Moment(t)) }

func moment(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + stamp(t) + `" data-moment>` + template.HTMLEscapeString(text) + `</time>`)
}

// server is our own clock, for the script to compare with the reader's.
func server(l *catalogue.Language, t time.Time) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-server="%d">%s</time>`, stamp(t), t.UnixMilli(), template.HTMLEscapeString(l.Second(t))))
}

// unbroken is a text in one line.
func unbroken(text string) string { return strings.ReplaceAll(text, " ", "\u00a0") }

// bdi keeps a name apart from the text around it, which may run the other way.
func bdi(name string) template.HTML { return wrap("<bdi>", name, "</bdi>") }

func strong(name string) template.HTML { return wrap("<strong><bdi>", name, "</bdi></strong>") }

func code(text string) template.HTML { return wrap("<code>", text, "</code>") }

// unseen is a name for those only who hear the page.
func unseen(name string) template.HTML {
	return wrap(`<span class="unseen"><bdi>`, name, "</bdi></span>")
}

func value(text string) template.HTML { return wrap(`<span class="value">`, text, "</span>") }

func wrap(open, text, closed string) template.HTML {
	return template.HTML(open + template.HTMLEscapeString(text) + closed)
}

// link is the pair of a link to a page of ours.
func link(path string) catalogue.Pair {
	return catalogue.Pair{Open: template.HTML(`<a href="` + template.HTMLEscapeString(path) + `">`), Close: "</a>"}
}

// element is the pair of an element without attributes.
func element(name string) catalogue.Pair {
	name = template.HTMLEscapeString(name)
	return catalogue.Pair{Open: template.HTML("<" + name + ">"), Close: template.HTML("</" + name + ">")}
}

// around is the pair of an element with a class.
func around(class string) catalogue.Pair {
	return catalogue.Pair{Open: template.HTML(`<span class="` + template.HTMLEscapeString(class) + `">`), Close: "</span>"}
}
