package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vestibule/consent"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type consentPage struct {
	ui.Frame
	Client    string
	Name      string
	New       []ui.Scope // what is asked for
	Old       []ui.Scope // what was allowed before
	Nothing   bool       // nothing personal is asked for
	Host      string     // where the user goes; empty for an app on the device
	API       string     // the API that the client may use, as users know it; empty: none
	Logo      string     // its path, below the prefix; empty: there is none
	About     about
	Device    bool   // the app runs on a device, which may be before somebody else
	Strange   bool   // the app has registered itself
	From      string // the host that it has published that at; empty: it has not
	Revocable bool   // in the account, whether it is remembered or not
	Keep      bool   // remember the choice, unless the user says no
}

// about are the addresses of what the client says of itself; each may be empty.
type about struct{ Site, Policy, Terms string }

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	app, api, err := s.parties(r.Context(), fl)
	if err != nil {
		return err
	}
	p := &consentPage{
		Frame: fl.frame("consent", ui.Say("consent.title", "client", fl.ix.ClientName)),
		API:   api.name, Logo: s.LogoPath(app), Revocable: !s.TokensElsewhere, About: about{app.URI, app.PolicyURI, app.TermsURI},
		Client: fl.ix.ClientName, Name: fl.state.Name, Keep: fl.state.Keep, Device: fl.ix.Device, Strange: fl.ix.Strange, Nothing: !personal(fl.ix.ToAllow()),
	}
	if u, err := url.Parse(fl.ix.Redirect); err == nil && client.IsWeb(fl.ix.Redirect) {
		p.Host = u.Host
	}
	if u, err := url.Parse(fl.ix.Client); err == nil && client.IsAddress(fl.ix.Client) {
		p.From = u.Host
	}
	for _, name := range fl.ix.ToAllow() {
		line := ui.Scope{Name: name, Email: fl.state.Email}
		if slices.Contains(api.scopes, name) {
			line.API = api.name
		}
		if slices.Contains(fl.state.Missing, name) {
			p.New = append(p.New, line)
		} else {
			p.Old = append(p.Old, line)
		}
	}
	if len(p.New) == 0 { // asked again, for the same
		p.New, p.Old = p.Old, nil
	}
	p.Say(fl.state.said())
	return s.Render(w, r, http.StatusOK, "consent", p)
}

// askedAPI is the API that the tokens would be for: what users know it by and, if it has said so, the scopes that it serves.
type askedAPI struct {
	name   string
	scopes []string
}

// parties are the client and the API as they are registered now; either is nothing where it is registered no more: then nobody
// gets anything.
func (s *Server) parties(ctx context.Context, fl *flow) (client.Client, askedAPI, error) {
	if s.Apps == nil {
		return client.Client{}, askedAPI{}, nil
	}
	app, err := s.Apps.Client(ctx, fl.ix.Client)
	if err == nil && fl.ix.API != "" {
		var api client.Client
		if api, err = s.Apps.Client(ctx, fl.ix.API); err == nil {
			return app, askedAPI{api.Label(), api.ResourceScopes}, nil
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return app, askedAPI{}, err
}

func personal(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return scope != client.ScopeOpenID && scope != client.ScopeOffline })
}

// postConsent is the user's answer.
func (s *Server) postConsent(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if ui.Field(r, "action") != "allow" {
		e := fl.event(r, audit.EventConsentDenied, "")
		e.Outcome = audit.OutcomeRefused
		return s.requireLiveSession(w, r, fl, func() error { return s.refuse(w, r, fl, "access_denied", e) })
	}
	fl.ix.Consented, fl.consentGiven = true, true
	return s.finishInSession(w, r, fl, func(ctx context.Context) error {
		e := fl.event(r, audit.EventConsent, "")
		remember := ui.Field(r, "remember") != "" && !fl.ix.Device // whose users are asked each time
		e.Detail["scopes"], e.Detail["remembered"] = strings.Join(fl.ix.ToAllow(), " "), verify.YesNo(remember)
		if err := s.Journal.Record(ctx, e); err != nil || !remember {
			return err
		}
		return s.Consent.Allow(ctx, fl.subject(), fl.client(), fl.ix.ToRemember())
	})
}

// client is the client that the request came from: one that is made anew meanwhile is another.
func (fl *flow) client() consent.Client {
	return consent.Client{ID: fl.ix.Client, Registration: fl.ix.Registered}
}
