package ui

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"vestibule/web/catalogue"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Frame is what every page has. What is the same on all of them templates have from functions, such as prefix and product.
type Frame struct {
	Page    string        // data-page
	State   string        // data-state
	Title   Message       // also the h1, unless the page has a longer one
	Heading template.HTML // Title in words, or the block title of a template that has one
	Errors  []Rendered
	Field   map[string]*Rendered // Errors by the field that they are about
	Notes   []Rendered
	Account bool   // a page of the account, with its navigation
	Flow    string // value of the parameter flow
	Address string // of the page, without that parameter, if another address has answered with it; else empty
	FormID  string // random; a form that was sent twice has the same
	Who     string // label of the account, once it is known
	Contact string // whom to ask for help; may be empty
}

// under gives templates the frame of any page.
func (f *Frame) under() *Frame { return f }

// Page is the data of a template: a struct that embeds a Frame.
type Page interface{ under() *Frame }

// Say puts on the page what the last form has left to say: the errors if they are about it, and the notes. The state is
// that of the first of them.
func (f *Frame) Say(said Feedback) {
	f.State = "initial"
	if len(said.Notes) > 0 {
		f.Notes, f.State = renderAll(said.Notes), said.Notes[0].State()
	}
	if said.Page == f.Page && len(said.Errors) > 0 {
		f.SetErrors(said.Errors...)
	}
}

// SetErrors shows errors.
func (f *Frame) SetErrors(faults ...Message) {
	f.Errors, f.State, f.Field = renderAll(faults), faults[0].State(), map[string]*Rendered{}
	for i := range f.Errors {
		f.Field[f.Errors[i].Field] = &f.Errors[i]
	}
	f.Errors[0].Alone = len(f.Errors) == 1 && f.Errors[0].Field != ""
}

// Summarize has the page say its one error in the summary as well: on a form whose other fields were emptied, the cursor belongs to none.
func (f *Frame) Summarize() {
	if len(f.Errors) > 0 {
		f.Errors[0].Alone = false
	}
}

// Summary are the Errors, unless there is one alone, of a field: that is said at the field, which gets the cursor.
func (f *Frame) Summary() []Rendered {
	if len(f.Errors) > 0 && f.Errors[0].Alone {
		return nil
	}
	return f.Errors
}

// Render writes the page with the template of that name, in the language of whoever sent the request. Nothing is written
// if the template fails.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, status int, name string, page Page) error {
	f, l := page.under(), p.Language(r)
	f.Contact, f.FormID = p.Contact, NewToken()
	if f.State == "" {
		f.State = "initial"
	}
	b := buffers.Get().(*bytes.Buffer)
	defer putBuffer(b)
	if err := render(b, p.templates[l.Lang][name], f, l, page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	speak(w, l)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // the client may have gone away, which is nobody's fault
	return nil
}

// buffers are those that pages are rendered into: one that grows with each page would be half of what a page allocates.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer is how large a buffer may be that is kept; a page is about 4 kB.
const maxBuffer = 64 << 10

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// render writes the page into an empty buffer.
func render(b *bytes.Buffer, of *folded, f *Frame, l *catalogue.Language, page Page) error {
	if of == nil {
		return errors.New("there is no such template")
	}
	t := of.ready()
	switch {
	case t.Lookup("title") == nil:
		f.Heading = f.Title.HTML(l)
	default:
		if err := t.ExecuteTemplate(b, "title", page); err != nil {
			return err
		}
		f.Heading = template.HTML(strings.TrimSpace(b.String()))
		b.Reset()
	}
	return t.Execute(b, page)
}
