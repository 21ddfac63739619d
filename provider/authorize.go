package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
)

// authorize is the authorization endpoint (OIDC Core 3.1.2.1). It validates the request once, freezes it into an
// Interaction and hands that to the pages.
func (p *Provider) authorize(ui UI) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ix, ar, err := p.accept(w, r)
		if err != nil {
			p.refuseRequest(w, r, ui, ar, err)
			return
		}
		if err := ui.Authorize(w, r, ix); err != nil {
			ui.Error(w, r, err)
		}
	}
}

// accept validates. The request that it returns with an error says whether the error may go to the client.
func (p *Provider) accept(w http.ResponseWriter, r *http.Request) (*Interaction, *fosite.AuthorizeRequest, error) {
	ar, err := p.parse(w, r)
	if err != nil {
		return nil, ar, err
	}
	client := ar.Client.(relyingParty).Client
	now := p.now()
	if err := p.check(ar.Form, client); err != nil {
		return nil, ar, err
	}
	demand, err := p.demand(ar.Form, now)
	if err != nil {
		return nil, ar, err
	}
	ix := p.begin(demand)
	ix.Client, ix.ClientName, ix.Scopes, ix.Redirect = client.ID, client.Name, ar.GetRequestedScopes(), ar.RedirectURI.String()
	if ix.ClientName == "" {
		ix.ClientName = client.ID
	}
	ix.Request, err = freeze(ar, now)
	return ix, ar, err
}

// parse lets fosite parse the request and mends what it overlooks.
func (p *Provider) parse(w http.ResponseWriter, r *http.Request) (*fosite.AuthorizeRequest, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if err := r.ParseForm(); err != nil || len(r.URL.RawQuery) > maxRequest {
		return fosite.NewAuthorizeRequest(), fosite.ErrInvalidRequest.WithHint("The request is malformed or too large.")
	}
	if r.Method == http.MethodPost { // a POST has its parameters in the body only
		r.Form = r.PostForm
	}
	if name, twice := duplicate(r.Form); twice && (name == "client_id" || name == "redirect_uri") {
		return fosite.NewAuthorizeRequest(), fosite.ErrInvalidRequest.WithHintf("The parameter %s was sent twice.", name)
	}
	state, unsupported := takeOut(r.Form)
	requester, err := p.fosite.NewAuthorizeRequest(r.Context(), r)
	ar := requester.(*fosite.AuthorizeRequest)
	ar.State = state
	ar.Form.Del("state")
	if ar.Client == nil || ar.RedirectURI == nil {
		return ar, err
	}
	if raw := ar.Form.Get("redirect_uri"); raw != "" && !ar.Client.(relyingParty).allows(raw) {
		ar.RedirectURI = nil
		return ar, fosite.ErrInvalidRequest.WithHint("The redirect_uri is not registered for the client.")
	}
	name, twice := duplicate(r.Form)
	switch {
	case twice:
		return ar, fosite.ErrInvalidRequest.WithHintf("The parameter %s was sent twice.", name)
	case len(state) > maxParameter:
		return ar, fosite.ErrInvalidRequest.WithHintf("state is longer than %d bytes.", maxParameter)
	case unsupported != nil:
		return ar, unsupported
	}
	return ar, err
}

// takeOut removes state, which fosite would demand, and request objects, which fosite would trust unsigned.
func takeOut(form url.Values) (state string, unsupported error) {
	state = form.Get("state")
	if len(form["state"]) < 2 {
		form.Set("state", "absent")
	}
	if form.Has("request_uri") {
		unsupported = fosite.ErrRequestURINotSupported
	}
	if form.Has("request") {
		unsupported = fosite.ErrRequestNotSupported
	}
	form.Del("request")
	form.Del("request_uri")
	return state, unsupported
}

// frozen is the part of a validated request that the answer needs.
type frozen struct {
	ID        string    `json:"id"`
	Redirect  string    `json:"redirect"`       // where the answer goes
	Sent      string    `json:"sent,omitempty"` // redirect_uri as the client sent it
	State     string    `json:"state,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Challenge string    `json:"challenge,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
	At        time.Time `json:"at"`
}

func freeze(ar *fosite.AuthorizeRequest, at time.Time) ([]byte, error) {
	return json.Marshal(frozen{
		ID: randomID(), Redirect: ar.RedirectURI.String(), Sent: ar.Form.Get("redirect_uri"), State: ar.State,
		Nonce: ar.Form.Get("nonce"), Challenge: ar.Form.Get("code_challenge"), Scopes: ar.GetRequestedScopes(), At: at,
	})
}

// thaw returns the request again. It asks for the client anew: one that was deleted meanwhile gets no answer.
func (p *Provider) thaw(ctx context.Context, ix *Interaction) (*fosite.AuthorizeRequest, frozen, error) {
	var f frozen
	if err := json.Unmarshal(ix.Request, &f); err != nil {
		return nil, f, fmt.Errorf("frozen request: %w", err)
	}
	redirect, err := url.Parse(f.Redirect)
	if err != nil {
		return nil, f, fmt.Errorf("frozen redirect URI: %w", err)
	}
	client, err := p.clients.Client(ctx, ix.Client)
	if err != nil {
		return nil, f, clientGone(ix, err)
	}
	if !client.allows(f.Redirect) {
		return nil, f, clientGone(ix, ErrNotFound)
	}
	form := url.Values{}
	if f.Challenge != "" {
		form.Set("code_challenge", f.Challenge)
		form.Set("code_challenge_method", "S256")
	}
	ar := fosite.NewAuthorizeRequest()
	ar.ResponseTypes, ar.RedirectURI, ar.State = fosite.Arguments{"code"}, redirect, f.State
	ar.Request = fosite.Request{
		ID: f.ID, RequestedAt: f.At, Client: relyingParty{client}, RequestedScope: f.Scopes, Form: form,
	}
	return ar, f, nil
}

// clientGone says that the client or its redirect URI went away during the sign-in.
func clientGone(ix *Interaction, err error) error {
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	return &RequestError{Status: http.StatusBadRequest, Code: "invalid_client", ClientID: ix.Client,
		ClientName: ix.ClientName, RedirectURI: ix.Redirect, Description: "The client was changed or removed during the sign-in."}
}

// Finish answers the client with an authorization code. It checks once more that the login satisfies the demand,
// whatever the pages think. The code, the end of the interaction and whatever with writes are one commit.
// ErrConflict reports that the interaction had ended or changed.
func (p *Provider) Finish(w http.ResponseWriter, r *http.Request, ix *Interaction, with ...func(ctx context.Context) error) error {
	if !ix.Login.Satisfies(ix.Demand, p.now()) {
		return fmt.Errorf("finish: the login of %q does not satisfy the request", ix.ID)
	}
	ok, err := p.admits(r.Context(), ix.Login)
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	if !ok {
		return p.Refuse(w, r, ix, "access_denied")
	}
	ar, f, err := p.thaw(r.Context(), ix)
	if err != nil {
		return err
	}
	for _, scope := range f.Scopes {
		ar.GrantScope(scope)
	}
	ctx, u := withUnit(r.Context(), "")
	response, err := p.fosite.NewAuthorizeResponse(ctx, ar, &grant{
		Login: *ix.Login, Nonce: f.Nonce, Scopes: f.Scopes, Granted: f.Scopes, Redirect: f.Sent, Challenge: f.Challenge,
		Requested: f.At, Began: p.now(),
	})
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	save := func(ctx context.Context) error { return p.store.SaveCode(ctx, *u.newCode) }
	if err := p.End(ctx, ix, append(with, save)...); err != nil {
		return err
	}
	p.redirect(w, r, ar, url.Values{"code": {response.GetCode()}})
	return nil
}

// freshPassword is how long the answer to a password stands for the account being usable. The store refuses a
// disabled account of its own even within that time.
const freshPassword = time.Minute

// admits reports whether the account of a login may still get a code.
func (p *Provider) admits(ctx context.Context, login *Login) (bool, error) {
	if at, ok := login.Proved(MethodPassword); ok && p.now().Sub(at) < freshPassword {
		return true, nil
	}
	return p.usable(ctx, login.Subject)
}

// usable reports whether the account still is there and not disabled: it may have gone since the password was given.
func (p *Provider) usable(ctx context.Context, subject string) (bool, error) {
	account, err := p.accounts.Account(ctx, subject)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && !account.Disabled, err
}

// Refuse answers the client with an error, one of OIDC Core 3.1.2.6 or RFC 6749 section 4.1.2.1, and ends the
// interaction.
func (p *Provider) Refuse(w http.ResponseWriter, r *http.Request, ix *Interaction, code string) error {
	ar, _, err := p.thaw(r.Context(), ix)
	if err != nil {
		return err
	}
	if err := p.End(r.Context(), ix); err != nil {
		return err
	}
	p.redirect(w, r, ar, url.Values{"error": {code}, "error_description": {refusals[code]}})
	return nil
}

// refusals are the descriptions of the errors that pages give to Refuse.
var refusals = map[string]string{
	"access_denied":              "The user did not allow the request.",
	"login_required":             "The user must sign in.",
	"interaction_required":       "The user must complete a step on the sign-in pages.",
	"consent_required":           "The user must allow the request.",
	"account_selection_required": "The user must choose an account.",
}

// redirect sends the user back to the client with state and iss (RFC 9207).
func (p *Provider) redirect(w http.ResponseWriter, r *http.Request, ar *fosite.AuthorizeRequest, answer url.Values) {
	if ar.State != "" {
		answer.Set("state", ar.State)
	}
	answer.Set("iss", p.issuer)
	to := *ar.RedirectURI
	if to.RawQuery != "" {
		to.RawQuery += "&"
	}
	to.RawQuery += answer.Encode()
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// refuseRequest answers a request that was not accepted. Only a known client's registered redirect URI is
// redirected to, and trouble with the database is never called the client's fault.
func (p *Provider) refuseRequest(w http.ResponseWriter, r *http.Request, ui UI, ar *fosite.AuthorizeRequest, err error) {
	if cause, ours := serverFault(err); ours {
		ui.Error(w, r, cause)
		return
	}
	rfc := fosite.ErrorToRFC6749Error(err)
	if ar.Client != nil && ar.IsRedirectURIValid() {
		p.redirect(w, r, ar, url.Values{"error": {rfc.ErrorField}, "error_description": {describe(rfc)}})
		return
	}
	fault := &RequestError{Status: http.StatusBadRequest, Code: rfc.ErrorField, Description: describe(rfc),
		ClientID: r.Form.Get("client_id"), RedirectURI: r.Form.Get("redirect_uri")}
	if client, ok := ar.Client.(relyingParty); ok {
		fault.ClientName = client.Name
	}
	ui.Error(w, r, fault)
}
