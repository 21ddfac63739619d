package hydra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// login takes over a login request from Hydra (urls.login).
func (e *Engine) login(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge := r.URL.Query().Get("login_challenge")
		request, err := e.Admin.Login(r.Context(), challenge)
		if err != nil {
			return lead(w, r, pages, err)
		}
		ix, code, err := e.begin(r.Context(), request, challenge)
		if err != nil {
			return err
		}
		if code == "" {
			return pages.Authorize(w, r, ix)
		}
		to, err := e.Admin.RejectLogin(r.Context(), challenge, rejection(code))
		if err != nil {
			return lead(w, r, pages, err)
		}
		return pages.Redirect(w, r, to)
	}
}

// lead goes on from an error of Hydra's: to where it says, or to the page for it.
func lead(w http.ResponseWriter, r *http.Request, pages Pages, err error) error {
	var used *UsedError
	switch {
	case errors.As(err, &used):
		return pages.Redirect(w, r, used.RedirectTo)
	case errors.Is(err, ErrChallenge):
		return ui.ErrUnknown
	}
	return err
}

// begin makes a sign-in of a login request, or finds the error that its client must hear.
func (e *Engine) begin(ctx context.Context, request LoginRequest, challenge string) (ix *interaction.Interaction, code string, err error) {
	rp, err := e.clientOf(request.Client)
	if err != nil {
		return nil, "", err
	}
	d, code, err := e.demand(ctx, request, rp)
	if err != nil || code != "" {
		return nil, code, err
	}
	ix = e.Flows.Begin(d)
	ix.Client, ix.ClientName, ix.Scopes, ix.Redirect = rp.ID, rp.Label(), request.Scopes, request.form().Get("redirect_uri")
	ix.Registered, ix.Decided, ix.TwoSteps = rp.Registration, rp.Updated, rp.TwoSteps
	ix.Device, ix.FirstParty = request.isDevice(), rp.FirstParty && !request.isDevice()
	code, err = e.freeze(ix, freezeRequest(request, challenge))
	return ix, code, err
}

// freeze puts the request into the interaction, or finds the error that its client must hear. A challenge has all that Hydra
// knows of the client in it, and may be longer than an address of ours bears. A row would let strangers write, who get a
// challenge for the asking; so the user signs in for the address of the request alone, which comes to a row with a right
// password, and the browser comes through Hydra once more, for a challenge that is answered at once.
func (e *Engine) freeze(ix *interaction.Interaction, f frozen) (code string, err error) {
	if ix.Request, err = json.Marshal(f); err != nil {
		return "", err
	}
	if fits, err := e.Flows.Fits(ix); err != nil || fits {
		return "", err
	}
	if ix.Brief, err = json.Marshal(frozen{URL: f.URL}); err != nil {
		return "", err
	}
	if fits, err := e.Flows.Fits(ix); err != nil || fits {
		return "", err
	}
	return "invalid_request", nil
}

// demand reads what the client asks of the sign-in. What Hydra has done itself is not asked for again: of prompt, it has
// seen to select_account, and knows registration.
func (e *Engine) demand(ctx context.Context, request LoginRequest, rp client.Client) (d assurance.Demand, code string, err error) {
	form := request.form()
	for _, name := range []string{"request", "request_uri"} { // Hydra has read them, and what they ask for is not shown
		if form.Get(name) != "" {
			return d, name + "_not_supported", nil
		}
	}
	d = assurance.Demand{RequestedAt: e.Now(), WeakRecovery: e.Levels.WeakRecovery, NewLogin: !request.Skip}
	if m := e.marked(form, e.Now()); m != nil {
		if m.Refusal != "" {
			return d, m.Refusal, nil
		}
		m.apply(form)
		d.RequestedAt, d.ExceptFrom = m.At, m.Session
	}
	form.Set("prompt", withoutWord(form.Get("prompt"), "registration"))
	if d.Subject, err = e.hinted(ctx, request); err != nil {
		return d, "", err
	}
	err = d.Read(form, e.Levels, rp.ACRNames)
	var fault *assurance.ParameterError
	switch {
	case errors.As(err, &fault):
		return d, "invalid_request", nil
	case err != nil:
		return d, assurance.ErrorUnmet, nil
	}
	d.PromptConsent = d.PromptConsent || request.isDevice()
	return d, "", nil
}

// hinted is the user whom the client has named with an ID token. Hydra has checked that; a subject of ours that is none
// there is one that the client alone knows the user by.
func (e *Engine) hinted(ctx context.Context, request LoginRequest) (string, error) {
	subject, _ := request.OIDC.HintClaims["sub"].(string)
	if subject == "" {
		return "", nil
	}
	_, err := e.Accounts.Account(ctx, subject)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return subject, err
}

func withoutWord(text, word string) string {
	var words []string
	for w := range strings.FieldsSeq(text) {
		if w != word {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// policy is what an operator writes into the metadata of a client at Hydra, under vestibule.
type policy struct {
	TwoSteps client.TwoSteps     `json:"two_steps"`
	ACRNames map[string][]string `json:"acr_names"`
}

// Client returns a relying party as Hydra has it now, or store.ErrNotFound.
func (e *Engine) Client(ctx context.Context, id string) (client.Client, error) {
	rp, err := e.Admin.Client(ctx, id)
	if err != nil {
		return client.Client{}, err
	}
	return e.clientOf(rp)
}

// clientOf refuses a policy that it does not understand: it may be a stricter one.
func (e *Engine) clientOf(rp RelyingParty) (client.Client, error) {
	var metadata struct {
		Vestibule json.RawMessage `json:"vestibule"`
	}
	if len(rp.Metadata) > 0 {
		if err := json.Unmarshal(rp.Metadata, &metadata); err != nil {
			return client.Client{}, fmt.Errorf("hydra: client %s: metadata is no object", rp.ID)
		}
	}
	var p policy
	if len(metadata.Vestibule) > 0 {
		decoder := json.NewDecoder(strings.NewReader(string(metadata.Vestibule)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&p); err != nil {
			return client.Client{}, fmt.Errorf("hydra: client %s: metadata.vestibule: %w", rp.ID, err)
		}
	}
	if err := p.check(); err != nil {
		return client.Client{}, fmt.Errorf("hydra: client %s: metadata.vestibule: %w", rp.ID, err)
	}
	return client.Client{
		ID: rp.ID, Registration: rp.CreatedAt.UTC().Format(time.RFC3339Nano), Name: rp.Name, Public: rp.AuthMethod == "none", RedirectURIs: rp.RedirectURIs,
		Scopes: strings.Fields(rp.Scope), TwoSteps: p.TwoSteps, ACRNames: p.ACRNames, FirstParty: rp.SkipConsent, Created: rp.CreatedAt, Updated: rp.UpdatedAt,
	}, nil
}

func (p policy) check() error {
	if !p.TwoSteps.IsKnown() {
		return fmt.Errorf("two_steps can be required or phishing-resistant, not %q", p.TwoSteps)
	}
	return assurance.CheckACRNames(p.ACRNames)
}
