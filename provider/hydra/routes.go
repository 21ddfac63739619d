package hydra

import (
	"net/http"
	"regexp"

	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// Pages are what users see. *web.Server is one.
type Pages interface {
	// Authorize takes over a sign-in.
	Authorize(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction) error
	// Redirect leads to another address by GET.
	Redirect(w http.ResponseWriter, r *http.Request, to string) error
	// Render writes the page with the template of that name.
	Render(w http.ResponseWriter, r *http.Request, status int, name string, page ui.Page) error
	// SignedIn returns whose session the browser has; empty: it has none that lives.
	SignedIn(r *http.Request) (subject string, err error)
	// AskSignOut asks whether to sign out, with a form that goes to the address with the challenge.
	AskSignOut(w http.ResponseWriter, r *http.Request, address, challenge string) error
	// SignOut ends the session of the browser, if it is the subject's.
	SignOut(w http.ResponseWriter, r *http.Request, subject string) error
}

// Addresses of the pages, which Hydra is told in its settings.
const (
	LoginPath      = "/hydra/login"       // urls.login
	ConsentPath    = "/hydra/consent"     // urls.consent
	LogoutPath     = "/hydra/logout"      // urls.logout
	DevicePath     = "/hydra/device"      // urls.device.verification
	DeviceDonePath = "/hydra/device/done" // urls.device.success
	ErrorPath      = "/hydra/error"       // urls.error

	DeviceAgainPath = "/hydra/device/again" // to which only we lead
)

// Routes are the pages that Hydra sends browsers to.
func (e *Engine) Routes(pages Pages) []ui.Route {
	codes := e.codes(pages)
	return []ui.Route{
		ui.Get(LoginPath, e.inTurn(e.login(pages))),
		ui.Get(ConsentPath, e.inTurn(e.consent(pages))),
		ui.Get(LogoutPath, e.inTurn(e.logout(pages))),
		ui.Post(LogoutPath, e.inTurn(e.postLogout(pages))),
		ui.Get(DevicePath, codes.Show),
		ui.Post(DevicePath, e.inTurn(led(pages, codes.Post))),
		ui.Get(DeviceDonePath, usercode.Done(pages)),
		ui.Get(DeviceAgainPath, e.showDeviceAgain(pages)),
		ui.Get(ErrorPath, errorPage),
	}
}

// inTurn has the requests of one network wait for each other, so that one that sends a great many challenges leaves turns
// at Hydra to others. limiter.ErrBusy reports that as many wait as may.
func (e *Engine) inTurn(h ui.Handler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		done, err := e.addresses.Take(r.Context(), spelling.NetworkOf(r.RemoteAddr))
		if err != nil {
			return err
		}
		defer done()
		return h(w, r)
	}
}

var codeForm = regexp.MustCompile(`^[a-z_]{1,64}$`)

// errorPage tells of an error that Hydra can tell no client. Its words are in the address, where anybody may have put
// them: only a code is shown.
func errorPage(_ http.ResponseWriter, r *http.Request) error {
	code := r.URL.Query().Get("error")
	if !codeForm.MatchString(code) {
		code = "invalid_request"
	}
	return &interaction.RequestError{
		Status: http.StatusBadRequest, Code: code, Description: "Ory Hydra refused the request; its log says why.",
	}
}
