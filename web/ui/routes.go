package ui

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Handler answers a request or says why not.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is an address of a page or of a form.
type Route struct {
	Method string // GET, for HEAD as well, or POST
	Path   string // a pattern of http.ServeMux
	Answer Handler
}

// Get is the Route of a page.
func Get(path string, h Handler) Route { return Route{http.MethodGet, path, h} }

// Post is the Route of a form.
func Post(path string, h Handler) Route { return Route{http.MethodPost, path, h} }

// Mux is what takes a handler for a pattern, as http.ServeMux does.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Register adds the routes to mux, below the Prefix. It claims no other address, but all there if there is a Prefix, so
// that a mux may have patterns as general as GET / beside them. An address is claimed for GET and for POST, whichever it
// answers: so the more exact of two addresses always counts.
func (p *Pages) Register(mux Mux, routes ...Route) {
	routes = append(routes, Get("/static/{hash}/{name}", p.static))
	answers := map[string]methods{}
	for _, route := range routes {
		answer := route.Answer
		if route.Method == http.MethodPost {
			answer = p.sameSite(answer)
		}
		if answers[route.Path] == nil {
			answers[route.Path] = methods{}
		}
		answers[route.Path][route.Method] = answer
	}
	for path, all := range answers {
		p.handle(mux, path, all.answer)
	}
	if _, taken := answers["/"]; p.Prefix != "" && !taken {
		p.handle(mux, "/", notFound)
	}
}

// handle adds an address for the methods that pages and forms have.
func (p *Pages) handle(mux Mux, path string, h Handler) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		mux.Handle(method+" "+p.Prefix+path, p.serve(h))
	}
}

// NotFound answers where no page is, for a program that has nothing else there.
func (p *Pages) NotFound() http.Handler {
	return p.answer(methods{http.MethodGet: notFound, http.MethodPost: notFound}.answer)
}

func notFound(http.ResponseWriter, *http.Request) error { return ErrNotFound }

// methods are the answers at an address.
type methods map[string]Handler

func (m methods) answer(w http.ResponseWriter, r *http.Request) error {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h := m[method]; h != nil {
		return h(w, r)
	}
	w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(m)), ", "))
	return errMethod
}

// Answer is an error that has an answer of its own, and no page.
type Answer interface {
	error
	Answer(w http.ResponseWriter, r *http.Request) error
}

// serve reads the form, sets the headers of a page and shows errors. A Handler sees the path without the Prefix.
func (p *Pages) serve(h Handler) http.Handler { return http.StripPrefix(p.Prefix, p.answer(h)) }

func (p *Pages) answer(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.SetHeaders(w.Header(), r.URL.Path)
		r = WithLocales(r)
		err := readForm(w, r)
		if err == nil {
			err = h(w, r)
		}
		if other := Answer(nil); errors.As(err, &other) {
			err = other.Answer(w, r)
		}
		if err != nil {
			p.Error(w, r, err)
		}
	}
}

// sameSite refuses a form unless the browser says that a page of ours sent it. net/http's CrossOriginProtection lets the
// other scheme of our host pass, and whoever says nothing: these pages are for browsers, and all of them say.
func (p *Pages) sameSite(h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !p.fromOurselves(r.Header) {
			return errCrossSite
		}
		return h(w, r)
	}
}

// fromOurselves reports whether Origin is ours and Sec-Fetch-Site does not deny it. A browser that sends only the
// second is believed; pages that are not from https send only the first.
func (p *Pages) fromOurselves(h http.Header) bool {
	origin, site := h.Values("Origin"), h.Values("Sec-Fetch-Site")
	ours := len(origin) == 1 && strings.EqualFold(origin[0], p.origin)
	same := len(site) == 1 && (site[0] == "same-origin" || site[0] == "none")
	switch {
	case len(origin) == 0:
		return same
	case len(site) == 0:
		return ours
	}
	return ours && same
}

// Redirect leads to another address by GET: to a page of ours, which begins with a slash, or elsewhere.
func (p *Pages) Redirect(w http.ResponseWriter, r *http.Request, to string) error {
	if strings.HasPrefix(to, "/") {
		to = p.Prefix + to
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// RedirectTo is a Handler that leads to a page of ours.
func (p *Pages) RedirectTo(path string) Handler {
	return func(w http.ResponseWriter, r *http.Request) error { return p.Redirect(w, r, path) }
}
