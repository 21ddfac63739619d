package clientauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"vestibule/provider/client"
	"vestibule/provider/clientjwt"
	"vestibule/provider/keyset"
	"vestibule/provider/store"
)

// byAssertion finds out which client has signed the assertion of a request (private_key_jwt: OIDC Core section 9,
// RFC 7523 section 2.2). Each works once. All that is wrong with one is invalid_client (RFC 7521 section 4.2.1).
func (a *Authenticator) byAssertion(ctx context.Context, r *http.Request, form url.Values) (client.Client, error) {
	switch {
	case r.Header.Get("Authorization") != "" || form.Has("client_secret"):
		return client.Client{}, invalidRequest("The client authenticates in two ways at once.")
	case form.Get("client_assertion_type") != clientjwt.AssertionType:
		return client.Client{}, invalidClient("client_assertion_type must be %s.", clientjwt.AssertionType)
	case form.Get("client_assertion") == "":
		return client.Client{}, invalidClient("client_assertion is missing.")
	}
	assertion, err := clientjwt.ReadAssertion(form.Get("client_assertion"))
	if err != nil {
		return client.Client{}, badAssertion(err)
	}
	if named := form.Get("client_id"); named != "" && named != assertion.Client {
		return client.Client{}, invalidClient("client_id is not the client of the assertion.")
	}
	c, err := a.known(r, assertion.Client)
	if err != nil {
		return client.Client{}, err
	}
	return c, a.checkAssertion(ctx, r, c, assertion)
}

// checkAssertion checks all of it, and the cheap things first; then it is spent.
func (a *Authenticator) checkAssertion(ctx context.Context, r *http.Request, c client.Client, said *clientjwt.Assertion) error {
	switch algorithms := c.AssertionAlgorithms(); {
	case !c.AuthenticatesBy(client.AuthPrivateKey):
		return notItsMethod(c, client.AuthPrivateKey)
	case !said.SignedWith(algorithms...):
		return badAssertion(errors.New("it must be signed with " + strings.Join(algorithms, ", ")))
	}
	to := clientjwt.Audience{
		Issuer: a.Issuer, IssuerOnly: c.AssertionAudience == client.AudienceIssuer, Endpoints: a.Endpoints(r),
	}
	used, err := said.Check(to, a.Now())
	if err != nil {
		return badAssertion(err)
	}
	if err := a.Keys(c).Verify(ctx, c.KeySource(), said.Token); err != nil {
		if wrong := keyset.Explain(err); wrong != nil {
			return badAssertion(wrong)
		}
		return err
	}
	err = a.Assertions.SpendAssertion(ctx, c.ID, used.ID, used.Until)
	if errors.Is(err, store.ErrConflict) {
		return badAssertion(errors.New("its jti was used before; make another for each request"))
	}
	return err
}

func badAssertion(err error) error {
	return invalidClient("The client_assertion is not accepted: %v.", err)
}
