package ui

import (
	"bytes"
	"fmt"
	"html/template"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"text/template/parse"

	"vestibule/web/catalogue"
)

// Every page is the same, folded or not, whatever is true of its data.
func TestFoldChangesNothing(t *testing.T) {
	whole := 0
	for _, l := range languages(t) {
		plain, folds := templates(t, nil, l), templates(t, nil, l)
		for name := range plain {
			before, after := plain[name].Template, folds[name].ready()
			for seed := range uint64(4) {
				data := anything(before, seed)
				for _, entry := range []string{before.Name(), "title", "row"} {
					got, want := executed(after, entry, data), executed(before, entry, data)
					if got != want {
						t.Fatalf("%s of page %s (%s, seed %d) is\n%s\nfolded, and else\n%s", entry, name, l.Lang, seed, got, want)
					}
					if strings.HasSuffix(got, "</html>\n") {
						whole++
					}
				}
			}
		}
	}
	if whole < 200 {
		t.Errorf("%d pages came to their end", whole)
	}
}

// If this fails after an update of Go, html/template keeps its trees elsewhere, or its escapers have other names. Pages are
// still right, and slow.
func TestFold(t *testing.T) {
	for _, l := range languages(t) {
		for name, page := range templates(t, nil, l) {
			if page.ready().Tree == nil && !slices.Contains(append([]string{"layout", "parts"}, kindPages...), name) {
				t.Errorf("page %s (%s) cannot be executed", name, l.Lang)
			}
			for _, action := range actions(page.Template, page.Name(), map[string]bool{}) {
				if isConstant(action.Pipe) {
					t.Errorf("page %s (%s) works out %s each time", name, l.Lang, action)
				}
			}
		}
	}
}

// What a page executes is what was folded.
func TestFoldIsExecuted(t *testing.T) {
	page := templates(t, nil, languages(t)[0])["lost-device"]
	text, ok := page.ready().Tree.Root.Nodes[1].(*parse.TextNode)
	if !ok || !bytes.HasPrefix(text.Text, []byte(`<!doctype html>`)) || !bytes.Contains(text.Text, []byte(`data-dates="en-GB"`)) {
		t.Fatalf("the page begins with %v", page.Tree.Root.Nodes[:3])
	}
	text.Text = []byte("folded")
	if got := executed(page.Template, page.Name(), anything(page.Template, 0)); !strings.Contains(got, "folded") {
		t.Errorf("the page is %s", got)
	}
}

// A text is escaped for the place where it stands, in the templates of a host as well.
func TestFoldEscapes(t *testing.T) {
	look := fstest.MapFS{"layout.html": {Data: []byte(`{{define "both"}}{{strong "a+b"}}{{end -}}
<title>{{strong "a+b"}}</title><p title="{{strong "a+b"}}" id={{strong "a+b"}}>{{template "both"}}<script>{{strong "</script>"}}</script><p title="{{template "both"}}">{{strong .}}`)}}
	l := languages(t)[0]
	plain, folds := templates(t, look, l)["login"], templates(t, look, l)["login"]
	want := executed(plain.Template, "layout.html", "<b>")
	if got := executed(folds.ready(), "layout.html", "<b>"); got != want || !strings.Contains(got, "&lt;b&gt;") {
		t.Errorf("the page is\n%s\nfolded, and else\n%s", got, want)
	}
}

// What is said to be markup is.
func TestMarkup(t *testing.T) {
	l := languages(t)[0]
	all := functions(l)
	for name, f := range (&Pages{}).kindFunctions(l, nil) {
		all[name] = f
	}
	for _, name := range markup {
		if f := reflect.TypeOf(all[name]); f.Out(0) != reflect.TypeFor[template.HTML]() {
			t.Errorf("%s is %v", name, f)
		}
	}
}

func languages(t *testing.T) []*catalogue.Language {
	t.Helper()
	set, err := catalogue.New(fstest.MapFS{"de.toml": {Data: []byte("[layout]\nskip = \"Zum \\\"Inhalt\\\" + <mehr>\"\n")}})
	if set == nil {
		t.Fatal(err)
	}
	return set.Languages()
}

func templates(t *testing.T, look fstest.MapFS, l *catalogue.Language) set {
	t.Helper()
	c := Config{Issuer: "https://id.example.com/id"}
	if look != nil {
		c.Look = look
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	all, err := p.parseTemplates(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range all {
		page.Funcs(stubs(l))
	}
	return all
}

// stubs stand for the functions that are not constant: they take anything.
func stubs(l *catalogue.Language) template.FuncMap {
	all := template.FuncMap{}
	for name := range functions(l) {
		all[name] = nil
	}
	for _, name := range []string{"tk", "row", "qr", "opens", "json", "fields", "eq", "gt", "len", "index", "say"} {
		all[name] = nil
	}
	for name := range all {
		all[name] = func(args ...any) template.HTML { return template.HTML(template.HTMLEscapeString(fmt.Sprint(args...))) }
		if slices.Contains(constant, name) {
			delete(all, name)
		}
	}
	return all
}

// data has a field of any name that a template asks for.
type data map[string]any

func (data) String() string { return `<"data" + 'it'>` }

// anything is data for the templates: what they range over is a list, what they look into is the same data again, and the
// rest is texts, each of which may be empty.
func anything(t *template.Template, seed uint64) data {
	r, all, source := rand.New(rand.NewPCG(seed, seed)), data{}, ""
	for _, of := range t.Templates() {
		if of.Tree != nil {
			source += of.Tree.Root.String()
		}
	}
	for _, m := range fieldName.FindAllStringSubmatch(source, -1) {
		all[m[1]] = ""
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if seed == 0 || r.IntN(2) == 0 {
			all[name] = fmt.Sprintf(`<%s> & "%d" +`, name, seed)
		}
	}
	for _, m := range innerName.FindAllStringSubmatch(source, -1) {
		all[m[1]+m[2]] = all
	}
	for _, m := range listName.FindAllStringSubmatch(source, -1) {
		all[m[1]] = []data{all}[:1-int(seed%2)]
	}
	return all
}

var (
	fieldName = regexp.MustCompile(`\.([A-Za-z]+)`)
	innerName = regexp.MustCompile(`(?:with|template "(?:error|scope|activity)") \$?\.([A-Za-z]+)|\.([A-Za-z]+)\.`)
	listName  = regexp.MustCompile(`range [^}]*\.([A-Za-z]+)`)
)

// executed is what the template prints, and the error that ends it.
func executed(t *template.Template, name string, data any) string {
	var b strings.Builder
	err := t.ExecuteTemplate(&b, name, data)
	if err == nil {
		return b.String()
	}
	return b.String() + "error"
}

// actions are those of a template and of all that it includes.
func actions(t *template.Template, name string, seen map[string]bool) (all []*parse.ActionNode) {
	of := t.Lookup(name)
	if of == nil || of.Tree == nil || seen[name] {
		return nil
	}
	seen[name] = true
	lists := []*parse.ListNode{of.Tree.Root}
	for len(lists) > 0 {
		l := lists[0]
		lists = lists[1:]
		if l == nil {
			continue
		}
		for _, n := range l.Nodes {
			switch n := n.(type) {
			case *parse.ActionNode:
				all = append(all, n)
			case *parse.TemplateNode:
				all = append(all, actions(t, n.Name, seen)...)
			case *parse.IfNode:
				lists = append(lists, n.List, n.ElseList)
			case *parse.WithNode:
				lists = append(lists, n.List, n.ElseList)
			case *parse.RangeNode:
				lists = append(lists, n.List, n.ElseList)
			}
		}
	}
	return all
}
