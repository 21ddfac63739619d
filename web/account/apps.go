package account

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
	"vestibule/provider/interaction"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

type appsPage struct {
	ui.Frame
	Apps   []connectedApp
	Partly bool // apps that were allowed something once, and have tokens of that, are not among them
}

// connectedApp is a relying party that can use the account.
type connectedApp struct {
	consent.Access
	ID      string
	Name    string
	Logo    string // its path, below the prefix; empty: there is none
	Host    string // see hostOf; empty: nothing tells
	Strange bool   // it has registered itself
	Own     bool   // it belongs to whoever runs the server, and is given what it wants without a question
	Lines   []ui.Scope
	APIs    []string // that it can use in the user's name, as users know them
}

// inSight is how many lines of one kind stand on a page unfolded: more would push other things out of sight.
const inSight = 6

// Many reports whether the scopes are folded.
func (a connectedApp) Many() bool { return len(a.Lines) > inSight }

// appsPage lists who can use the account.
func (s *Server) appsPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	all, err := s.Consents.Accesses(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	apps, err := s.connected(r.Context(), m, all)
	if err != nil {
		return err
	}
	p := &appsPage{Frame: ui.Frame{Page: "apps", Title: ui.Say("apps.title"), Account: true, Who: m.account.Label()}, Apps: apps, Partly: s.TokensElsewhere}
	p.Say(m.said)
	if len(apps) == 0 && len(p.Notes) == 0 {
		p.State = "none"
	}
	return s.Render(w, r, http.StatusOK, "apps", p)
}

// connected are the apps, by name. Of one whose registration cannot be read in time the id is shown; one that is registered no
// more, or was registered anew, can do nothing.
func (s *Server) connected(ctx context.Context, m *signedIn, all []consent.Access) ([]connectedApp, error) {
	clients, err := s.clients(ctx, partiesOf(all))
	if err != nil {
		return nil, err
	}
	var apps []connectedApp
	for _, a := range all {
		c := clients[a.Client.ID]
		if c.isOver(a.Client.Registration) {
			continue
		}
		apps = append(apps, s.connectedApp(m, a, c.Client, clients))
	}
	slices.SortStableFunc(apps, func(a, b connectedApp) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return apps, nil
}

// partiesOf are the ids of the apps and of the APIs that they can use.
func partiesOf(all []consent.Access) []string {
	var ids []string
	for _, a := range all {
		ids = append(ids, a.Client.ID)
		for _, api := range interaction.ReadAllowed(a.Scopes).APIs {
			ids = append(ids, api.ID)
		}
	}
	return ids
}

func (s *Server) connectedApp(m *signedIn, a consent.Access, c client.Client, clients map[string]readClient) connectedApp {
	app := connectedApp{
		Access: a, ID: a.Client.ID, Name: c.Label(), Logo: s.LogoPath(c), Host: hostOf(c), Strange: c.IsStrange(), Own: c.NeverAsks(),
	}
	allowed := interaction.ReadAllowed(a.Scopes)
	served := map[string]string{} // by scope, the name of the API that serves it
	for _, known := range allowed.APIs {
		api := clients[known.ID]
		if api.isOver(known.Registration) {
			continue
		}
		app.APIs = append(app.APIs, api.Label())
		for _, scope := range api.ResourceScopes {
			served[scope] = api.Label()
		}
	}
	for _, name := range inOrder(allowed.Scopes) {
		app.Lines = append(app.Lines, ui.Scope{Name: name, Email: m.account.Email, API: served[name]})
	}
	return app
}

// inOrder has the scopes in the order in which people read them: who they are, what is told of them, all else.
func inOrder(scopes []string) []string {
	first := []string{client.ScopeOpenID, "profile", "email", "phone", "address", "groups"}
	place := func(scope string) int {
		switch i := slices.Index(first, scope); {
		case i >= 0:
			return i
		case scope == client.ScopeOffline:
			return len(first) + 1
		}
		return len(first)
	}
	slices.SortStableFunc(scopes, func(a, b string) int { return place(a) - place(b) })
	return scopes
}

// hostOf is where users know the client from: the host of its document, if its id is the address of one, or the one that all its
// answers go to; empty: they go to several, of which some may be names that it has never used, or to a device.
func hostOf(c client.Client) string {
	addresses := c.RedirectURIs
	if client.IsAddress(c.ID) {
		addresses = []string{c.ID}
	}
	host := ""
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || !client.IsWeb(address) || host != "" && host != u.Host {
			return ""
		}
		host = u.Host
	}
	return host
}

// appPath is the page that removes the app which the query names; without one, that of all.
func appPath(query string) string {
	asked, err := url.ParseQuery(query)
	id := asked.Get("client")
	if err != nil || id == "" || len(id) > client.MaxAddress {
		return appsPath
	}
	return removeAppPath + "?" + url.Values{"client": {id}}.Encode()
}

type removeAppPage struct {
	ui.Frame
	App connectedApp
}

// removeAppPage says what it means that an app can use the account no more.
func (s *Server) removeAppPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.connectedTo(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.Answers.Note(w, r, appsPath, "apps.gone", nil)
	}
	p := &removeAppPage{
		Frame: ui.Frame{Page: "app-remove", Title: ui.Say("app_remove.title", "client", app.Name), Account: true, Who: m.account.Label()}, App: app,
	}
	p.Say(m.said)
	return s.Render(w, r, http.StatusOK, "app-remove", p)
}

// connectedTo looks for the app that the address names; not ok: it can do nothing.
func (s *Server) connectedTo(r *http.Request, m *signedIn) (app connectedApp, ok bool, err error) {
	all, err := s.Consents.Accesses(r.Context(), m.account.Subject)
	if err != nil {
		return connectedApp{}, false, err
	}
	id := r.URL.Query().Get("client")
	all = slices.DeleteFunc(all, func(a consent.Access) bool { return a.Client.ID != id })
	apps, err := s.connected(r.Context(), m, all)
	if err != nil || len(apps) == 0 {
		return connectedApp{}, false, err
	}
	return apps[0], true, nil
}

// postRemoveApp ends what the app can do. It needs no fresh proof: nobody gains anything by it.
func (s *Server) postRemoveApp(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.connectedTo(r, m)
	if err != nil {
		return err
	}
	if ok {
		e := m.event(r, audit.EventConsentRevoked, "")
		e.Client, e.Detail["scopes"] = app.ID, strings.Join(interaction.ReadAllowed(app.Scopes).Scopes, " ")
		answer := browser.Response{To: appsPath, Note: &ui.Message{ID: "apps.removed", Args: ui.Values{"client": app.Name}}}
		err = s.commitAnswer(w, r, answer, e, func(ctx context.Context) error { return s.Consents.Revoke(ctx, m.account.Subject, app.ID) })
		if !errors.Is(err, consent.ErrNotFound) {
			return err
		}
	}
	return s.Answers.NoteUnlessBefore(w, r, appsPath, "apps.gone", nil)
}
