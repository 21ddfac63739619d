package ui

import (
	"slices"
	"strings"
)

// Values fill in the placeholders of a message. A time is written as RFC 3339, under "at", and the number that the plural
// form depends on under "n".
type Values map[string]string

// Message is a text that is not said yet, as a sign-in remembers it: an error of a field, or a notice or title without one.
type Message struct {
	ID    string `json:"id"`
	Field string `json:"field,omitempty"`
	Args  Values `json:"args,omitempty"`
}

// State is the last part of the id, the value of data-state.
func (msg Message) State() string { return msg.ID[strings.LastIndexByte(msg.ID, '.')+1:] }

// Say is a message without a field. In turn come the names of its placeholders and their values.
func Say(id string, pairs ...string) Message {
	msg := Message{ID: id}
	for i := 0; i+1 < len(pairs); i += 2 {
		if msg.Args == nil {
			msg.Args = Values{}
		}
		msg.Args[pairs[i]] = pairs[i+1]
	}
	return msg
}

// Rendered is a message as a page shows it.
type Rendered struct {
	Message
	Href  string  // of a second sentence that is a link
	Link  Message // that sentence
	Good  bool    // news that the user has worked for
	Warn  bool    // something was not done
	Alone bool    // the one error of the page, which only its field says
}

// Rendered returns the message as a page shows it.
func (msg Message) Rendered() Rendered {
	return Rendered{Message: msg, Good: slices.Contains(goodNews, msg.ID), Warn: msg.ID == "last.factor" || msg.ID == "last.resistant"}
}

// goodNews are the notices that something was done.
var goodNews = []string{"enrol.done", "enrol.added", "enrol.renamed", "codes.done", "remove.done", "remove.off", "browser.forgotten", "browser.all.forgotten", "reset.cancelled", "sessions.ended", "password.changed", "password.changed.apps_kept"}

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
