package web

import (
	"context"
	"errors"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// consentOwed reports whether the user must allow something, and remembers what.
func (s *Server) consentOwed(ctx context.Context, fl *flow) (bool, error) {
	if fl.isOwn() || fl.ix.Consented {
		return false, nil
	}
	if fl.state.ConsentOwed {
		return true, nil
	}
	missing, known, err := s.Consent.Missing(ctx, fl.subject(), fl.ix.Client, fl.ix.Scopes)
	if err != nil {
		return false, err
	}
	client, err := s.Provider.Client(ctx, fl.ix.Client)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // Finish has an answer to a client that is gone
		return false, err
	}
	// Any program on a device can claim a loopback address or a private scheme (RFC 8252 section 8.6).
	impostor := client.Public && !isWeb(fl.ix.Redirect)
	if known && len(missing) == 0 && !fl.ix.Demand.PromptConsent && !impostor {
		fl.ix.Consented = true
		return false, nil
	}
	fl.state.ConsentOwed, fl.state.Missing, fl.state.Confidential = true, missing, !client.Public
	return true, nil
}

// isWeb reports whether the answer goes to a web site, and not to an app on the device.
func isWeb(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && u.Scheme == "https" && !isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type consentPage struct {
	frame
	Client  string
	Name    string
	New     []template.HTML // what is asked for
	Old     []template.HTML // what was allowed before
	Nothing bool            // nothing personal is asked for
	Host    string          // where the user goes; empty for an app on the device
	Keep    bool            // remember the choice, unless the user says no
}

func (s *Server) consentPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &consentPage{
		frame:  frame{Page: "consent", Title: fl.ix.ClientName + " wants access to your account", Flow: field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, Name: fl.state.Name, Keep: fl.state.Confidential, Nothing: !personal(fl.ix.Scopes),
	}
	if u, err := url.Parse(fl.ix.Redirect); err == nil && isWeb(fl.ix.Redirect) {
		p.Host = u.Host
	}
	for _, scope := range fl.ix.Scopes {
		line := s.describe(scope, fl.state.Email)
		if slices.Contains(fl.state.Missing, scope) {
			p.New = append(p.New, line)
		} else {
			p.Old = append(p.Old, line)
		}
	}
	if len(p.New) == 0 { // asked again, for the same
		p.New, p.Old = p.Old, nil
	}
	p.setMessages(&fl.state)
	return s.render(w, http.StatusOK, "consent", p)
}

func personal(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return scope != client.ScopeOpenID && scope != client.ScopeOffline })
}

// describe says in words what a scope allows.
func (s *Server) describe(scope, email string) template.HTML {
	escape := template.HTMLEscapeString
	switch scope {
	case client.ScopeOpenID:
		return template.HTML("Know who you are on " + escape(s.Name) + " (an identifier for this app)")
	case client.ScopeProfile:
		return "See your name and username"
	case client.ScopeEmail:
		if email == "" {
			return "See your email address"
		}
		return template.HTML(`See your email address: <span class="value">` + escape(email) + "</span>")
	case client.ScopeOffline:
		return "Keep this access when you are not using the app"
	}
	return template.HTML("<code>" + escape(scope) + "</code> – a permission that this app defines")
}

// postConsent is the user's answer.
func (s *Server) postConsent(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if field(r, "action") != "allow" {
		e := fl.event(r, audit.EventConsentDenied, "")
		e.Outcome = audit.OutcomeRefused
		return s.refuse(w, r, fl, "access_denied", e)
	}
	fl.ix.Consented, fl.consentGiven = true, true
	return s.finish(w, r, fl, func(ctx context.Context) error {
		e := fl.event(r, audit.EventConsent, "")
		e.Detail["scopes"], e.Detail["remembered"] = strings.Join(fl.ix.Scopes, " "), yesNo(field(r, "remember") != "")
		if err := s.Audit.Record(ctx, e); err != nil || field(r, "remember") == "" {
			return err
		}
		return s.Consent.Allow(ctx, fl.subject(), fl.ix.Client, fl.ix.Scopes)
	})
}
