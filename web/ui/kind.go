package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"vestibule/web/catalogue"
)

// Kind is a kind of authenticator, as pages name it.
type Kind struct {
	Name  string // in addresses, ids of texts and names of templates
	Label string // for users, where the catalogue has no words for it
}

// Any kind is asked for, set up and removed on the same pages, which are parsed once with the file of each kind. That
// file, factor-{kind}.html, says in blocks what is the kind's own. View is what mfa.Kind.Challenge has returned in the first
// four and in again, and what mfa.Kind.Offer has returned in the enrol blocks.
//
//	ask-title     the title of the page that asks for an answer; no markup
//	ask-heading   the same as the heading, perhaps as the label of a field
//	ask-fields    the fields of its form; Sudo if the heading is another one
//	ask-help      what stands below the form
//	enrol-title   the title of the page that sets one up
//	enrol-steps   what to do, as items of a list
//	enrol-answer  the fields for the first answer
//	enrol-more    what stands below the buttons: a button whose action is choose begins anew with other settings
//	again         the fields for an answer given together with the password
//	row           what the security page says of one, an mfa.Info, beside its name
//
// A field that is typed into stands with {{template "error" .Field.name}} before it and {{invalid .Field.name}}
// among its attributes: where its error is the only one of the page, it is said there and nowhere else.
//
// ask-button and enrol-button, the buttons that send the forms, may be left out. A script of the kind is included by these
// blocks alone, {{asset "kind.js"}}, and says without script what is missing in a noscript.
var blocks = []string{"ask-title", "ask-heading", "ask-fields", "ask-help", "enrol-title", "enrol-steps", "enrol-answer", "enrol-more", "again", "row"}

// kindPages are the pages that are parsed with the file of each kind.
var kindPages = []string{"factor", "setup", "remove"}

const kindFile = "factor-"

// set is the templates in a language, by name.
type set map[string]*folded

// parseTemplates returns a template for each page, with the layout and the parts that they share, and for each page of a
// kind one for each kind, such as factor-totp.
func (p *Pages) parseTemplates(l *catalogue.Language) (set, error) {
	all := set{}
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	own := look{files, p.Look}
	base, err := template.New("layout.html").Funcs(functions(l)).Funcs(p.kindFunctions(l, all)).ParseFS(own, "layout.html", "parts.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	names, err := fs.Glob(own, "*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	for _, file := range names {
		if name := pageName(file); !strings.HasPrefix(name, kindFile) {
			if all[name], err = parsed(base, own, file); err != nil {
				return nil, err
			}
		}
	}
	for _, from := range []fs.FS{own, p.Factors} {
		if err := all.parseKinds(from); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func pageName(file string) string { return strings.TrimSuffix(path.Base(file), ".html") }

// parsed returns a copy of base with the file.
func parsed(base *template.Template, from fs.FS, file string) (*folded, error) {
	copied, err := base.Clone()
	if err == nil {
		copied, err = copied.ParseFS(from, file)
	}
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	return &folded{Template: copied}, nil
}

// parseKinds adds the pages of the kinds that there are files of; nil: there are none.
func (all set) parseKinds(from fs.FS) error {
	if from == nil {
		return nil
	}
	files, err := fs.Glob(from, kindFile+"*.html")
	if err != nil {
		return fmt.Errorf("templates: %w", err)
	}
	for _, file := range files {
		kind := strings.TrimPrefix(pageName(file), kindFile)
		if all.hasKind(kind) {
			return fmt.Errorf("templates: there are two of %s", file)
		}
		for _, page := range kindPages {
			t, err := parsed(all[page].Template, from, file)
			if err != nil {
				return err
			}
			all[page+"-"+kind] = t
		}
		if err := all.checkKind(kind); err != nil {
			return err
		}
	}
	return nil
}

func (all set) checkKind(kind string) error {
	for _, name := range blocks {
		if all[kindFile+kind].Lookup(name) == nil {
			return fmt.Errorf("templates: %s%s.html has no block %s", kindFile, kind, name)
		}
	}
	return nil
}

func (all set) hasKind(kind string) bool { return all[kindFile+kind] != nil }

// HasKind reports whether there are templates of the kind.
func (p *Pages) HasKind(kind string) bool {
	for _, all := range p.templates {
		return all.hasKind(kind)
	}
	return false
}

// kindFunctions are what the templates of kinds are written with, beside those of all templates.
func (p *Pages) kindFunctions(l *catalogue.Language, all set) template.FuncMap {
	return template.FuncMap{
		"tk":     func(kind Kind, id string, pairs ...any) (template.HTML, error) { return p.sayOf(l, kind, id, pairs) },
		"row":    func(kind string, data any) (template.HTML, error) { return all.block(kind, "row", data) },
		"asset":  p.assetPath,
		"prefix": func() string { return p.Prefix }, "product": func() string { return p.Name }, "connected": func() bool { return p.ConnectedApps },
		"ownpassword": func() bool { return p.OwnPasswords },
		"lang":        func() string { return l.Lang }, "dir": func() string { return l.Dir },
		"qr":     qrSVG,
		"opens":  opens,
		"json":   toJSON,
		"fields": fromJSON,
	}
}

// sayOf is {{tk .Kind "text"}}: a text about the kind.
func (p *Pages) sayOf(l *catalogue.Language, kind Kind, id string, pairs []any) (template.HTML, error) {
	pairs = append(slices.Clone(pairs), "label", kind.Label)
	return say(l, p.kindID(kind, id), pairs)
}

// kindID is the id of a text about the kind: of the first of ids that the catalogue has below the kind's name, else below
// factor.
func (p *Pages) kindID(kind Kind, ids ...string) string {
	english := p.Texts.Languages()[0]
	for _, below := range []string{kind.Name, "factor"} {
		for _, id := range ids {
			if english.Has(below + "." + id) {
				return below + "." + id
			}
		}
	}
	return "factor." + ids[len(ids)-1]
}

// Of is a message about the kind: the first of ids that there are words for in the kind's own, else in those of any kind.
// The args of a text of any kind are those and label.
func (p *Pages) Of(kind Kind, args Values, ids ...string) Message {
	filled := Values{"label": kind.Label}
	maps.Copy(filled, args)
	return Message{ID: p.kindID(kind, ids...), Args: filled}
}

// Activity is what the activity says of an outcome of the kind.
func (p *Pages) Activity(kind Kind, outcome string) Message {
	id := "activity." + kind.Name + "." + outcome
	if !p.Texts.Languages()[0].Has(id) {
		id = "activity.factor." + outcome
	}
	return Say(id, "label", kind.Label)
}

// block executes a block of the kind's file.
func (all set) block(kind, name string, data any) (template.HTML, error) {
	t := all[kindFile+kind]
	if t == nil {
		return "", nil
	}
	var b bytes.Buffer
	err := t.ready().ExecuteTemplate(&b, name, data)
	return template.HTML(b.String()), err
}

// opens is an address that another program of the device opens, such as otpauth:. None that a browser runs is one.
func opens(uri string) (template.URL, error) {
	scheme, _, ok := strings.Cut(uri, ":")
	if !ok || slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file", "about"}, strings.ToLower(scheme)) {
		return "", fmt.Errorf("no address that a program opens: it begins with %q", scheme)
	}
	return template.URL(uri), nil
}

// toJSON is what a script reads from an attribute such as data-options.
func toJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// fromJSON are the fields of an object, such as the Params of an authenticator; none if the text is no object.
func fromJSON(text string) map[string]any {
	var fields map[string]any
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil
	}
	return fields
}
