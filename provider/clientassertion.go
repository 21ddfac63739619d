package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/clientjwt"
	"vestibule/provider/keyset"
	"vestibule/provider/store"
)

// authenticateByAssertion finds out which client has signed the assertion of a request (private_key_jwt: OIDC Core section 9,
// RFC 7523 section 2.2). Each works once. All that is wrong with one is invalid_client (RFC 7521 section 4.2.1).
func (p *Provider) authenticateByAssertion(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	switch {
	case r.Header.Get("Authorization") != "" || form.Has("client_secret"):
		return nil, fosite.ErrInvalidRequest.WithHint("The client authenticates in two ways at once.")
	case form.Get("client_assertion_type") != clientjwt.AssertionType:
		return nil, fosite.ErrInvalidClient.WithHintf("client_assertion_type must be %s.", clientjwt.AssertionType)
	case form.Get("client_assertion") == "":
		return nil, fosite.ErrInvalidClient.WithHint("client_assertion is missing.")
	}
	assertion, err := clientjwt.ReadAssertion(form.Get("client_assertion"))
	if err != nil {
		return nil, badAssertion(err)
	}
	if named := form.Get("client_id"); named != "" && named != assertion.Client {
		return nil, fosite.ErrInvalidClient.WithHint("client_id is not the client of the assertion.")
	}
	c, err := p.knownClient(r, assertion.Client)
	if err != nil {
		return nil, err
	}
	if err := p.checkAssertion(ctx, r, c, assertion); err != nil {
		return nil, err
	}
	return relyingParty{c}, nil
}

// checkAssertion checks all of it, and the cheap things first; then it is spent.
func (p *Provider) checkAssertion(ctx context.Context, r *http.Request, c client.Client, a *clientjwt.Assertion) error {
	switch algorithms := c.AssertionAlgorithms(); {
	case !c.AuthenticatesBy(client.AuthPrivateKey):
		return notItsMethod(c, client.AuthPrivateKey)
	case !a.SignedWith(algorithms...):
		return badAssertion(errors.New("it must be signed with " + strings.Join(algorithms, ", ")))
	}
	to := clientjwt.Audience{
		Issuer: p.issuer, IssuerOnly: c.AssertionAudience == client.AudienceIssuer,
		Endpoints: append(p.addresses("/token"), p.addresses(strings.TrimPrefix(r.URL.Path, p.path))...),
	}
	used, err := a.Check(to, p.now())
	if err != nil {
		return badAssertion(err)
	}
	if err := p.documentsOf(c).keys.Verify(ctx, keysOf(c), a.Token); err != nil {
		return keyFault(err, badAssertion)
	}
	switch err := p.store.SpendAssertion(ctx, c.ID, used.ID, used.Until); {
	case errors.Is(err, store.ErrConflict):
		return badAssertion(errors.New("its jti was used before; make another for each request"))
	case err != nil:
		return storeFault{err}
	}
	return nil
}

func badAssertion(err error) error {
	return fosite.ErrInvalidClient.WithHintf("The client_assertion is not accepted: %v.", err)
}

// keysOf is where the keys of a client are.
func keysOf(c client.Client) keyset.Source { return keyset.Source{Keys: c.JWKS, URI: c.JWKSURI} }

// keyFault tells what a client can mend, in the words of bad, from what is ours: too much to do, or somebody who has gone.
func keyFault(err error, bad func(error) error) error {
	switch {
	case errors.Is(err, keyset.ErrKey):
		return bad(errors.New("no key that the client has registered fits its kid and alg"))
	case errors.Is(err, keyset.ErrSignature):
		return bad(errors.New("its signature is wrong"))
	case errors.Is(err, keyset.ErrUnavailable):
		return bad(errors.New("the keys at the jwks_uri of the client cannot be fetched"))
	}
	return storeFault{err}
}
