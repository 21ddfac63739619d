package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
)

// Response modes that sign the answer (JARM section 2.3).
const (
	modeJWT         = "jwt" // the way that is usual for a code: queryJWT
	modeQueryJWT    = "query.jwt"
	modeFormPostJWT = "form_post.jwt"
)

// responseModes are the ways of an answer to the client: in the address that the browser is redirected to, or in a form
// that it sends there (OAuth 2.0 Form Post Response Mode), as it is or as a JWT. What stands in a fragment stays in the
// browser's history, and any script of the page reads it.
var responseModes = []string{string(fosite.ResponseModeQuery), string(fosite.ResponseModeFormPost), modeJWT, modeQueryJWT, modeFormPostJWT}

// readMode returns how the client wants its answer. Of two modes none is taken, and one that is asked for in vain is
// refused by a redirect.
func readMode(sent []string) (fosite.ResponseModeType, error) {
	switch {
	case len(sent) != 1 || sent[0] == "":
		return fosite.ResponseModeQuery, nil
	case sent[0] == modeJWT:
		return modeQueryJWT, nil
	case slices.Contains(responseModes, sent[0]):
		return fosite.ResponseModeType(sent[0]), nil
	}
	return fosite.ResponseModeQuery, fosite.ErrUnsupportedResponseMode.WithHintf("response_mode can be one of %s.", strings.Join(responseModes, ", "))
}

// bringsForm and bringsJWT tell modes apart.
func bringsForm(mode fosite.ResponseModeType) bool {
	return mode == fosite.ResponseModeFormPost || mode == modeFormPostJWT
}

func bringsJWT(mode fosite.ResponseModeType) bool {
	return mode == modeQueryJWT || mode == modeFormPostJWT
}

// checkMode refuses a mode that could not bring the answer as it is. That is then said by a redirect.
func checkMode(ar *fosite.AuthorizeRequest) error {
	form, signed, state := bringsForm(ar.ResponseMode), bringsJWT(ar.ResponseMode), ar.State
	var err error
	switch scheme := ar.RedirectURI.Scheme; {
	case form && scheme != "https" && scheme != "http":
		err = fosite.ErrInvalidRequest.WithHint("A form can be sent to https or http only: with this redirect_uri response_mode must be query.")
	case signed && !utf8.ValidString(state):
		err = fosite.ErrInvalidRequest.WithHint("A JWT cannot bring back this state: it must be UTF-8.")
	case form && !signed && (!utf8.ValidString(state) || strings.ContainsAny(state, "\x00\r\n")):
		err = fosite.ErrInvalidRequest.WithHint("A form cannot bring back this state: it must be UTF-8, without NUL and line ends.")
	}
	if err != nil {
		ar.ResponseMode = fosite.ResponseModeQuery
	}
	return err
}

// send answers the client with state and iss (RFC 9207).
func (p *Provider) send(w http.ResponseWriter, r *http.Request, ar *fosite.AuthorizeRequest, answer url.Values) error {
	end, err := p.end(r.Context(), ar, answer)
	if err != nil {
		return err
	}
	return p.leave(w, r, end)
}

// end is where the sign-in ends: at an address that has the answer in it, or at a form; nil: nobody is answered there.
func (p *Provider) end(ctx context.Context, ar *fosite.AuthorizeRequest, answer url.Values) (string, error) {
	if answer == nil {
		return ar.RedirectURI.String(), nil
	}
	if ar.State != "" {
		answer.Set("state", ar.State)
	}
	answer.Set("iss", p.issuer)
	if bringsJWT(ar.ResponseMode) {
		response, err := p.signAnswer(ctx, ar.Client.(relyingParty).Client, answer)
		if err != nil {
			return "", fmt.Errorf("sign the answer: %w", err)
		}
		answer = url.Values{"response": {response}}
	}
	to := *ar.RedirectURI
	if bringsForm(ar.ResponseMode) {
		return interaction.FormPost{Action: to.String(), Fields: answer}.End(), nil
	}
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += answer.Encode()
	return to.String(), nil
}

// answerTime is how long a signed answer may be taken (JARM section 2.1 has 10 minutes as the most).
const answerTime = 5 * time.Minute

// signAnswer returns the answer as a JWT (JARM section 2.1). It names nobody: no ID token is made of it.
func (p *Provider) signAnswer(ctx context.Context, rp client.Client, answer url.Values) (string, error) {
	claims := map[string]any{}
	for name := range answer {
		claims[name] = answer.Get(name)
	}
	claims["aud"], claims["exp"] = rp.ID, p.now().Add(answerTime).Unix()
	return p.keys.Sign(ctx, rp.SignedBy(rp.AnswerAlg, p.algorithm), claims)
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
