package servertest

import (
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

func isHandler(a html.Attribute) bool { return strings.HasPrefix(a.Key, "on") }

// findIn returns the first element below root that matches, or nil.
func findIn(root *html.Node, match func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

// Element matches elements of that name.
func Element(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

// Named matches elements whose attribute name is that.
func Named(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return Attribute(n, "name") == name }
}

// HasAttribute matches elements that have the attribute.
func HasAttribute(key string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	}
}

// IsSubmit matches buttons that send a form.
func IsSubmit(n *html.Node) bool {
	return n.Data == "button" && (Attribute(n, "type") == "submit" || Attribute(n, "type") == "")
}

// Attribute is the value of an attribute; empty if n is nil or has none.
func Attribute(n *html.Node, key string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// formValues is what the form sends if nothing is changed.
func formValues(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		kind := Attribute(n, "type")
		switch {
		case n.Data != "input" || Attribute(n, "name") == "":
		case (kind == "checkbox" || kind == "radio") && !HasAttribute("checked")(n):
		case kind == "checkbox" && Attribute(n, "value") == "":
			values.Add(Attribute(n, "name"), "on")
		default:
			values.Add(Attribute(n, "name"), Attribute(n, "value"))
		}
	}
	return values
}

// TextOf joins the words below n as a reader sees them.
func TextOf(n *html.Node) string {
	var words []string
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "script" {
			words = append(words, strings.Fields(c.Data)...)
		}
	}
	return strings.Join(words, " ")
}
