package verify

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vestibule/mfa"
	"vestibule/web/ui"
)

// Given is what a user has given in a form.
type Given struct {
	mfa.Answer
	Typed string // in the form's field, without the spaces around it
}

// maxTyped is how much of a field is looked at: no code is so long.
const maxTyped = 128

// ours are the fields that pages add to the form of a kind.
var ours = []string{"form_id", "flow", "username", "password", "remember", "action", "name", "saved", "with", "challenge"}

// Read reads an answer. Of the form a kind gets what pages have not added.
func Read(r *http.Request, form Form) Given {
	g := Given{Answer: mfa.Answer{Kind: form.Name, Form: url.Values{}}}
	for name, values := range r.PostForm {
		if !slices.Contains(ours, name) {
			g.Form[name] = values
		}
	}
	if form.Field != "" {
		g.Typed = ui.Cut(strings.TrimSpace(ui.Field(r, form.Field)), maxTyped)
		g.Form.Set(form.Field, g.Typed)
	}
	return g
}

// Missing returns ErrRequired if the form has a field, and nothing was typed.
func (g Given) Missing(form Form) error {
	if form.Field == "" {
		return nil
	}
	return Required(g.Typed)
}

// Key is the same for two answers that are the same.
func (g Given) Key() string { return g.Kind + "?" + g.Form.Encode() }
