package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"vestibule/provider/assurance"
	"vestibule/provider/claims"
	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/interaction"
	"vestibule/provider/pushed"

	"github.com/ory/fosite"
)

// authorize is the authorization endpoint (OIDC Core 3.1.2.1). It validates the request once, freezes it into an
// Interaction and hands that to the pages.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	ix, ar, err := p.accept(r)
	if err != nil {
		p.refuseRequest(w, r, ar, err)
		return
	}
	if err := p.ui.Authorize(w, r, ix); err != nil {
		p.ui.Error(w, r, err)
	}
}

// bounce answers a POST to an endpoint that browsers are sent to with a redirect to the same request by GET. A browser sends
// no Lax cookie along with a POST from another site: without a second step the user would look signed out, and be
// given a new browser cookie. A request that cannot be read is given to refuse.
func (p *Provider) bounce(endpoint string, refuse http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if err := r.ParseForm(); err != nil {
			refuse(w, r)
			return
		}
		// The address may have parameters too: one that is there and in the body was sent twice, which the GET refuses.
		http.Redirect(w, r, p.path+endpoint+"?"+r.Form.Encode(), http.StatusSeeOther)
	}
}

func (p *Provider) refuseMalformed(w http.ResponseWriter, r *http.Request) {
	p.refuseRequest(w, r, fosite.NewAuthorizeRequest(), errMalformed)
}

var (
	errMalformed = fosite.ErrInvalidRequest.WithHint("The request is malformed or too large.")
	errTooLarge  = &fosite.RFC6749Error{ErrorField: "invalid_request", CodeField: http.StatusRequestEntityTooLarge,
		DescriptionField: fmt.Sprintf("The request is longer than %d bytes.", maxRequest)}
)

// accept returns the sign-in that a browser's request begins. The request that it returns with an error says whether the
// error may go to the client.
func (p *Provider) accept(r *http.Request) (*interaction.Interaction, *fosite.AuthorizeRequest, error) {
	if err := r.ParseForm(); err != nil || len(r.URL.RawQuery) > maxRequest {
		return nil, fosite.NewAuthorizeRequest(), errMalformed
	}
	omitEmpty(r.Form)
	if err := p.refresh(r, r.Form.Get("client_id")); err != nil {
		return nil, fosite.NewAuthorizeRequest(), clientFault(err)
	}
	if slices.ContainsFunc(r.Form["request_uri"], pushed.IsURI) {
		return p.takePushed(r)
	}
	byObject := r.Form.Has("request") || r.Form.Has("request_uri") // which are taken out
	ix, ar, err := p.validate(r, nil)
	switch {
	case err != nil:
		return nil, ar, err
	case p.requirePushed || ar.Client.(relyingParty).RequirePushedRequests:
		return nil, ar, errPush
	}
	ix.Reloadable = !byObject && isSingular(ar.Form)
	return ix, ar, p.checkLength(ix)
}

// isSingular reports whether the client sends no other request like this one: it has a value that is made for one request (OIDC
// Core 3.1.2.1, RFC 7636 section 7.1). A request object may be good for a while only, or be another one when it is fetched again.
func isSingular(form url.Values) bool {
	return form.Get("nonce") != "" || form.Get("code_challenge") != ""
}

// errPush refuses a request that came with a browser (RFC 9126 section 5).
var errPush = fosite.ErrInvalidRequest.WithHint("The client must push its authorization request, and send the request_uri that it gets for it.")

// validate checks a request, and freezes it into a sign-in. The request that it returns with an error is as accept has it.
func (p *Provider) validate(r *http.Request, proof *dpop.Proof) (*interaction.Interaction, *fosite.AuthorizeRequest, error) {
	ar, err := p.parse(r, proof)
	if err != nil {
		return nil, ar, err
	}
	client := ar.Client.(relyingParty).Client
	if err := p.check(ar.Form, client); err != nil {
		return nil, ar, err
	}
	demand, err := p.demand(r.Context(), ar.Form, client, p.now())
	if err != nil {
		return nil, ar, err
	}
	target, err := p.target(r.Context(), client, ar.Form.Get("resource"))
	if err != nil {
		return nil, ar, err
	}
	ix := p.beginFor(client, demand, ar.Form, ar.GetRequestedScopes())
	ix.Redirect = ar.RedirectURI.String()
	ix.API, ix.APIRegistered = target.api()
	ix.FirstParty = client.SkipsConsent(ix.Redirect) && !demand.PromptConsent
	ix.Request, err = freeze(ar, target.resource)
	return ix, ar, err
}

// beginFor begins the sign-in that a client asks for by the parameters of the form, which demand was read from.
func (p *Provider) beginFor(rp client.Client, demand assurance.Demand, form url.Values, scopes []string) *interaction.Interaction {
	ix := p.Begin(demand)
	ix.Client, ix.ClientName, ix.Strange, ix.Scopes = rp.ID, rp.Label(), rp.IsStrange(), scopes
	ix.Registered, ix.Decided, ix.TwoSteps = rp.Registration, rp.Updated, rp.TwoSteps
	if wanted, err := claims.Parse(form.Get("claims")); err == nil { // demand has refused any other
		ix.Claims = wanted.Within(rp.Scopes)
	}
	return ix
}

// checkLength refuses a sign-in that no address of ours can hold.
func (p *Provider) checkLength(ix *interaction.Interaction) error {
	fits, err := p.Fits(ix)
	if err == nil && !fits {
		err = errTooLong
	}
	return err
}

var errTooLong = fosite.ErrInvalidRequest.WithHint("The request is too long: state, nonce, redirect_uri, login_hint and claims must be shorter together.")

// parse lets fosite parse the request, whose Form is read already, and mends what it overlooks. proof came with it, or is nil.
func (p *Provider) parse(r *http.Request, proof *dpop.Proof) (*fosite.AuthorizeRequest, error) {
	fault, err := p.openRequest(r) // before anything is taken out
	switch {
	case err != nil:
		return fosite.NewAuthorizeRequest(), err
	case len(r.Form["client_id"]) > 1, len(r.Form["redirect_uri"]) > 1:
		return fosite.NewAuthorizeRequest(), fault
	}
	if fault == nil {
		fault = bindCode(r.Form, proof)
	}
	state, mode, unsupported := takeOut(r.Form)
	if fault != nil { // enough to find out whom to tell
		r.Form = url.Values{"client_id": r.Form["client_id"], "redirect_uri": r.Form["redirect_uri"]}
	}
	malformed, err := p.dropScopes(r.Context(), r.Form)
	if err != nil {
		return fosite.NewAuthorizeRequest(), err
	}
	// Without the body, which a GET may have too: fosite would take parameters from it that nobody has looked at, and keep files.
	asked := &http.Request{Method: r.Method, URL: r.URL, Header: http.Header{}, Form: r.Form, PostForm: url.Values{}}
	requester, err := p.fosite.NewAuthorizeRequest(withRedirectURI(r.Context(), r.Form.Get("redirect_uri")), asked)
	ar := requester.(*fosite.AuthorizeRequest)
	ar.State, ar.ResponseMode = state, mode
	ar.Form.Del("state")
	if ar.Client == nil || ar.RedirectURI == nil {
		return ar, err
	}
	if raw := ar.Form.Get("redirect_uri"); raw != "" && !ar.Client.(relyingParty).Allows(raw) {
		ar.RedirectURI = nil
		return ar, fosite.ErrInvalidRequest.WithHint("The redirect_uri is not registered for the client.")
	}
	unfit := checkMode(ar) // first: it says by which way any fault is told
	switch {
	case fault != nil:
		return ar, fault
	case unfit != nil:
		return ar, unfit
	case len(state) > maxParameter:
		return ar, fosite.ErrInvalidRequest.WithHintf("state is longer than %d bytes.", maxParameter)
	case unsupported != nil:
		return ar, unsupported
	case malformed != nil:
		return ar, malformed
	case ar.Form.Get("response_type") == "": // fosite calls it unsupported
		return ar, fosite.ErrInvalidRequest.WithHint("response_type is missing.")
	case err != nil:
		return ar, err
	case !ar.Client.(relyingParty).AnswersWith(ar.Form.Get("response_type")):
		return ar, fosite.ErrUnsupportedResponseType.WithHint("The client is not registered for the response_type.")
	}
	return ar, checkIDToken(ar)
}

// takeOut removes state, which fosite would demand, a response_mode, which fosite would complain of before it knows
// whom to tell, and a request object, which openRequest has read. Of two states nobody can tell which one is the
// client's: then the answer has none.
func takeOut(form url.Values) (state string, mode fosite.ResponseModeType, unsupported error) {
	mode, unsupported = readMode(form["response_mode"])
	if len(form["state"]) == 1 {
		state = form.Get("state")
	}
	form.Set("state", "absent")
	form.Del("response_mode")
	form.Del("request")
	form.Del("request_uri")
	return state, mode, unsupported
}

// refuseRequest answers a request that was not accepted. Only a known client's registered redirect URI is
// redirected to, and trouble with the database is never called the client's fault.
func (p *Provider) refuseRequest(w http.ResponseWriter, r *http.Request, ar *fosite.AuthorizeRequest, err error) {
	if cause, ours := serverFault(err); ours {
		p.ui.Error(w, r, cause)
		return
	}
	rfc := fosite.ErrorToRFC6749Error(err)
	if ar.Client != nil && ar.IsRedirectURIValid() {
		if err := p.send(w, r, ar, url.Values{"error": {rfc.ErrorField}, "error_description": {describe(rfc)}}); err != nil {
			p.ui.Error(w, r, err)
		}
		return
	}
	fault := &interaction.RequestError{Status: http.StatusBadRequest, Code: rfc.ErrorField, Description: describe(rfc),
		ClientID: r.Form.Get("client_id"), RedirectURI: r.Form.Get("redirect_uri")}
	if client, ok := ar.Client.(relyingParty); ok {
		fault.ClientName = client.Name
	}
	p.ui.Error(w, r, fault)
}
