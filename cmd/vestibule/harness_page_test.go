package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is a browser without JavaScript. It follows redirects as long as they stay at the site.
type browser struct {
	t    *testing.T
	site *site
	http *http.Client
}

func (s *site) newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("cookie jar: %v", err)
	}
	return &browser{t: t, site: s, http: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what the browser shows.
type page struct {
	*browser
	address *url.URL
	status  int
	header  http.Header
	body    string
	doc     *html.Node
	name    string   // data-page
	state   string   // data-state
	left    *url.URL // where the site sent the browser to, if that is another site; then all above is empty
}

// open goes to an address, absolute or at the site.
func (b *browser) open(address string) *page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.site.config.Issuer + address
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
	return b.follow(request)
}

// post sends a form as a page at the site does.
func (b *browser) post(address string, form url.Values) *page {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.site.config.Issuer + address
	}
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatalf("post to %s: %v", address, err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.site.config.Issuer)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.follow(request)
}

func (b *browser) follow(request *http.Request) *page {
	b.t.Helper()
	for range 12 {
		p, next := b.once(request)
		if next == nil {
			return p
		}
		if next.Host != request.URL.Host {
			return &page{browser: b, left: next}
		}
		var err error
		if request, err = http.NewRequestWithContext(b.t.Context(), http.MethodGet, next.String(), nil); err != nil {
			b.t.Fatalf("follow %s: %v", next, err)
		}
	}
	b.t.Fatalf("too many redirects, the last to %s", request.URL)
	return nil
}

// once makes one request and returns the page, or where it redirects to.
func (b *browser) once(request *http.Request) (*page, *url.URL) {
	b.t.Helper()
	response, err := b.http.Do(request)
	if err != nil {
		b.t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	b.checkCookies(response)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	if response.StatusCode/100 == 3 {
		next, err := response.Location()
		if err != nil {
			b.t.Fatalf("%s %s: %s without a place to go", request.Method, request.URL, response.Status)
		}
		if response.StatusCode != http.StatusSeeOther && response.StatusCode != http.StatusFound {
			b.t.Errorf("%s %s: %s could send a form on (RFC 9700 section 4.12)", request.Method, request.URL, response.Status)
		}
		return nil, next
	}
	p := &page{browser: b, address: request.URL, status: response.StatusCode, header: response.Header, body: string(body)}
	p.read()
	return p, nil
}

// checkCookies holds every cookie to what a session cookie has to be.
func (b *browser) checkCookies(response *http.Response) {
	b.t.Helper()
	for _, c := range response.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
			b.t.Errorf("%s sets a careless cookie: %s", response.Request.URL.Path, c.Raw)
		}
		if c.MaxAge >= 0 {
			b.site.keepSecret(c.Value)
		}
	}
}

// read parses an HTML page and holds it to what every page has to be.
func (p *page) read() {
	p.t.Helper()
	if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
		return
	}
	doc, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatalf("%s: %v", p.address.Path, err)
	}
	p.doc = doc
	main := p.find(element("main"))
	if main == nil {
		p.t.Fatalf("%s (%d) has no main:\n%s", p.address, p.status, p.body)
	}
	p.name, p.state = attribute(main, "data-page"), attribute(main, "data-state")
	p.check()
}

func (p *page) check() {
	p.t.Helper()
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{p.name == "" || p.state == "", "has no data-page or data-state"},
		{len(p.all(element("h1"))) != 1, "has not one h1"},
		{p.find(element("style")) != nil || p.find(has("style")) != nil, "has style of its own"},
		{p.find(func(n *html.Node) bool { return n.Data == "script" && attribute(n, "src") == "" }) != nil, "has an inline script"},
		{p.find(func(n *html.Node) bool { return slices.ContainsFunc(n.Attr, isHandler) }) != nil, "has an inline event handler"},
		{attribute(p.find(element("html")), "lang") == "", "does not say its language"},
		{p.header.Get("Cache-Control") != "no-store", "may be kept: " + p.header.Get("Cache-Control")},
		{p.header.Get("Referrer-Policy") != "same-origin", "has the wrong referrer policy"},
		{p.header.Get("X-Content-Type-Options") != "nosniff", "may be sniffed"},
		{p.header.Get("X-Frame-Options") != "DENY", "may be framed by an old browser"},
		{!strings.Contains(p.header.Get("Content-Security-Policy"), "default-src 'none'"), "has no content security policy"},
		{!strings.Contains(p.header.Get("Content-Security-Policy"), "frame-ancestors 'none'"), "may be framed"},
		{p.isInteraction() && strings.Contains(p.header.Get("Content-Security-Policy"), "form-action"), "keeps the browser from the client"},
		{p.isInteraction() && p.header.Get("Cross-Origin-Opener-Policy") != "", "cuts off the window that opened it"},
		{strings.HasPrefix(p.address.Path, "/account") && !strings.Contains(p.header.Get("Content-Security-Policy"), "form-action 'self'"), "may send forms away"},
	} {
		if rule.broken {
			p.t.Errorf("page %s (%s, %s) %s", p.address.Path, p.name, p.state, rule.text)
		}
	}
}

func isHandler(a html.Attribute) bool { return strings.HasPrefix(a.Key, "on") }

// isInteraction tells the pages that end at a client.
func (p *page) isInteraction() bool {
	return strings.HasPrefix(p.address.Path, "/login") || p.address.Path == "/consent"
}

// at fails the test unless this is that page in that state.
func (p *page) at(name, state string) *page {
	p.t.Helper()
	switch {
	case p.left != nil:
		p.t.Fatalf("the browser was sent to %s; want page %s", p.left, name)
	case p.name != name || p.state != state:
		p.t.Fatalf("%s shows page %q in state %q (%d), want %q in state %q:\n%s", p.address, p.name, p.state, p.status, name, state, p.text())
	}
	return p
}

// says fails the test unless the page has the words.
func (p *page) says(words string) *page {
	p.t.Helper()
	if !strings.Contains(p.text(), words) {
		p.t.Errorf("page %s in state %s does not say %q:\n%s", p.name, p.state, words, p.text())
	}
	return p
}

func (p *page) hasStatus(status int) *page {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("page %s in state %s answers %d, want %d", p.name, p.state, p.status, status)
	}
	return p
}

// press fills in fields, given as name and value in turn, and presses the button with that label.
func (p *page) press(label string, fields ...string) *page {
	p.t.Helper()
	address, form := p.fill(label, fields...)
	return p.post(address, form)
}

// fill returns what pressing the button would send, and where to.
func (p *page) fill(label string, fields ...string) (string, url.Values) {
	p.t.Helper()
	button := p.find(func(n *html.Node) bool { return isSubmit(n) && strings.Contains(text(n), label) })
	if button == nil {
		p.t.Fatalf("page %q in state %q has no button %q:\n%s", p.name, p.state, label, p.text())
	}
	form := p.formOf(button)
	values := formValues(form)
	if name := attribute(button, "name"); name != "" {
		values.Set(name, attribute(button, "value"))
	}
	for i := 0; i < len(fields); i += 2 {
		if findIn(form, named(fields[i])) == nil {
			p.t.Fatalf("the form of button %q on page %s has no field %q", label, p.name, fields[i])
		}
		values.Set(fields[i], fields[i+1])
		if !slices.Contains([]string{"username", "name"}, fields[i]) {
			p.site.keepSecret(fields[i+1])
		}
	}
	action := attribute(form, "action")
	if a := attribute(button, "formaction"); a != "" {
		action = a
	}
	address, err := p.address.Parse(action)
	if err != nil || !strings.EqualFold(attribute(form, "method"), "post") {
		p.t.Fatalf("the form of button %q on page %s: action %q, method %q", label, p.name, action, attribute(form, "method"))
	}
	return address.String(), values
}

func (p *page) formOf(button *html.Node) *html.Node {
	p.t.Helper()
	if id := attribute(button, "form"); id != "" {
		return p.find(func(n *html.Node) bool { return n.Data == "form" && attribute(n, "id") == id })
	}
	for n := button; n != nil; n = n.Parent {
		if n.Data == "form" {
			return n
		}
	}
	p.t.Fatalf("button %q on page %s is in no form", text(button), p.name)
	return nil
}

// click follows the link with that label.
func (p *page) click(label string) *page {
	p.t.Helper()
	link := p.find(func(n *html.Node) bool { return n.Data == "a" && strings.Contains(text(n), label) })
	if link == nil {
		p.t.Fatalf("page %q in state %q has no link %q:\n%s", p.name, p.state, label, p.text())
	}
	address, err := p.address.Parse(attribute(link, "href"))
	if err != nil {
		p.t.Fatalf("link %q: %v", label, err)
	}
	return p.open(address.String())
}

// reload asks for the page again.
func (p *page) reload() *page {
	p.t.Helper()
	return p.open(p.address.String())
}

// value is what stands in a field.
func (p *page) value(name string) string {
	p.t.Helper()
	field := p.find(named(name))
	if field == nil {
		p.t.Fatalf("page %s has no field %q", p.name, name)
	}
	return attribute(field, "value")
}

// text is what a reader of the page sees.
func (p *page) text() string {
	if p.doc == nil {
		return p.body
	}
	return text(p.find(element("body")))
}

func (p *page) find(match func(*html.Node) bool) *html.Node { return findIn(p.doc, match) }

func (p *page) all(match func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
	}
	return found
}

func findIn(root *html.Node, match func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func element(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

func named(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return attribute(n, "name") == name }
}

func has(key string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	}
}

func isSubmit(n *html.Node) bool {
	return n.Data == "button" && (attribute(n, "type") == "submit" || attribute(n, "type") == "")
}

func attribute(n *html.Node, key string) string {
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
		kind := attribute(n, "type")
		switch {
		case n.Data != "input" || attribute(n, "name") == "":
		case (kind == "checkbox" || kind == "radio") && !has("checked")(n):
		case kind == "checkbox" && attribute(n, "value") == "":
			values.Add(attribute(n, "name"), "on")
		default:
			values.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return values
}

// text joins the words below n as a reader sees them.
func text(n *html.Node) string {
	var words []string
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "script" {
			words = append(words, strings.Fields(c.Data)...)
		}
	}
	return strings.Join(words, " ")
}
