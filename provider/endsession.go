package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"vestibule/provider/backchannel"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	"vestibule/provider/store"
)

const (
	// leavingTime is how long a sign-out may be on its way through addresses of ours.
	leavingTime = 5 * time.Minute

	// sealedRequest is the parameter with a request that came by POST.
	sealedRequest = "sealed"

	forRequest, forLeaving = "sign-out", "leaving" // what is sealed
)

// getEndSession is the end session endpoint (RP-Initiated Logout 1.0). It checks the request and hands it to the pages. What
// is wrong with it goes to the user, and to no client.
func (p *Provider) getEndSession(w http.ResponseWriter, r *http.Request) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxRequest {
		p.ui.Error(w, r, logout.Malformed())
		return
	}
	request := new(logout.Request)
	// What does not open is a parameter as any that is not known.
	if interaction.OpenValue(p.sealer, forRequest, form.Get(sealedRequest), p.now(), request) != nil {
		request, err = p.readSignOut(r.Context(), form)
	}
	if err == nil {
		err = p.ui.EndSession(w, r, request)
	}
	if err != nil {
		p.ui.Error(w, r, err)
	}
}

// postEndSession has the browser come back by GET, as bounce does and for its reason. The request is checked first and
// goes along sealed: an ID token stands in no address that was not made by its client.
func (p *Provider) postEndSession(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	err := r.ParseForm()
	if err != nil {
		p.ui.Error(w, r, logout.Malformed())
		return
	}
	request, err := p.readSignOut(r.Context(), r.Form)
	var sealed string
	if err == nil {
		sealed, err = interaction.SealValue(p.sealer, forRequest, request, p.now().Add(leavingTime))
	}
	if err != nil {
		p.ui.Error(w, r, err)
		return
	}
	http.Redirect(w, r, p.path+"/end-session?"+url.Values{sealedRequest: {sealed}}.Encode(), http.StatusSeeOther)
}

func (p *Provider) readSignOut(ctx context.Context, form url.Values) (*logout.Request, error) {
	reader := logout.Reader{Issuer: p.issuer, Clients: p.clients, Keys: p.keys, Names: p.names}
	return reader.Read(ctx, form)
}

// FrontChannelClients returns the ids of the clients that have had an answer in the session with that sid, and hear of its
// end in a frame of the browser (Front-Channel Logout 1.0).
func (p *Provider) FrontChannelClients(ctx context.Context, sid string) ([]string, error) {
	ids, err := p.store.SessionClients(ctx, sid)
	if err != nil {
		return nil, err
	}
	var listening []string
	for _, id := range ids {
		c, err := p.Client(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		case c.FrontchannelLogoutURI != "":
			listening = append(listening, id)
		}
	}
	return listening, nil
}

// SessionFor is the sid by which the client knows the session with that sid.
func (p *Provider) SessionFor(c client.Client, sid string) string { return p.names.Session(c, sid) }

// SealLeaving returns l for an address of the pages. It is good for some minutes.
func (p *Provider) SealLeaving(l logout.Leaving) (string, error) {
	return interaction.SealValue(p.sealer, forLeaving, l, p.now().Add(leavingTime))
}

// OpenLeaving reads what SealLeaving has made; store.ErrNotFound if it is over, or was altered.
func (p *Provider) OpenLeaving(text string) (l logout.Leaving, err error) {
	err = interaction.OpenValue(p.sealer, forLeaving, text, p.now(), &l)
	return l, err
}

// SignLogoutToken implements backchannel.Signer: the token has user and session as the client knows them.
func (p *Provider) SignLogoutToken(ctx context.Context, c client.Client, claims backchannel.Claims) (string, error) {
	claims.Subject, claims.Session = p.names.Subject(c, claims.Subject), p.names.Session(c, claims.Session)
	return p.keys.SignAs(ctx, backchannel.Type, c.SignedBy(c.IDTokenAlg, p.algorithm), claims)
}
