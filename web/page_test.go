package web

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"vestibule/docs/doctest"
	"vestibule/web/ui"
)

// isTestKind reports whether a page is that of a kind of authenticator which is in tests alone.
func isTestKind(page string) bool { return page == "card" || page == "key" }

// checkPage holds every page that any test sees to the rules for all.
func (s *screen) checkPage() {
	s.t.Helper()
	csp := s.header.Get("Content-Security-Policy")
	account := strings.HasPrefix(s.address.Path, s.config.Site.Prefix+"/account")
	title := ""
	if n := s.find("title"); n != nil {
		title = words(n)
	}
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{!isTestKind(s.name) && !doctest.HasPage(s.t, s.name, s.state), "has a data-page or data-state that docs/apps.md has not"},
		{attr(s.find("main"), "id") != "main" || attr(s.find("main"), "tabindex") != "-1", "has no place for the skip link to go to"},
		{len(s.all("h1")) != 1, "has not one h1"},
		{len(s.all("header")) != 1 || len(s.all("footer")) != 1 || len(s.all("main")) != 1, "lacks a landmark"},
		{attr(s.find("html"), "lang") == "" || attr(s.find("html"), "dir") == "", "does not say its language"},
		{!strings.HasSuffix(title, "– Vestibule"), "has the title " + title},
		{strings.HasPrefix(title, "Error: ") != (s.byID("error-summary") != nil || s.errorAlone() != nil), "tells of an error in the title only, or not there"},
		{s.byID("error-summary") != nil && s.errorAlone() != nil, "says its only error twice"},
		{len(s.all("style")) > 0, "has a style element"},
		{s.header.Get("Cache-Control") != "no-store", "may be kept"},
		{s.header.Get("Referrer-Policy") != "same-origin", "has the wrong referrer policy"},
		{s.header.Get("X-Content-Type-Options") != "nosniff", "may be sniffed"},
		{s.header.Get("Permissions-Policy") != "publickey-credentials-get=(self), clipboard-write=(self), camera=(), microphone=(), geolocation=()", "has no permissions policy"},
		{s.header.Get("X-Robots-Tag") != "noindex", "may be indexed"},
		{!strings.HasPrefix(csp, "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"), "has the policy " + csp},
		{strings.Contains(csp, "form-action") != account, "has form-action where it must not, or the other way round"},
		{(s.header.Get("Cross-Origin-Opener-Policy") != "") != account, "cuts off the window that opened it, or the other way round"},
	} {
		if rule.broken {
			s.t.Errorf("page %s (%s, %s) %s", s.address.Path, s.name, s.state, rule.text)
		}
	}
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode {
			s.checkElement(n)
		}
	}
	s.checkFocus()
	if inStrangeLanguage(s.t) {
		s.checkLanguage()
	}
}

func (s *screen) checkElement(n *html.Node) {
	s.t.Helper()
	for _, a := range n.Attr {
		if (a.Key == "href" || a.Key == "src" || a.Key == "action") && strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, s.config.Site.Prefix+"/") {
			s.t.Errorf("page %s (%s): <%s %s=%q> is not below %s", s.name, s.state, n.Data, a.Key, a.Val, s.config.Site.Prefix)
		}
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
			s.t.Errorf("page %s (%s): <%s> has the attribute %s", s.name, s.state, n.Data, a.Key)
		}
		if a.Key == "aria-describedby" || a.Key == "aria-controls" || a.Key == "aria-labelledby" {
			for _, id := range strings.Fields(a.Val) {
				if s.byID(id) == nil {
					s.t.Errorf("page %s (%s): <%s %s> points at #%s, which is not there", s.name, s.state, n.Data, a.Key, id)
				}
			}
		}
	}
	switch n.Data {
	case "script":
		if !strings.HasPrefix(attr(n, "src"), s.config.Site.Prefix+"/static/") || !has(n, "defer") || n.FirstChild != nil {
			s.t.Errorf("page %s: a script that is not ours or not deferred", s.name)
		}
	case "input":
		s.checkInput(n)
	case "form":
		if attr(n, "method") != "post" || !strings.HasPrefix(attr(n, "action"), s.config.Site.Prefix+"/") {
			s.t.Errorf("page %s: form %s %s", s.name, attr(n, "method"), attr(n, "action"))
		}
		if !ui.IsToken(inputs(n).Get("form_id")) {
			s.t.Errorf("page %s: the form %s has no value that is hard to guess", s.name, attr(n, "action"))
		}
	case "a":
		if href := attr(n, "href"); strings.HasPrefix(href, "#") && s.byID(href[1:]) == nil {
			s.t.Errorf("page %s (%s): link to %s, which is not there", s.name, s.state, href)
		}
	case "button":
		if has(n, "disabled") || attr(n, "type") == "" || words(n) == "" {
			s.t.Errorf("page %s: button %q is disabled or has no type or no label", s.name, words(n))
		}
	}
}

// autocomplete has what password managers need to know of each field.
var autocomplete = map[string]string{
	"username": "username", "password": "current-password", "code": "one-time-code", "recovery": "off", "name": "off", "new-password": "new-password",
}

// hiddenFields are those of any page, and those of the page that an app's request to sign out has brought up: what of that
// stood in the address, but for the ID token.
var hiddenFields = map[string][]string{
	"":         {"form_id", "flow", "with", "of", "token", "challenge"},
	"password": {"replaces"}, // when the one before was set
	"logout":   {"client_id", "post_logout_redirect_uri", "state", "ui_locales"},
}

func (s *screen) checkInput(n *html.Node) {
	s.t.Helper()
	name, kind := attr(n, "name"), attr(n, "type")
	if kind == "hidden" {
		if !slices.Contains(hiddenFields[""], name) && !slices.Contains(hiddenFields[s.name], name) {
			s.t.Errorf("page %s: hidden field %s", s.name, name)
		}
		return
	}
	if want, ok := autocomplete[name]; ok && attr(n, "autocomplete") != want {
		s.t.Errorf("page %s: field %s has autocomplete %q, want %q", s.name, name, attr(n, "autocomplete"), want)
	}
	if has(n, "hidden") { // for password managers only
		return
	}
	labels := 0
	for l := range s.doc.Descendants() {
		if l.Data == "label" && attr(l, "for") == attr(n, "id") {
			labels++
		}
	}
	if attr(n, "id") != name || labels != 1 {
		s.t.Errorf("page %s: field %s has id %q and %d labels", s.name, name, attr(n, "id"), labels)
	}
	if kind == "checkbox" && has(n, "required") && !has(n, "aria-invalid") {
		s.t.Errorf("page %s: the box %s is told as wrong before anybody was asked", s.name, name)
	}
	if (name == "password" || name == "code" || name == "recovery") && attr(n, "value") != "" {
		s.t.Errorf("page %s: field %s is filled in", s.name, name)
	}
}

// errorAlone is the error of a page that has no more, beside the field that it is about; nil: there is none.
func (s *screen) errorAlone() *html.Node {
	for n := range s.doc.Descendants() {
		if attr(n, "class") == "error" && attr(n, "role") == "alert" {
			return n
		}
	}
	return nil
}

// checkFocus holds a page with errors to one place for the focus, and each error to its field: the place is the box of the
// errors, or the field of the only one.
func (s *screen) checkFocus() {
	s.t.Helper()
	place := s.byID("error-summary")
	if alone := s.errorAlone(); alone != nil {
		if place = s.byID(strings.TrimSuffix(attr(alone, "id"), "-error")); !has(place, "aria-invalid") || !has(place, "autofocus") {
			s.t.Errorf("page %s (%s): the field of the error %s has not the focus", s.name, s.state, attr(alone, "id"))
		}
	}
	focused := 0
	for n := range s.doc.Descendants() {
		if has(n, "autofocus") {
			focused++
			if place != nil && n != place {
				s.t.Errorf("page %s (%s): the focus goes to <%s>, not to the error", s.name, s.state, n.Data)
			}
		}
		if has(n, "aria-invalid") && s.byID(attr(n, "id")+"-error") == nil {
			s.t.Errorf("page %s (%s): field %s has no error beside it", s.name, s.state, attr(n, "id"))
		}
	}
	if focused > 1 {
		s.t.Errorf("page %s (%s): %d elements want the focus", s.name, s.state, focused)
	}
}

func (s *screen) all(element string) []*html.Node {
	var all []*html.Node
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			all = append(all, n)
		}
	}
	return all
}

func (s *screen) byID(id string) *html.Node {
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	return nil
}
