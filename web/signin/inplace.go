package signin

import (
	"net/http"
	"strings"

	"vestibule/web/ui"
)

// inPlace returns the page that is shown at the address of the request, without a redirect to its own; nil: there is none.
// It is one that only shows what there is, so that whoever asks for that address again loses nothing. What a page begins,
// such as a challenge or a set-up, would be begun anew each time; and a Host asks for the password at an address of its own.
func (s *Server) inPlace(fl *flow, owed step) flowHandler {
	switch {
	case !fl.ix.Reloadable:
		return nil
	case owed == stepLogin && s.Host == nil:
		return s.loginPage
	case owed == stepContinue:
		return s.continuePage
	case owed == stepConsent:
		return s.consentPage
	}
	return nil
}

// showInPlace answers with the page of the step as it is at its own address.
func (s *Server) showInPlace(w http.ResponseWriter, r *http.Request, fl *flow, owed step, page flowHandler) (err error) {
	if fl.value, err = s.flowValue(fl); err != nil {
		return err
	}
	if fl.ix.Version > 0 {
		s.Flows.Saved(fl.ix)
	}
	fl.place = s.pathOf(fl, owed)
	r = ui.WithLocales(r)
	ui.Prefer(r, fl.ix.Demand.UILocales)
	return page(w, r, fl)
}

// frame begins a page of the sign-in.
func (fl *flow) frame(page string, title ui.Message) ui.Frame {
	return ui.Frame{Page: page, Title: title, Flow: fl.value, Address: fl.place, Who: fl.state.AccountLabel}
}

// isFromPlace reports whether the form stood at the address of a client's request, and no script had given the page its own.
func (s *flows) isFromPlace(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.Referer(), s.Issuer+"/authorize?")
}

// requestDigest is what the browser remembers the request by, once it is answered.
func (fl *flow) requestDigest() []byte { return ui.Digest(fl.ix.Client + "|" + string(fl.ix.Request)) }

// wasAnswered reports whether somebody has come back to the address of a request that this browser was answered.
func (s *flows) wasAnswered(r *http.Request, fl *flow) bool {
	return fl.ix.Reloadable && !fl.ix.Demand.PromptNone && s.Cookies.WasAnswered(r, fl.requestDigest())
}

// noteAnswered has the browser remember that the request is answered, if it may come back to its address.
func (s *flows) noteAnswered(w http.ResponseWriter, r *http.Request, fl *flow) {
	if fl.state.InPlace {
		s.Cookies.NoteAnswered(w, r, fl.requestDigest())
	}
}
