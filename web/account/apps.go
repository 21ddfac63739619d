package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/consent"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

type appsPage struct {
	ui.Frame
	Apps []connectedApp
}

// connectedApp is a relying party that can use the account.
type connectedApp struct {
	ID      string
	Name    string
	Logo    string // its path, below the prefix; empty: there is none
	Host    string // of its web site; empty: it has none
	Strange bool   // it has registered itself
	Own     bool   // it belongs to whoever runs the server, and is given what it wants without a question
	Allowed time.Time
	Used    time.Time // zero: nobody knows
	Offline bool      // it works while the user is away
	Scopes  []ui.Scope
}

// appsPage lists who can use the account.
func (s *Server) appsPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	apps, err := s.connected(r.Context(), m)
	if err != nil {
		return err
	}
	p := &appsPage{Frame: ui.Frame{Page: "apps", Title: ui.Say("apps.title"), Account: true, Who: m.account.Label()}, Apps: apps}
	p.Say(m.said)
	if len(apps) == 0 && len(p.Notes) == 0 {
		p.State = "none"
	}
	return s.Render(w, r, http.StatusOK, "apps", p)
}

// connected are the apps, by name. Of one whose registration cannot be read in time the id is shown; one that is registered no
// more, or was registered anew, can do nothing.
func (s *Server) connected(ctx context.Context, m *signedIn) ([]connectedApp, error) {
	all, err := s.Consents.Accesses(ctx, m.account.Subject)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, a := range all {
		ids = append(ids, a.Client.ID)
	}
	clients, err := s.clients(ctx, ids)
	if err != nil {
		return nil, err
	}
	var apps []connectedApp
	for _, a := range all {
		c := clients[a.Client.ID]
		if errors.Is(c.err, store.ErrNotFound) || c.err == nil && c.Registration != a.Client.Registration {
			continue
		}
		apps = append(apps, s.connectedApp(m, a, c.Client))
	}
	slices.SortStableFunc(apps, func(a, b connectedApp) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return apps, nil
}

func (s *Server) connectedApp(m *signedIn, a consent.Access, c client.Client) connectedApp {
	c.ID = a.Client.ID // also of one that could not be read
	app := connectedApp{
		ID: c.ID, Name: c.Label(), Logo: s.LogoPath(c), Host: hostOf(c), Strange: c.IsStrange(), Own: c.FirstParty || c.Consent == client.ConsentNever,
		Allowed: a.Allowed, Used: a.Used, Offline: a.Offline,
	}
	for _, name := range inOrder(interaction.RememberedScopes(a.Scopes)) {
		app.Scopes = append(app.Scopes, ui.Scope{Name: name, Email: m.account.Email})
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

// hostOf is where users know the client from: the host of its document, if its id is the address of one, or of its answers.
func hostOf(c client.Client) string {
	for _, address := range append([]string{c.ID}, c.RedirectURIs...) {
		if u, err := url.Parse(address); err == nil && client.IsWeb(address) {
			return u.Host
		}
	}
	return ""
}

type removeAppPage struct {
	ui.Frame
	App connectedApp
}

// removeAppPage says what it means that an app can use the account no more.
func (s *Server) removeAppPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.connectedTo(r.Context(), m, r.URL.Query().Get("client"))
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

// connectedTo looks for the app with that id; not ok: it can do nothing.
func (s *Server) connectedTo(ctx context.Context, m *signedIn, id string) (app connectedApp, ok bool, err error) {
	apps, err := s.connected(ctx, m)
	i := slices.IndexFunc(apps, func(a connectedApp) bool { return a.ID == id })
	if err != nil || i < 0 {
		return connectedApp{}, false, err
	}
	return apps[i], true, nil
}

// postRemoveApp ends what the app can do. It needs no fresh proof: nobody gains anything by it.
func (s *Server) postRemoveApp(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.connectedTo(r.Context(), m, ui.Field(r, "client"))
	if err != nil {
		return err
	}
	if ok {
		e := m.event(r, audit.EventConsentRevoked, "")
		e.Client, e.Detail["scopes"] = app.ID, namesOf(app.Scopes)
		answer := browser.Response{To: appsPath, Note: &ui.Message{ID: "apps.removed", Args: ui.Values{"client": app.Name}}}
		err = s.commitAnswer(w, r, answer, e, func(ctx context.Context) error { return s.Consents.Revoke(ctx, m.account.Subject, app.ID) })
		if !errors.Is(err, consent.ErrNotFound) {
			return err
		}
	}
	if err := s.Answers.Before(r); err != nil {
		return err
	}
	return s.Answers.Note(w, r, appsPath, "apps.gone", nil)
}

func namesOf(scopes []ui.Scope) string {
	var names []string
	for _, s := range scopes {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}
