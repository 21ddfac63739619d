package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// frame is what every page has.
type frame struct {
	Product string
	Page    string // data-page
	State   string // data-state
	Title   string // also the h1, unless the page has a longer one
	Errors  []rendered
	Field   map[string]*rendered // Faults by the field that they are about
	Notes   []rendered
	Assets  assetPaths
	Account bool   // a page of the account, with its navigation
	Flow    string // value of the parameter flow
	FormID  string // random; a form that was sent twice has the same
	Who     string // label of the account, once it is known
	Contact string // whom to ask for help; may be empty
}

// assetPaths are the addresses of the static files.
type assetPaths struct{ CSS, JS, Icon string }

// under gives templates the frame of any page.
func (f *frame) under() *frame { return f }

// page is the data of a template: a struct that embeds a frame.
type page interface{ under() *frame }

// parseTemplates returns a template for each file, with the layout and the parts that they share.
func parseTemplates() (map[string]*template.Template, error) {
	base, err := template.New("layout.html").Funcs(template.FuncMap{
		"day": day, "stamp": stamp, "moment": moment,
	}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	set := map[string]*template.Template{}
	for _, name := range names {
		copied, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		if set[strings.TrimSuffix(path.Base(name), ".html")], err = copied.ParseFS(templateFiles, name); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return set, nil
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// from is day, and the hour unless the day is meant as a whole.
func from(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return day(t)
	}
	return t.Format("2 January 2006 at 15:04 UTC")
}

func stamp(t time.Time) string  { return t.UTC().Format(time.RFC3339) }
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// setMessages puts the messages of a sign-in on its page: the faults if they are about it, and the notes. The state
// is that of the first of them.
func (f *frame) setMessages(m *flowState) {
	f.State = "initial"
	if len(m.Notes) > 0 {
		f.Notes, f.State = renderMessages(m.Notes), m.Notes[0].state()
	}
	if m.MessagePage == f.Page && len(m.Errors) > 0 && !m.lockedBy(m.Errors[0]) {
		f.setErrors(m.Errors...)
	}
}

// setErrors shows faults.
func (f *frame) setErrors(faults ...message) {
	f.Errors, f.State, f.Field = renderMessages(faults), faults[0].state(), map[string]*rendered{}
	for i := range f.Errors {
		f.Field[f.Errors[i].Field] = &f.Errors[i]
	}
}

// render writes the page with the template of that name. Nothing is written if the template fails.
func (s *Server) render(w http.ResponseWriter, status int, name string, p page) error {
	f := p.under()
	f.Product, f.Contact, f.FormID = s.Name, s.Contact, randomToken()
	f.Assets = assetPaths{s.assets["app.css"].path, s.assets["app.js"].path, s.assets["icon.svg"].path}
	if f.State == "" {
		f.State = "initial"
	}
	var b bytes.Buffer
	if err := s.templates[name].Execute(&b, p); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes()) // the client may have gone away, which is nobody's fault
	return nil
}
