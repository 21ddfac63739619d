package ui

import (
	"html/template"
	"slices"
	"strings"
	"time"
)

// Values fill in the placeholders of a message. A time is written as RFC 3339, under "at".
type Values map[string]string

// Text returns the sentence with that id, its placeholders filled in.
func Text(id string, v Values) template.HTML {
	text, ok := messages[id]
	if one, has := messages[id+".one"]; has && (v["n"] == "1" || v["s"] == "1") {
		text = one
	}
	if !ok {
		text = id
	}
	var pairs []string
	for name, value := range v {
		shown := template.HTMLEscapeString(value)
		if name == "at" {
			shown = clock(value)
		}
		pairs = append(pairs, "{"+name+"}", shown)
	}
	return template.HTML(strings.NewReplacer(pairs...).Replace(template.HTMLEscapeString(text))) // once: values may have braces
}

// clock shows the hour of a time; a script may turn it into the reader's own zone.
func clock(rfc3339 string) string {
	at, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return ""
	}
	return `<time datetime="` + at.UTC().Format(time.RFC3339) + `" data-clock>` + at.UTC().Format("15:04") + ` UTC</time>`
}

// Message is a message as a sign-in remembers it: an error of a field, or a notice without one.
type Message struct {
	ID    string `json:"id"`
	Field string `json:"field,omitempty"`
	Args  Values `json:"args,omitempty"`
}

// State is the last part of the id, the value of data-state.
func (msg Message) State() string { return msg.ID[strings.LastIndexByte(msg.ID, '.')+1:] }

// Rendered is a message with its words.
type Rendered struct {
	ID       string
	Field    string
	Text     template.HTML
	Href     string // of a second sentence that is a link
	LinkText template.HTML
	Good     bool // news that the user has worked for
	Warn     bool // something was not done
}

// Rendered returns the message with its words.
func (msg Message) Rendered() Rendered {
	return Rendered{ID: msg.ID, Field: msg.Field, Text: Text(msg.ID, msg.Args), Good: slices.Contains(goodNews, msg.ID), Warn: msg.ID == "last.factor"}
}

// goodNews are the notices that something was done.
var goodNews = []string{"enrol.done", "enrol.added", "enrol.renamed", "codes.done", "remove.done", "remove.off", "browser.forgotten", "browser.all.forgotten", "reset.cancelled", "sessions.ended"}

// Feedback is what a form leaves for the page after it to say.
type Feedback struct {
	Page   string            `json:"message_page,omitempty"` // that Errors are about
	Errors []Message         `json:"errors,omitempty"`
	Notes  []Message         `json:"notes,omitempty"`
	Values map[string]string `json:"form_values,omitempty"` // what stood in the fields of a refused form; never a secret
}

// Fault is Feedback of errors on the page.
func Fault(page string, faults ...Message) Feedback { return Feedback{Page: page, Errors: faults} }

// Note is Feedback of one notice.
func Note(id string, args Values) Feedback { return Feedback{Notes: []Message{{ID: id, Args: args}}} }

// IsEmpty reports whether there is nothing to say.
func (f Feedback) IsEmpty() bool { return len(f.Errors)+len(f.Notes)+len(f.Values) == 0 }

// SetErrors sets what the page says next.
func (f *Feedback) SetErrors(page string, faults ...Message) {
	f.Page, f.Errors, f.Notes = page, faults, nil
}

func renderAll(faults []Message) []Rendered {
	var all []Rendered
	for _, msg := range faults {
		all = append(all, msg.Rendered())
	}
	return all
}
