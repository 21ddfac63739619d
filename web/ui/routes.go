package ui

import (
	"errors"
	"net/http"
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

// Register adds the routes to mux, below the Prefix, and answers for all there that is none of them.
func (p *Pages) Register(mux *http.ServeMux, routes ...Route) {
	routes = append(routes, Get("/static/{hash}/{name}", p.static))
	allowed := map[string][]string{}
	for _, route := range routes {
		answer := route.Answer
		if route.Method == http.MethodPost {
			answer = p.sameSite(answer)
		}
		mux.Handle(route.Method+" "+p.Prefix+route.Path, p.serve(answer))
		allowed[route.Path] = append(allowed[route.Path], route.Method)
	}
	for path, methods := range allowed {
		mux.Handle(p.Prefix+path, p.serve(wrongMethod(methods)))
	}
	mux.Handle(p.Prefix+"/", p.serve(func(http.ResponseWriter, *http.Request) error { return ErrNotFound }))
}

// Answer is an error that has an answer of its own, and no page.
type Answer interface {
	error
	Answer(w http.ResponseWriter, r *http.Request) error
}

// serve reads the form, sets the headers of a page and shows errors. A Handler sees the path without the Prefix.
func (p *Pages) serve(h Handler) http.Handler {
	return http.StripPrefix(p.Prefix, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.SetHeaders(w.Header(), r.URL.Path)
		r = withLocales(r)
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
	}))
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
	ours := len(origin) == 1 && strings.EqualFold(origin[0], p.Issuer)
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

func wrongMethod(methods []string) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return errMethod
	}
}
