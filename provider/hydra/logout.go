package hydra

import (
	"net/http"

	"vestibule/web/ui"
)

// logout takes over a logout request (urls.logout). A client that has shown the user's ID token has asked already; anybody
// else may have sent the browser here, so that the user is asked.
func (e *Engine) logout(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge := r.URL.Query().Get("logout_challenge")
		request, err := e.Admin.Logout(r.Context(), challenge)
		switch {
		case err != nil:
			return lead(w, r, pages, err)
		case request.RPInitiated:
			return e.signOut(w, r, pages, challenge, request.Subject)
		}
		return pages.AskSignOut(w, r, LogoutPath, challenge)
	}
}

// postLogout is the user's answer.
func (e *Engine) postLogout(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge := ui.Field(r, "challenge")
		request, err := e.Admin.Logout(r.Context(), challenge)
		if err != nil {
			return lead(w, r, pages, err)
		}
		return e.signOut(w, r, pages, challenge, request.Subject)
	}
}

// signOut ends the session here, and has Hydra end its own. Hydra is asked first: if it does not answer, the user is signed
// in at both.
func (e *Engine) signOut(w http.ResponseWriter, r *http.Request, pages Pages, challenge, subject string) error {
	to, err := e.Admin.AcceptLogout(r.Context(), challenge)
	if err != nil {
		return lead(w, r, pages, err)
	}
	if err := pages.SignOut(w, r, subject); err != nil {
		return err
	}
	return pages.Redirect(w, r, to)
}
