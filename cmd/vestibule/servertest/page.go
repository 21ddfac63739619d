package servertest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"vestibule/docs/doctest"
)

// Page is what the browser shows.
type Page struct {
	*Browser
	Address *url.URL // its own: where another has answered with it, the script of the pages puts this one in the place of that
	Status  int
	Header  http.Header
	Body    string
	Doc     *html.Node
	Name    string   // data-page
	State   string   // data-state
	Left    *url.URL // where the site sent the browser to, if that is another site; then all above is empty
	Posted  bool     // the query of Left was sent in a form
}

// read parses an HTML page and holds it to what every page has to be.
func (p *Page) read() {
	p.T.Helper()
	if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		return
	}
	doc, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.T.Fatalf("%s: %v", p.Address.Path, err)
	}
	p.Doc = doc
	main := p.Find(Element("main"))
	if main == nil {
		p.T.Fatalf("%s (%d) has no main:\n%s", p.Address, p.Status, p.Body)
	}
	p.Name, p.State = Attribute(main, "data-page"), Attribute(main, "data-state")
	if placed := p.Find(HasAttribute("data-page-address")); placed != nil {
		if q := p.Address.Query(); q.Has("request") || q.Has("request_uri") {
			p.T.Errorf("page %s stands at an address that cannot be asked for again: %s", p.Name, p.Address)
		}
		if p.Address, err = p.Address.Parse(Attribute(placed, "data-page-address") + "?flow=" + url.QueryEscape(Attribute(placed, "value"))); err != nil {
			p.T.Fatalf("the own address of page %s: %v", p.Name, err)
		}
	}
	p.check()
}

// check holds the page to the rules for all; the table of pages has none of the sample app's.
func (p *Page) check() {
	p.T.Helper()
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{p.Name == "" || p.State == "", "has no data-page or data-state"},
		{p.Name != "sample" && !doctest.HasPage(p.T, p.Name, p.State), "has a data-page or data-state that docs/apps.md has not"},
		{len(p.All(Element("h1"))) != 1, "has not one h1"},
		{p.Find(Element("style")) != nil || p.Find(HasAttribute("style")) != nil, "has style of its own"},
		{p.Find(p.isStrangeScript) != nil, "has an inline script that its policy does not name, or another one beside it"},
		{p.Find(func(n *html.Node) bool { return slices.ContainsFunc(n.Attr, isHandler) }) != nil, "has an inline event handler"},
		{Attribute(p.Find(Element("html")), "lang") == "", "does not say its language"},
		{p.Header.Get("Cache-Control") != "no-store", "may be kept: " + p.Header.Get("Cache-Control")},
		{p.Header.Get("Referrer-Policy") != "same-origin", "has the wrong referrer policy"},
		{p.Header.Get("X-Content-Type-Options") != "nosniff", "may be sniffed"},
		{p.Header.Get("X-Frame-Options") != "DENY", "may be framed by an old browser"},
		{!strings.Contains(p.Header.Get("Content-Security-Policy"), "default-src 'none'"), "has no content security policy"},
		{!strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'"), "may be framed"},
		{p.isInteraction() && strings.Contains(p.Header.Get("Content-Security-Policy"), "form-action"), "keeps the browser from the client"},
		{p.isInteraction() && p.Header.Get("Cross-Origin-Opener-Policy") != "", "cuts off the window that opened it"},
		{strings.HasPrefix(p.path(), "/account") && !strings.Contains(p.Header.Get("Content-Security-Policy"), "form-action 'self'"), "may send forms away"},
	} {
		if rule.broken {
			p.T.Errorf("page %s (%s, %s) %s", p.Address.Path, p.Name, p.State, rule.text)
		}
	}
}

// isInteraction tells the pages that end at a client.
func (p *Page) isInteraction() bool {
	return strings.HasPrefix(p.path(), "/login") || p.path() == "/consent"
}

// path is that of the page at the site, which may be below a path itself.
func (p *Page) path() string {
	return strings.TrimPrefix(p.Address.Path, strings.TrimPrefix(p.Browser.Site.Config.Issuer, p.Browser.Site.Origin()))
}

// At fails the test unless this is that page in that state.
func (p *Page) At(name, state string) *Page {
	p.T.Helper()
	switch {
	case p.Left != nil:
		p.T.Fatalf("the browser was sent to %s; want page %s", p.Left, name)
	case p.Name != name || p.State != state:
		p.T.Fatalf("%s shows page %q in state %q (%d), want %q in state %q:\n%s", p.Address, p.Name, p.State, p.Status, name, state, p.Text())
	}
	return p
}

// Says fails the test unless the page has the words.
func (p *Page) Says(words string) *Page {
	p.T.Helper()
	if !strings.Contains(p.Text(), words) {
		p.T.Errorf("page %s in state %s does not say %q:\n%s", p.Name, p.State, words, p.Text())
	}
	return p
}

// HasStatus fails the test unless the page was answered with that status.
func (p *Page) HasStatus(status int) *Page {
	p.T.Helper()
	if p.Status != status {
		p.T.Errorf("page %s in state %s answers %d, want %d", p.Name, p.State, p.Status, status)
	}
	return p
}

// Press fills in fields, given as name and value in turn, and presses the button with that label.
func (p *Page) Press(label string, fields ...string) *Page {
	p.T.Helper()
	address, form := p.Fill(label, fields...)
	return p.Post(address, form)
}

// Fill returns what pressing the button would send, and where to.
func (p *Page) Fill(label string, fields ...string) (string, url.Values) {
	p.T.Helper()
	button := p.Find(func(n *html.Node) bool { return IsSubmit(n) && strings.Contains(TextOf(n), label) })
	if button == nil {
		p.T.Fatalf("page %q in state %q has no button %q:\n%s", p.Name, p.State, label, p.Text())
	}
	form := p.formOf(button)
	values := formValues(form)
	if name := Attribute(button, "name"); name != "" {
		values.Set(name, Attribute(button, "value"))
	}
	for i := 0; i < len(fields); i += 2 {
		if findIn(form, Named(fields[i])) == nil {
			p.T.Fatalf("the form of button %q on page %s has no field %q", label, p.Name, fields[i])
		}
		values.Set(fields[i], fields[i+1])
		if !slices.Contains([]string{"username", "name"}, fields[i]) {
			p.Site.KeepSecret(fields[i+1])
		}
	}
	action := Attribute(form, "action")
	if a := Attribute(button, "formaction"); a != "" {
		action = a
	}
	address, err := p.Address.Parse(action)
	if err != nil || !strings.EqualFold(Attribute(form, "method"), "post") {
		p.T.Fatalf("the form of button %q on page %s: action %q, method %q", label, p.Name, action, Attribute(form, "method"))
	}
	return address.String(), values
}

func (p *Page) formOf(button *html.Node) *html.Node {
	p.T.Helper()
	if id := Attribute(button, "form"); id != "" {
		return p.Find(func(n *html.Node) bool { return n.Data == "form" && Attribute(n, "id") == id })
	}
	for n := button; n != nil; n = n.Parent {
		if n.Data == "form" {
			return n
		}
	}
	p.T.Fatalf("button %q on page %s is in no form", TextOf(button), p.Name)
	return nil
}

// Click follows the link with that label.
func (p *Page) Click(label string) *Page {
	p.T.Helper()
	link := p.Find(func(n *html.Node) bool { return n.Data == "a" && strings.Contains(TextOf(n), label) })
	if link == nil {
		p.T.Fatalf("page %q in state %q has no link %q:\n%s", p.Name, p.State, label, p.Text())
	}
	address, err := p.Address.Parse(Attribute(link, "href"))
	if err != nil {
		p.T.Fatalf("link %q: %v", label, err)
	}
	return p.Open(address.String())
}

// Reload asks for the page again.
func (p *Page) Reload() *Page {
	p.T.Helper()
	return p.Open(p.Address.String())
}

// Value is what stands in a field.
func (p *Page) Value(name string) string {
	p.T.Helper()
	field := p.Find(Named(name))
	if field == nil {
		p.T.Fatalf("page %s has no field %q", p.Name, name)
	}
	return Attribute(field, "value")
}

// Text is what a reader of the page sees.
func (p *Page) Text() string {
	if p.Doc == nil {
		return p.Body
	}
	return TextOf(p.Find(Element("body")))
}

// Find returns the first element that matches, or nil.
func (p *Page) Find(match func(*html.Node) bool) *html.Node { return findIn(p.Doc, match) }

// All returns the elements that match.
func (p *Page) All(match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range p.Doc.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

// Deliver presses the button of a page whose form goes to a client, as far as the client. Any other page stays.
func (p *Page) Deliver() *Page {
	p.T.Helper()
	if p.Name != "form-post" {
		return p
	}
	address, form := p.Fill("Continue")
	to, err := url.Parse(address)
	if err != nil {
		p.T.Fatalf("the form of page %s goes to %s: %v", p.Name, address, err)
	}
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += form.Encode()
	return &Page{Browser: p.Browser, Left: to, Posted: true}
}

// End is where a browser has come to: the page, or the client and what it got.
func (p *Page) End() string {
	if p.Left != nil {
		q := p.Left.Query()
		if q.Has("code") {
			return "client with a code"
		}
		return "client with " + q.Get("error")
	}
	return fmt.Sprint(p.Name, " ", p.State, " ", p.Status)
}

// isStrangeScript reports whether an element is a script that must not be on the page: an inline one is the only one there,
// and the policy has its hash and allows no other.
func (p *Page) isStrangeScript(n *html.Node) bool {
	if n.Data != "script" || Attribute(n, "src") != "" {
		return false
	}
	sum := sha256.Sum256([]byte(n.FirstChild.Data))
	only := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	return !strings.Contains(p.Header.Get("Content-Security-Policy"), only) || len(p.All(Element("script"))) > 1
}

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
