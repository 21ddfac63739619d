package account

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// postEndOthers signs the user out everywhere else. It needs no fresh proof: nobody gains anything by it.
func (s *Server) postEndOthers(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	var done browser.Response
	ended := m.event(r, audit.EventOthersEnded, "")
	err := s.Journal.RecordWith(r.Context(), []audit.Event{ended}, func(ctx context.Context) (err error) {
		done, err = s.renewAlone(ctx, r, m, m.session.Login.Clone(), browser.Response{Note: &ui.Message{ID: "sessions.ended"}})
		return err
	})
	switch {
	case err == nil:
		return s.Answers.Respond(w, r, done)
	case browser.LoginIsOver(err), errors.Is(err, store.ErrConflict): // the session itself has ended, or another click was first
		if err := s.Answers.Before(r); err != nil {
			return err
		}
		return s.Redirect(w, r, securityPath)
	}
	return err
}

// postEndOther ends one of the user's sessions in other browsers, with all that has come of it. It needs no fresh proof: nobody
// gains anything by it.
func (s *Server) postEndOther(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	others, err := s.Sessions.Others(r.Context(), &m.session)
	if err != nil {
		return err
	}
	sid := ui.Field(r, "session")
	if i := slices.IndexFunc(others, func(o interaction.Session) bool { return o.Login.Session == sid }); i >= 0 {
		e := m.event(r, audit.EventOtherEnded, "")
		e.Detail["browser"], e.Detail["ended"] = others[i].Agent, sid
		answer := browser.Response{To: securityPath, Note: &ui.Message{ID: "sessions.other.ended"}}
		if s.TokensElsewhere || s.AtHost || s.Consents == nil {
			answer.Note.ID = "sessions.other.ended.here"
		}
		err = s.commitAnswer(w, r, answer, e, func(ctx context.Context) error { return s.Sessions.Store.EndSessionOf(ctx, m.account.Subject, sid) })
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return s.Answers.NoteUnlessBefore(w, r, securityPath, "sessions.gone", nil)
}

// rememberedView is a remembered browser on the security page.
type rememberedView struct {
	ID      string
	Name    string
	Created time.Time
	Seen    time.Time
	Expires time.Time
	This    bool // the one that asks
}

// rememberedBrowsers lists the user's remembered browsers.
func (s *Server) rememberedBrowsers(r *http.Request, m *signedIn) ([]rememberedView, error) {
	if s.Remembered.For == 0 {
		return nil, nil
	}
	browsers, err := s.Remembered.Store.Browsers(r.Context(), m.account.Subject, s.Now())
	if err != nil {
		return nil, err
	}
	var views []rememberedView
	this := string(s.Remembered.Token(r))
	for _, b := range browsers {
		if b.Epoch != m.account.Epoch { // what it was remembered by no longer counts
			continue
		}
		views = append(views, rememberedView{encode(b.ID), b.Agent, b.Created, b.Seen, b.Expires, string(b.ID) == this})
	}
	return views, nil
}

func encode(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// postForgetBrowser has one of the user's remembered browsers, or all, give a code again. It needs no fresh proof:
// nobody gains anything by it.
func (s *Server) postForgetBrowser(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	if s.Remembered.For == 0 {
		return ui.ErrNotFound
	}
	id := ui.Field(r, "browser")
	e := m.event(r, audit.EventBrowserForgotten, "")
	note := "browser.forgotten"
	drop := func(ctx context.Context) error { return s.Remembered.ForgetAll(ctx, m.account.Subject) }
	if id == "" {
		e.Detail["browser"], note = "all", "browser.all.forgotten"
	} else {
		key, err := spelling.DecodeOpaque(id)
		if err != nil {
			return s.Answers.Note(w, r, securityPath, "browser.gone", nil)
		}
		drop = func(ctx context.Context) error { return s.Remembered.Store.ForgetBrowser(ctx, m.account.Subject, key) }
	}
	err := s.commitAnswer(w, r, browser.Response{To: securityPath, Note: &ui.Message{ID: note}}, e, drop)
	if errors.Is(err, store.ErrNotFound) {
		return s.Answers.Note(w, r, securityPath, "browser.gone", nil)
	}
	return err
}
