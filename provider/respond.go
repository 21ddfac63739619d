package provider

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/interaction"
)

// responseModes are the ways of an answer to the client: in the address that the browser is redirected to, or in a form
// that it sends there (OAuth 2.0 Form Post Response Mode). What stands in a fragment stays in the browser's history, and
// any script of the page reads it.
var responseModes = []string{string(fosite.ResponseModeQuery), string(fosite.ResponseModeFormPost)}

// readMode returns how the client wants its answer. Of two modes none is taken, and one that is asked for in vain is
// refused by a redirect.
func readMode(sent []string) (fosite.ResponseModeType, error) {
	if len(sent) != 1 || sent[0] == "" {
		return fosite.ResponseModeQuery, nil
	}
	if slices.Contains(responseModes, sent[0]) {
		return fosite.ResponseModeType(sent[0]), nil
	}
	return fosite.ResponseModeQuery, fosite.ErrUnsupportedResponseMode.WithHint("response_mode can be query or form_post.")
}

// checkMode refuses a form that could not bring the answer as it is. That is then said by a redirect.
func checkMode(ar *fosite.AuthorizeRequest) error {
	if ar.ResponseMode != fosite.ResponseModeFormPost {
		return nil
	}
	var err error
	switch scheme := ar.RedirectURI.Scheme; {
	case scheme != "https" && scheme != "http":
		err = fosite.ErrInvalidRequest.WithHint("A form can be sent to https or http only: with this redirect_uri response_mode must be query.")
	case !utf8.ValidString(ar.State) || strings.ContainsAny(ar.State, "\x00\r\n"):
		err = fosite.ErrInvalidRequest.WithHint("A form cannot bring back this state: it must be UTF-8, without NUL and line ends.")
	}
	if err != nil {
		ar.ResponseMode = fosite.ResponseModeQuery
	}
	return err
}

// send answers the client with state and iss (RFC 9207).
func (p *Provider) send(w http.ResponseWriter, r *http.Request, ar *fosite.AuthorizeRequest, answer url.Values) error {
	return p.leave(w, r, p.end(ar, answer))
}

// end is where the sign-in ends: at an address that has the answer in it, or at a form; nil: nobody is answered there.
func (p *Provider) end(ar *fosite.AuthorizeRequest, answer url.Values) string {
	if answer == nil {
		return ar.RedirectURI.String()
	}
	if ar.State != "" {
		answer.Set("state", ar.State)
	}
	answer.Set("iss", p.issuer)
	to := *ar.RedirectURI
	if ar.ResponseMode == fosite.ResponseModeFormPost {
		return interaction.FormPost{Action: to.String(), Fields: answer}.End()
	}
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += answer.Encode()
	return to.String()
}

// leave sends the browser there.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, end string) error {
	if post, ok := interaction.ParseFormPost(end); ok {
		return p.ui.FormPost(w, r, post)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, end, http.StatusSeeOther)
	return nil
}
