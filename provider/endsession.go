package provider

import (
	"net/http"
	"net/url"

	"vestibule/provider/logout"
)

// endSession is the end session endpoint (RP-Initiated Logout 1.0). It checks the request and hands it to the pages. What is
// wrong with it goes to the user, and to no client.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxRequest {
		p.refuseSignOut(w, r)
		return
	}
	reader := logout.Reader{Issuer: p.issuer, Clients: p.clients, Keys: p.keys}
	request, err := reader.Read(r.Context(), form)
	if err == nil {
		err = p.ui.EndSession(w, r, request)
	}
	if err != nil {
		p.ui.Error(w, r, err)
	}
}

func (p *Provider) refuseSignOut(w http.ResponseWriter, r *http.Request) {
	p.ui.Error(w, r, logout.Malformed())
}
