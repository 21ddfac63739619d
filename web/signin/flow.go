package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"vestibule/consent"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// Authorize takes over an authorization request from the provider.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction) error {
	s.SetHeaders(w.Header(), "")
	return s.begin(w, r, &flow{ix: ix})
}

// begin starts a sign-in: it belongs to this browser, and the browser's session may be good enough for it.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.ix.Browser, fl.rememberToken = s.Cookies.Bind(w, r), s.Remembered.Token(r)
	ctx, granted := s.sessionGrantAlong(r, fl)
	session, err := s.Sessions.Current(ctx, r)
	if errors.Is(err, browser.ErrIdle) {
		fl.state.Notes, err = []ui.Message{{ID: "login.session.expired"}}, nil
	}
	if err != nil {
		return err
	}
	if session, err = s.backed(r, session); err != nil {
		return err
	}
	if session != nil && s.wasAnswered(r, fl) {
		return s.ended(fl)
	}
	if err := s.adoptSession(r.Context(), fl, session); err != nil {
		return err
	}
	if fl.state.FromSession {
		fl.granted = granted
	}
	if err := s.noteOldPassword(r, fl); err != nil {
		return err
	}
	if s.Host != nil && fl.ix.Login == nil {
		return s.beginAtHost(w, r, fl)
	}
	return s.saveAndRedirect(w, r, fl)
}

// sessionGrantAlong has what the user of the browser's session has allowed the client be asked along with the session; nil: it
// has to be asked by itself, if at all.
func (s *flows) sessionGrantAlong(r *http.Request, fl *flow) (context.Context, consent.Lookup) {
	cookie := s.Cookies.Session(r)
	if s.Grants == nil || cookie == "" || !fl.asksConsent() {
		return r.Context(), nil
	}
	return s.Grants.SessionGrantAlong(r.Context(), ui.Digest(cookie), fl.client())
}

// adoptSession gives the session's login to the sign-in, unless the client asks for another user. Whether its
// proofs are fresh enough is for decide to say.
func (s *flows) adoptSession(ctx context.Context, fl *flow, session *interaction.Session) error {
	d := fl.ix.Demand
	if session == nil || d.Subject != "" && d.Subject != session.Login.Subject {
		fl.state.Username = d.LoginHint
		return nil
	}
	fl.ix.Login, fl.state.FromSession = session.Login.Clone(), true
	// All is asked anew, and no clock of another server makes an old proof a new one. For prompt=login, decide sees to it that
	// what comes from a session that stands was proved since the client asked.
	if (d.PromptLogin || d.NewLogin) && d.ExceptFrom != session.Login.Session {
		fl.ix.Login.Authentications = nil
	}
	// A login_hint only hints. Where the client has named the user, the session's is the one, whatever else the hint says.
	if d.LoginHint == "" || d.Subject != "" {
		return nil
	}
	user, err := s.Accounts.Account(ctx, session.Login.Subject)
	if err != nil {
		return err
	}
	fl.state.setAccount(user)
	fl.state.HintDiffers = !hints(d.LoginHint, user)
	return nil
}

// hints reports whether a login_hint can mean the account.
func hints(hint string, a account.Account) bool {
	want, err := account.CanonicalName(hint)
	if err != nil {
		return true // it means nobody
	}
	for _, name := range []string{a.Username, a.Email} {
		if got, err := account.CanonicalName(name); err == nil && got == want {
			return true
		}
	}
	return false
}

// saveAndRedirect sends the browser to what is owed, or to the client if nothing is. The page that is owed is the answer
// itself where that does as well. A sign-in becomes a row only when somebody's login is in it, or no address can hold it.
func (s *Server) saveAndRedirect(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, fl, with...)
	case fl.ix.Demand.PromptNone:
		return s.refuse(w, r, fl, steps[owed].refusal)
	}
	if fl.consentGiven { // which was not committed
		fl.ix.Consented, fl.consentGiven = false, false
	}
	if err := s.introduce(r.Context(), fl); err != nil {
		return err
	}
	page := s.inPlace(fl, owed)
	if fl.ix.Login != nil || fl.ix.Version > 0 || fl.ix.Long {
		err := s.save(r.Context(), fl)
		if errors.Is(err, store.ErrConflict) {
			return s.redirectAfterConflict(w, r, fl)
		}
		if err != nil {
			return err
		}
	}
	if page != nil {
		return s.showInPlace(w, r, fl, owed, page)
	}
	return s.redirectTo(w, r, fl, s.pathOf(fl, owed))
}

// introduce finds out whom the pages are about. An id_token_hint alone is no reason to say: whoever has an old ID
// token may send one, and must not learn an address from it.
func (s *flows) introduce(ctx context.Context, fl *flow) error {
	if fl.ix.Login == nil || fl.state.AccountLabel != "" {
		return nil
	}
	user, err := s.Accounts.Account(ctx, fl.subject())
	if err != nil {
		return err
	}
	fl.state.setAccount(user)
	return nil
}

func (s *flows) save(ctx context.Context, fl *flow) error {
	if err := fl.pack(); err != nil {
		return err
	}
	return s.Flows.Save(ctx, fl.ix)
}

// redirectTo answers with a redirect to one of the pages of the sign-in.
func (s *Server) redirectTo(w http.ResponseWriter, r *http.Request, fl *flow, path string) error {
	to, err := s.address(fl, path)
	if err != nil {
		return err
	}
	return s.Redirect(w, r, to)
}

// address is that of one of the pages of the sign-in.
func (s *flows) address(fl *flow, path string) (string, error) {
	flow, err := s.flowValue(fl)
	return path + "?flow=" + url.QueryEscape(flow), err
}

// flowValue packs the sign-in, unless it is a row, which has a value without what it holds. What somebody typed as a name is
// forgotten if the address would be too long with it.
func (s *flows) flowValue(fl *flow) (string, error) {
	if fl.ix.Version > 0 {
		return s.Flows.Flow(fl.ix)
	}
	if err := fl.pack(); err != nil {
		return "", err
	}
	flow, err := s.Flows.Flow(fl.ix)
	if err != nil || len(flow) <= interaction.MaxFlow || fl.state.Username == "" {
		return flow, err
	}
	fl.state.Username = ""
	return s.flowValue(fl)
}

// commitForm stores what a form has changed that proves nothing, and goes on.
func (s *Server) commitForm(w http.ResponseWriter, r *http.Request, fl *flow) error {
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, fl)
	}
	return s.saveAndShow(w, r, fl, s.pathOf(fl, owed))
}

// saveAndShow saves what a form has changed, be it only what is wrong with it, together with the record of it, and shows
// the page at path.
func (s *Server) saveAndShow(w http.ResponseWriter, r *http.Request, fl *flow, path string, events ...audit.Event) error {
	save := func(ctx context.Context) error { return nil }
	if fl.ix.Version > 0 {
		save = func(ctx context.Context) error { return s.save(ctx, fl) }
	}
	switch err := s.Journal.RecordWith(r.Context(), events, save); {
	case errors.Is(err, store.ErrConflict): // what happened, happened: only the page is another's
		if err := s.Journal.RecordWith(r.Context(), events, nil); err != nil {
			return err
		}
		return s.redirectAfterConflict(w, r, fl)
	case err != nil:
		return err
	}
	return s.redirectTo(w, r, fl, path)
}
