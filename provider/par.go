package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/interaction"
	"vestibule/provider/pushed"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// pushedAnswer is what a client gets for a request that it pushes (RFC 9126 section 2.2).
type pushedAnswer struct {
	URI     string `json:"request_uri"`
	Expires int64  `json:"expires_in"` // seconds
}

// par is the pushed authorization request endpoint (RFC 9126). All that the authorization endpoint checks is checked here,
// and every fault is told to the client in the answer: no browser has come yet. What is kept is the request as it was
// understood, and nothing that the client has authenticated with.
func (p *Provider) par(w http.ResponseWriter, r *http.Request) {
	answer, err := p.push(w, r)
	if err != nil {
		p.answerError(r.Context(), w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, answer)
}

func (p *Provider) push(w http.ResponseWriter, r *http.Request) (*pushedAnswer, error) {
	rp, err := p.readClient(w, r)
	if err != nil {
		return nil, err
	}
	if r.PostForm.Has("request_uri") {
		return nil, fosite.ErrInvalidRequest.WithHint("A pushed request cannot have a request_uri (RFC 9126 section 2.1).")
	}
	proof, err := p.proof(w, r, "/par")
	if err == nil {
		err = proof.By(rp.ProofAlgorithms())
	}
	if err != nil {
		return nil, proofFault(err)
	}
	ix, err := p.validatePushed(r, rp, proof)
	if err != nil {
		return nil, err
	}
	if rp.Public && !p.pushes.Take(spelling.NetworkOf(r.RemoteAddr), p.now()) {
		return nil, errTooMany
	}
	return p.keepPushed(r.Context(), ix)
}

var errTooMany = &fosite.RFC6749Error{ErrorField: "temporarily_unavailable", CodeField: http.StatusTooManyRequests,
	DescriptionField: "Too many requests were pushed from this network. Try again in a minute."}

// validatePushed is validate for a request that its client pushes. That of a client without a secret may be anybody's: it
// must fit an address, as one must that comes with a browser, so that nobody fills the database with it.
func (p *Provider) validatePushed(r *http.Request, rp client.Client, proof *dpop.Proof) (*interaction.Interaction, error) {
	form := pushed.Parameters(r.PostForm, rp.ID)
	asked := &http.Request{Method: http.MethodPost, URL: r.URL, Header: http.Header{}, Form: form, PostForm: form}
	ix, _, err := p.validate(asked.WithContext(r.Context()), proof)
	if err != nil || !rp.Public {
		return ix, err
	}
	return ix, p.checkLength(ix)
}

// keepPushed stores the request, and returns what its browser is to bring.
func (p *Provider) keepPushed(ctx context.Context, ix *interaction.Interaction) (*pushedAnswer, error) {
	data, err := json.Marshal(ix)
	if err != nil {
		return nil, err
	}
	uri, signature, err := p.tokens.generate(pushed.URIPrefix)
	if err != nil {
		return nil, err
	}
	lifetime := p.lifetimes.PushedRequest
	err = p.store.PushRequest(ctx, pushed.Request{
		Signature: signature, Client: ix.Client, Registration: ix.Registered, Data: data, Expires: p.now().Add(lifetime),
	})
	if err != nil {
		return nil, storeFault{err}
	}
	return &pushedAnswer{URI: uri, Expires: int64(lifetime.Seconds())}, nil
}

// errRequestURI tells nobody which of the reasons it is.
var errRequestURI = fosite.ErrInvalidRequestURI.WithHint("The request_uri was used before, has expired, was pushed by another client, or never was one.")

// takePushed begins the sign-in that was pushed for a request_uri. It works once: the request is gone with that, and what is
// not the client's own is not touched. Of the address only client_id and request_uri count (RFC 9126 section 4).
func (p *Provider) takePushed(r *http.Request) (*interaction.Interaction, *fosite.AuthorizeRequest, error) {
	ar := fosite.NewAuthorizeRequest()
	if err := checkRepeats(r.Form); err != nil {
		return nil, ar, err
	}
	r.Form = url.Values{"client_id": r.Form["client_id"], "request_uri": r.Form["request_uri"]}
	if r.Method != http.MethodGet { // what only looks, as HEAD does, takes nothing
		return nil, ar, fosite.ErrInvalidRequest.WithHint("A request_uri is opened by GET.")
	}
	rp, err := p.clients.Client(r.Context(), r.Form.Get("client_id"))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ar, fosite.ErrInvalidClient.WithHint("The client is not known. A request_uri needs the client_id beside it.")
	case err != nil:
		return nil, ar, storeFault{err}
	}
	ar.Client = relyingParty{rp}
	ix, err := p.openPushed(r.Context(), rp, r.Form.Get("request_uri"))
	return ix, ar, err
}

// openPushed returns the sign-in as if its request had arrived now, from the client as it is registered now.
func (p *Provider) openPushed(ctx context.Context, rp client.Client, uri string) (*interaction.Interaction, error) {
	if p.tokens.validate(uri, pushed.URIPrefix) != nil {
		return nil, errRequestURI
	}
	data, err := p.store.TakeRequest(ctx, p.tokens.signature(uri, pushed.URIPrefix), rp, p.now())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errRequestURI
	case err != nil:
		return nil, storeFault{err}
	}
	var kept interaction.Interaction
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil, fmt.Errorf("pushed request: %w", err)
	}
	ix := p.Restart(&kept)
	ix.Follow(rp)
	if _, _, err := p.thaw(ctx, ix); err != nil {
		return nil, err
	}
	fits, err := p.Fits(ix)
	ix.Long = !fits
	return ix, err
}
