package browser

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// Flash answers a form with a redirect to a page that says what came of it. What is said travels in the address, sealed
// for this browser.
func (a *Answers) Flash(w http.ResponseWriter, r *http.Request, path string, said ui.Feedback) error {
	data, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("flash: %w", err)
	}
	ix := a.Flows.Begin(assurance.Demand{})
	ix.Browser, ix.UI = a.Sessions.Cookies.Bind(w, r), data
	flow, err := a.Flows.Flow(ix)
	if err != nil {
		return err
	}
	return a.Pages.Redirect(w, r, path+"?flow="+url.QueryEscape(flow))
}

// Note is Flash of one notice.
func (a *Answers) Note(w http.ResponseWriter, r *http.Request, path, id string, args ui.Values) error {
	return a.Flash(w, r, path, ui.Note(id, args))
}

// NoteUnlessBefore is Note for a form that was not answered before.
func (a *Answers) NoteUnlessBefore(w http.ResponseWriter, r *http.Request, path, id string, args ui.Values) error {
	if err := a.Before(r); err != nil {
		return err
	}
	return a.Note(w, r, path, id, args)
}

// Said reads what Flash wrote for this browser. Anything else, or anything old, says nothing.
func (a *Answers) Said(r *http.Request) (said ui.Feedback, err error) {
	flow := r.URL.Query().Get("flow")
	if !interaction.IsSealed(flow) {
		return ui.Feedback{}, nil
	}
	ix, err := a.Flows.Resume(r.Context(), flow)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, interaction.ErrExpired):
		return ui.Feedback{}, nil
	case err != nil:
		return ui.Feedback{}, err
	case ix.Client != "" || len(ix.UI) == 0 || !a.Sessions.Cookies.Bindings(r).AreOf(ix.Browser):
		return ui.Feedback{}, nil
	}
	if err := json.Unmarshal(ix.UI, &said); err != nil {
		return ui.Feedback{}, fmt.Errorf("flash: %w", err)
	}
	return said, nil
}
