package provider

import (
	"net/http"
	"net/url"

	"vestibule/provider/logout"
)

// endSession is the end session endpoint (RP-Initiated Logout 1.0). It checks the request and hands it to the pages. What is
// wrong with it goes to the user, and to no client.
func (p *Provider) endSession(ui UI) http.HandlerFunc {
	reader := &logout.Reader{Issuer: p.issuer, Clients: p.clients, Keys: p.keys}
	return func(w http.ResponseWriter, r *http.Request) {
		form, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || len(r.URL.RawQuery) > maxRequest {
			ui.Error(w, r, logout.Malformed())
			return
		}
		request, err := reader.Read(r.Context(), form)
		if err == nil {
			err = ui.EndSession(w, r, request)
		}
		if err != nil {
			ui.Error(w, r, err)
		}
	}
}

// bounceEndSession answers a POST as bounce does: a browser sends no session along with a POST from another site.
func (p *Provider) bounceEndSession(ui UI) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if err := r.ParseForm(); err != nil {
			ui.Error(w, r, logout.Malformed())
			return
		}
		http.Redirect(w, r, p.path+"/end-session?"+r.Form.Encode(), http.StatusSeeOther)
	}
}
