package web

import (
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"golang.org/x/net/html"

	"vestibule/web/catalogue"
	"vestibule/web/catalogue/cataloguetest"
)

// use is a place that names a text, and the placeholders that it fills in; nil: they are not written there.
type use struct {
	where string
	names []string
}

func english(t *testing.T) *catalogue.Language {
	t.Helper()
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	return set.Choose("", "")
}

// made are the IDs that are made of the name of a kind, or of recovery, and an outcome, and those that the catalogue itself
// reads. refusals are what each kind says by itself.
func made(id string, refusals map[string][]string) bool {
	page, rest, _ := strings.Cut(id, ".")
	_, isKind := refusals[page]
	switch {
	case page == "recovery", page == "factor", isKind:
		return slices.Contains(outcomes, rest) || slices.Contains(refusals[page], strings.TrimPrefix(rest, "enrol."))
	case page == "activity":
		kind, what, ok := strings.Cut(rest, ".")
		_, isKind := refusals[kind]
		return ok && (isKind || kind == "factor") && slices.Contains([]string{"failed", "locked", "setup", "in"}, what)
	}
	return slices.Contains([]string{"date", "month", "span", "lapse", "list", "agent", "client", "command"}, page) // of commands, which their own test looks for
}

// outcomes are the texts about a kind that no place names whole.
var outcomes = []string{
	"required", "format", "wrong", "wrong.few", "used", "expired", "challenge", "locked", "disabled", "looks.recovery", "looks.recovery.link", "title.locked",
	"enrol.required", "enrol.wrong", "enrol.new",
}

// kinds are the strings in the room of each kind that there is a template of, among which are the ids of its refusals.
func kinds(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	files, err := filepath.Glob("ui/templates/factor-*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		kind := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "factor-"), ".html")
		all[kind] = nil
		for _, source := range cataloguetest.Sources(t, filepath.Join("../mfa", kind)) {
			ast.Inspect(source, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok {
					text, _ := cataloguetest.Literal(lit)
					all[kind] = append(all[kind], text)
				}
				return true
			})
		}
	}
	return all
}

// TestTextsAreUsed reads templates and sources: every text that they name is there, with the placeholders that they fill
// in, and every text that is there is named.
func TestTextsAreUsed(t *testing.T) {
	l, refusals := english(t), kinds(t)
	uses := templateUses(t)
	for id, more := range sourceUses(t, l) {
		uses[id] = append(uses[id], more...)
	}
	for id, all := range uses {
		if len(l.Forms(id)) == 0 {
			t.Errorf("%s: there is no text %s", all[0].where, id)
			continue
		}
		want := l.Placeholders(id)
		want = slices.DeleteFunc(want, func(name string) bool { return strings.HasPrefix(name, "/") })
		for _, u := range all {
			if u.names != nil && !slices.Equal(u.names, want) {
				t.Errorf("%s: %s is given %v, and names %v", u.where, id, u.names, want)
			}
		}
	}
	for _, id := range l.IDs() {
		if len(uses[id]) == 0 && !made(id, refusals) {
			t.Errorf("%s is never said", id)
		}
	}
	if len(uses) < 300 {
		t.Errorf("only %d texts are used", len(uses))
	}
}

// templateUses are the calls of t, and of forms, whose placeholder n the script fills in.
func templateUses(t *testing.T) map[string][]use {
	t.Helper()
	uses := map[string][]use{}
	for name, tree := range templates(t) {
		calls(tree, func(args []parse.Node) {
			switch function := args[0].String(); {
			case function == "t" && len(args) > 1:
				id, ok := args[1].(*parse.StringNode)
				if !ok {
					t.Errorf("%s: {{t %s}} names no text", name, args[1])
					return
				}
				names := []string{}
				for i := 2; i < len(args); i += 2 {
					names = append(names, args[i].(*parse.StringNode).Text)
				}
				slices.Sort(names)
				uses[id.Text] = append(uses[id.Text], use{name, names})
			case function == "tk":
				for _, id := range textsOf(t, args[2].(*parse.StringNode).Text) {
					uses[id] = append(uses[id], use{name, givenTo(t, id, args[3:])})
				}
			case function == "forms":
				uses[args[2].(*parse.StringNode).Text] = append(uses[args[2].(*parse.StringNode).Text], use{name, []string{"n"}})
			}
		})
	}
	// The script fills this one in.
	uses["totp.help.differs"] = []use{{"app.js", []string{"span"}}}
	return uses
}

// textsOf are the texts that {{tk}} chooses from: that of any kind must be there, and that of a kind may.
func textsOf(t *testing.T, id string) []string {
	t.Helper()
	ids := []string{"factor." + id}
	for kind := range kinds(t) {
		if english(t).Has(kind + "." + id) {
			ids = append(ids, kind+"."+id)
		}
	}
	return ids
}

// givenTo are the placeholders that {{tk}} fills in. Beside them it gives the label, which a text may leave out.
func givenTo(t *testing.T, id string, pairs []parse.Node) []string {
	t.Helper()
	names := []string{}
	for i := 0; i < len(pairs); i += 2 {
		names = append(names, pairs[i].(*parse.StringNode).Text)
	}
	if slices.Contains(english(t).Placeholders(id), "label") {
		names = append(names, "label")
	}
	slices.Sort(names)
	return names
}

// templates are the trees of all templates, by name.
func templates(t *testing.T) map[string]*parse.Tree {
	t.Helper()
	all := map[string]*parse.Tree{}
	files, err := filepath.Glob("ui/templates/*.html")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "notice/letters.txt") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree := parse.New(file)
		tree.Mode = parse.SkipFuncCheck
		set := map[string]*parse.Tree{}
		if _, err := tree.Parse(string(data), "", "", set); err != nil {
			t.Fatal(err)
		}
		for name, tree := range set {
			all[filepath.Base(file)+" "+name] = tree
		}
	}
	return all
}

// calls calls do with each function of a template and its arguments.
func calls(tree *parse.Tree, do func(args []parse.Node)) {
	walk(tree.Root, func(n parse.Node) {
		if c, ok := n.(*parse.CommandNode); ok {
			do(c.Args)
		}
	})
}

// walk calls do with each node below n.
func walk(n parse.Node, do func(parse.Node)) {
	var below []parse.Node
	branch := func(b *parse.BranchNode) {
		below = append(below, b.Pipe, b.List)
		if b.ElseList != nil {
			below = append(below, b.ElseList)
		}
	}
	do(n)
	switch n := n.(type) {
	case *parse.ListNode:
		below = n.Nodes
	case *parse.ActionNode:
		below = []parse.Node{n.Pipe}
	case *parse.TemplateNode:
		if n.Pipe != nil {
			below = []parse.Node{n.Pipe}
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			below = append(below, c)
		}
	case *parse.CommandNode:
		below = n.Args
	}
	for _, b := range below {
		walk(b, do)
	}
}

// sources are the files of all packages of the pages, by name.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	all := cataloguetest.Sources(t, ".")
	if len(all) < 50 {
		t.Fatal(len(all))
	}
	return all
}

var textID = regexp.MustCompile(`^[a-z_]+(\.[a-z0-9_]+)+$`)

// sourceUses are the strings that are IDs of texts. What begins like one and is none is a use of what is not there.
func sourceUses(t *testing.T, l *catalogue.Language) map[string][]use {
	t.Helper()
	pages := map[string]bool{}
	for _, id := range l.IDs() {
		page, _, _ := strings.Cut(id, ".")
		pages[page] = true
	}
	uses := map[string][]use{}
	all := sources(t)
	maps.Copy(all, cataloguetest.Sources(t, "../provider/hydra")) // which has pages of its own
	for name, file := range all {
		given := filled(file)
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok {
				return true
			}
			id, _ := cataloguetest.Literal(lit)
			if page, _, _ := strings.Cut(id, "."); textID.MatchString(id) && pages[page] && !strings.HasSuffix(id, ".html") {
				uses[id] = append(uses[id], use{name, given[lit]})
			}
			return true
		})
	}
	return uses
}

// filled finds the placeholders that are given with an ID: ui.Say("id", "name", value) and
// ui.Message{ID: "id", Args: ui.Values{"name": value}}.
func filled(file *ast.File) map[*ast.BasicLit][]string {
	given := map[*ast.BasicLit][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if cataloguetest.Callee(n) != "Say" {
				break
			}
			if id, ok := n.Args[0].(*ast.BasicLit); ok {
				given[id] = []string{}
				for i := 1; i < len(n.Args); i += 2 {
					name, _ := cataloguetest.Literal(n.Args[i])
					given[id] = append(given[id], name)
				}
				slices.Sort(given[id])
			}
		case *ast.CompositeLit:
			if id, names := message(n); id != nil {
				given[id] = names
			}
		}
		return true
	})
	return given
}

// message is the ID of a literal Message, and what its Args name; nil: nobody can tell.
func message(lit *ast.CompositeLit) (id *ast.BasicLit, names []string) {
	names = []string{}
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return nil, nil
		}
		switch key, _ := kv.Key.(*ast.Ident); {
		case key == nil:
			return nil, nil
		case key.Name == "ID":
			id, _ = kv.Value.(*ast.BasicLit)
		case key.Name == "Args":
			names = argNames(kv.Value)
		}
	}
	return id, names
}

func argNames(e ast.Expr) []string {
	names := []string{}
	switch e := e.(type) {
	case *ast.CompositeLit:
		for _, e := range e.Elts {
			name, _ := cataloguetest.Literal(e.(*ast.KeyValueExpr).Key)
			names = append(names, name)
		}
	case *ast.CallExpr:
		switch cataloguetest.Callee(e) {
		case "Until", "Wait":
			names = []string{"at", "n"}
		case "FormatArgs":
			names = []string{"digits", "like"}
		}
	default:
		return nil
	}
	slices.Sort(names)
	return names
}

// openTag is where the parts code and recovery-field leave their input open, and what closes it.
var openTag = regexp.MustCompile(`(0|^) enterkeyhint="[a-z]+"(?: autofocus)?>`)

// TestNoTextInTemplates holds the templates to markup, and what stands between it to punctuation.
func TestNoTextInTemplates(t *testing.T) {
	for name, tree := range templates(t) {
		var page strings.Builder
		walk(tree.Root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.TextNode:
				page.Write(n.Text)
			case *parse.ActionNode, *parse.TemplateNode:
				page.WriteString("0") // some value
			}
		})
		markup := openTag.ReplaceAllString(page.String(), "$1>")                          // the rest of a tag that a part begins
		markup = strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(markup) // for browsers without scripts it is markup as any other
		tokens := html.NewTokenizer(strings.NewReader(markup))
		protocol := false // names of parameters, which are the same in every language
		for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
			token := tokens.Token()
			switch kind {
			case html.TextToken:
				if strings.ContainsFunc(token.Data, unicode.IsLetter) && !(protocol && (token.Data == "client_id" || token.Data == "redirect_uri")) {
					t.Errorf("%s says %q", name, strings.TrimSpace(token.Data))
				}
			case html.StartTagToken, html.SelfClosingTagToken:
				for _, a := range token.Attr {
					if said(a.Key) && strings.ContainsFunc(a.Val, unicode.IsLetter) {
						t.Errorf("%s says %q in %s", name, a.Val, a.Key)
					}
				}
			}
			protocol = token.Data == "bdi"
		}
	}
}

// said reports whether people read or hear the attribute.
func said(attribute string) bool {
	return slices.Contains([]string{"aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "alt", "title", "placeholder", "label",
		"data-said", "data-failed", "data-same", "data-differs"}, attribute)
}

// TestNoTextInSources holds the sources to words for programs and operators: what has the look of a sentence is an error or
// a line of the log.
func TestNoTextInSources(t *testing.T) {
	sentence := regexp.MustCompile(`\p{L}[’']?\p{L}*[,:;]? \p{L}|^\p{Lu}\p{Ll}+[.?]?$`)
	for name, file := range sources(t) {
		if slices.Contains(forOperators, name) {
			continue
		}
		spared := forPrograms(file)
		ast.Inspect(file, func(n ast.Node) bool {
			if imports, ok := n.(*ast.ImportSpec); ok && imports != nil {
				return false
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || spared[lit] {
				return true
			}
			if text, ok := cataloguetest.Literal(lit); ok && sentence.MatchString(text) && !isMarkup(text) && !slices.Contains(programWords, text) {
				t.Errorf("%s says %q", name, text)
			}
			return true
		})
	}
}

// forOperators are the sources whose sentences say what is wrong with a setting or a file, and contracts, whose sentences
// are those of a test.
var forOperators = []string{"catalogue/check.go", "notice/fault.go", "notice/mailer.go", "notice/noticetest/contract.go", "step/steptest/contract.go"}

// programWords look like sentences, and are not said by a page: headers, products, scripts and media types.
var programWords = []string{
	"Origin", "Allow", "Accept", "Location", "Vary", "Vestibule", "Safari", "Firefox", "Chrome", "Opera", "Edge", "Edg", "Samsung Internet", "Android", "Windows", "Linux", "Mac OS X",
	"Adlm", "Arab", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa",
	"text/html; charset=utf-8", "text/plain; charset=utf-8", "text/css; charset=utf-8", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "private, max-age=3600",
	"content=\"%d; url=%s\"", "cancel reset ", "browser of a sign-in|", // in what is signed
	catalogue.UnknownAgent,              // in records
	"wrong codes", "the user's address", // the name of a letter, and what stands for an address in the log
}

// isMarkup reports whether a string is that, or a policy: the words in it are elements, attributes and directives.
func isMarkup(text string) bool {
	return strings.HasPrefix(text, "<") || strings.HasPrefix(text, "default-src ") || strings.HasPrefix(text, "attachment; ")
}

// forPrograms are the strings in errors and in the log, and in tags of structs.
func forPrograms(file *ast.File) map[*ast.BasicLit]bool {
	spared := map[*ast.BasicLit]bool{}
	spare := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				spared[lit] = true
			}
			return true
		})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains([]string{"New", "Errorf", "ErrorContext", "InfoContext", "WarnContext"}, cataloguetest.Callee(n)) {
				spare(n)
			}
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Fault" { // what went wrong with a mail
				spare(n)
			}
		case *ast.Field:
			if n.Tag != nil {
				spared[n.Tag] = true
			}
		case *ast.FuncDecl:
			if n.Name.Name == "check" || n.Name.Name == "Error" && n.Recv != nil && n.Type.Params.NumFields() == 0 {
				spare(n)
			}
		}
		return true
	})
	return spared
}

// TestNoTextInScript holds the scripts to texts from the page.
func TestNoTextInScript(t *testing.T) {
	files, err := filepath.Glob("ui/static/*.js")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code := regexp.MustCompile(`(?m)^\s*//.*$| // .*$`).ReplaceAllString(string(data), "")
		for _, m := range regexp.MustCompile("\"([^\"]*)\"|'([^']*)'|`([^`]*)`").FindAllStringSubmatch(code, -1) {
			if text := m[1] + m[2] + m[3]; regexp.MustCompile(`\pL \pL|^[A-Z]|\.$`).MatchString(text) && text != "use strict" {
				t.Errorf("%s says %q", file, text)
			}
		}
	}
}

// TestLayoutIsMirrored holds the style sheet to what a language that is written from the right can use as well: start and
// end, and not left and right.
func TestLayoutIsMirrored(t *testing.T) {
	data, err := os.ReadFile("ui/static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	physical := regexp.MustCompile(`(?:(?:margin|padding|border|scroll-margin|scroll-padding|inset)-)?\b(?:left|right)\b[^;{}]*|(?:margin|padding|border-(?:width|color|style)|inset)\s*:\s*[^;{}]*`)
	for _, rule := range physical.FindAllString(string(data), -1) {
		property, value, _ := strings.Cut(rule, ":")
		sides := strings.Fields(value)
		if strings.Contains(rule, "left") || strings.Contains(rule, "right") || len(sides) == 4 && sides[1] != sides[3] {
			if rule != tick {
				t.Errorf("%s: %s is not mirrored", strings.TrimSpace(property), strings.TrimSpace(value))
			}
		}
	}
}

// tick is drawn with two borders, and is the same in every language.
const tick = "border-width: 0 .15em .15em 0"
