package ui

import (
	"bytes"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"text/template/parse"
)

// folded is a template that is folded before it is first executed: what would be the same each time is worked out once,
// and stands in the template as text. Most of a page is texts of the catalogue, which a template finds by reflection.
type folded struct {
	*template.Template
	once sync.Once
}

// ready returns the template to execute: as a whole, or one of entries.
func (f *folded) ready() *template.Template {
	f.once.Do(func() { fold(f.Template) })
	return f.Template
}

// entries are the templates that are executed by themselves, beside the page.
var entries = []string{"title", "row"}

// constant are the functions whose result depends on their arguments alone, as long as the server runs.
var constant = []string{"t", "forms", "asset", "prefix", "product", "lang", "dir", "bdi", "strong", "code", "unseen", "value", "link", "around", "element", "print"}

// escaper is what the names of the functions begin with by which html/template escapes. If they had other names nothing
// would be folded, for only what ends in one is; a test says so.
const escaper = "_html_template_"

// markup are the functions that return template.HTML. What escapes text between tags leaves that as it is, and so need not
// be called.
var markup = []string{"t", "tk", "say", "apart", "contact", "due", "when", "server", "bdi", "strong", "code", "unseen", "value"}

// fold puts text in the place of each action of t that needs no data. It works on what html/template has made of the
// template when it was first executed, and has that evaluate each action, with the escapers that belong to its place.
func fold(t *template.Template) {
	for _, name := range append([]string{t.Name()}, entries...) {
		// Without data it fails, after the escaping. What is wrong with that is told again to whoever executes it. All
		// entries are escaped before any is folded: what a fold leaves is right in its place alone.
		t.ExecuteTemplate(io.Discard, name, nil)
	}
	if t.Tree == nil {
		return
	}
	f := &folder{page: t, seen: map[string]bool{}}
	for _, name := range append([]string{t.Name()}, entries...) {
		f.template(name)
	}
}

// folder folds the templates of a page.
type folder struct {
	page *template.Template
	seen map[string]bool
}

// template folds a template that is executed, once, and returns its text if it needs no data. The copies that html/template
// makes of one that stands in several contexts are not to be found, and stay as they are.
func (f *folder) template(name string) (*parse.TextNode, bool) {
	t := f.page.Lookup(name)
	if t == nil || t.Tree == nil {
		return nil, false
	}
	if !f.seen[name] {
		f.seen[name] = true
		f.list(t.Tree.Root)
	}
	switch nodes := t.Tree.Root.Nodes; len(nodes) {
	case 0:
		return textNode(nil), true
	case 1:
		text, ok := nodes[0].(*parse.TextNode)
		return text, ok
	}
	return nil, false
}

// list folds the nodes of a list, and joins texts that stand side by side.
func (f *folder) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	var nodes []parse.Node
	for _, n := range l.Nodes {
		n = f.node(n)
		text, ok := n.(*parse.TextNode)
		if !ok {
			nodes = append(nodes, n)
			continue
		}
		if last := len(nodes) - 1; last >= 0 {
			if before, ok := nodes[last].(*parse.TextNode); ok {
				nodes[last] = textNode(slices.Concat(before.Text, text.Text))
				continue
			}
		}
		nodes = append(nodes, text)
	}
	l.Nodes = nodes
}

func textNode(text []byte) *parse.TextNode {
	return &parse.TextNode{NodeType: parse.NodeText, Text: text}
}

// node returns the node that stands in the place of n.
func (f *folder) node(n parse.Node) parse.Node {
	switch n := n.(type) {
	case *parse.ActionNode:
		if isEscaped(n.Pipe) && isConstant(n.Pipe) {
			return f.evaluate(n)
		}
		n.Pipe.Cmds = withoutEscaper(n.Pipe.Cmds)
	case *parse.TemplateNode:
		if text, ok := f.template(n.Name); ok {
			return text
		}
	case *parse.IfNode:
		f.branch(&n.BranchNode)
	case *parse.WithNode:
		f.branch(&n.BranchNode)
	case *parse.RangeNode:
		f.branch(&n.BranchNode)
	}
	return n
}

func (f *folder) branch(b *parse.BranchNode) {
	f.list(b.List)
	f.list(b.ElseList)
}

// evaluate returns what the action prints, or the action if it fails: then it fails again where somebody is told. For as
// long as that takes, the action is all of the page.
func (f *folder) evaluate(n *parse.ActionNode) parse.Node {
	root := f.page.Tree.Root
	nodes := root.Nodes
	defer func() { root.Nodes = nodes }()
	root.Nodes = []parse.Node{n}
	var b bytes.Buffer
	if err := f.page.Execute(&b, nil); err != nil {
		return n
	}
	return textNode(b.Bytes())
}

// isEscaped reports whether html/template has seen to what the pipeline prints.
func isEscaped(p *parse.PipeNode) bool {
	last := p.Cmds[len(p.Cmds)-1]
	name, ok := last.Args[0].(*parse.IdentifierNode)
	return ok && strings.HasPrefix(name.Ident, escaper)
}

// withoutEscaper are the commands of an action, without an escaper that leaves what it gets as it is.
func withoutEscaper(cmds []*parse.CommandNode) []*parse.CommandNode {
	if len(cmds) == 2 && calls(cmds[1], escaper+"htmlescaper") && calls(cmds[0], markup...) {
		return cmds[:1]
	}
	return cmds
}

// calls reports whether the command calls one of the functions.
func calls(c *parse.CommandNode, functions ...string) bool {
	name, ok := c.Args[0].(*parse.IdentifierNode)
	return ok && slices.Contains(functions, name.Ident)
}

// isConstant reports whether the pipeline prints the same whatever the data is.
func isConstant(p *parse.PipeNode) bool {
	return len(p.Decl) == 0 && !slices.ContainsFunc(p.Cmds, func(c *parse.CommandNode) bool {
		return slices.ContainsFunc(c.Args, func(arg parse.Node) bool { return !isConstantArg(arg) })
	})
}

func isConstantArg(n parse.Node) bool {
	switch n := n.(type) {
	case *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
		return true
	case *parse.IdentifierNode:
		return strings.HasPrefix(n.Ident, escaper) || slices.Contains(constant, n.Ident)
	case *parse.PipeNode:
		return isConstant(n)
	}
	return false
}
