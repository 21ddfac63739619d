package account

import (
	"context"
	"errors"
	"net/http"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

type renamePage struct {
	ui.Frame
	Action string
	Name   string // as it is
	Typed  string
}

// renamePage asks for another name. A name proves nothing and opens nothing, so that no code is asked for.
func (s *Server) renamePage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.Answers.Note(w, r, securityPath, "remove.gone", nil)
	}
	p := &renamePage{
		Frame:  ui.Frame{Page: "rename", Title: ui.Say("rename.title", "name", app.Name), Account: true, Who: m.account.Label()},
		Action: r.URL.Path, Name: app.Name, Typed: app.Name,
	}
	if typed, ok := m.said.Values["name"]; ok {
		p.Typed = typed
	}
	p.Say(m.said)
	return s.Render(w, r, http.StatusOK, "rename", p)
}

// postRename gives an authenticator another name, in one commit with the record of it.
func (s *Server) postRename(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	typed, done := ui.Cut(ui.Field(r, "name"), 256), ui.Values{}
	err := s.MFA.Rename(r.Context(), m.account.Subject, r.PathValue("id"), typed, func(ctx context.Context, from, to string) error {
		e := m.event(r, audit.EventFactorRenamed, "")
		e.Detail["from"], e.Detail["to"] = from, to
		done = ui.Values{"from": from, "name": to}
		return s.Journal.Record(ctx, e)
	})
	switch {
	case errors.Is(err, mfa.ErrNotEnrolled):
		return s.Answers.Note(w, r, securityPath, "remove.gone", nil)
	case errors.Is(err, mfa.ErrChanged):
		return s.Answers.Note(w, r, securityPath, "enrol.changed", nil)
	case err == nil && len(done) == 0: // it has that name
		return s.Redirect(w, r, securityPath)
	case err == nil:
		return s.Answers.Note(w, r, securityPath, "enrol.renamed", done)
	}
	id := renameMessage(err)
	if id == "" {
		return err
	}
	said := ui.Fault("rename", ui.Message{ID: id, Field: "name"})
	said.Values = map[string]string{"name": typed}
	return s.Answers.Flash(w, r, r.URL.Path, said)
}

// renameMessage finds the words for a name that cannot be given; none: the fault is not the user's.
func renameMessage(err error) string {
	switch {
	case errors.Is(err, mfa.ErrNameTaken), errors.Is(err, store.ErrConflict): // by another tab just now
		return "enrol.name.taken"
	case errors.Is(err, mfa.ErrNameLong):
		return "enrol.name.long"
	case errors.Is(err, mfa.ErrNameEmpty):
		return "enrol.name.required"
	}
	return ""
}
