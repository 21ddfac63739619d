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

// readAssertion reads what a client has signed to show who it is (private_key_jwt: OIDC Core section 9, RFC 7523 section 2.2).
// All that is wrong with one is invalid_client (RFC 7521 section 4.2.1).
func readAssertion(r *http.Request, form url.Values) (*clientjwt.Assertion, error) {
	switch {
	case r.Header.Get("Authorization") != "" || form.Has("client_secret"):
		return nil, invalidRequest("The client authenticates in two ways at once.")
	case form.Get("client_assertion_type") != clientjwt.AssertionType:
		return nil, invalidClient("client_assertion_type must be %s.", clientjwt.AssertionType)
	case form.Get("client_assertion") == "":
		return nil, invalidClient("client_assertion is missing.")
	}
	assertion, err := clientjwt.ReadAssertion(form.Get("client_assertion"))
	if err != nil {
		return nil, badAssertion(err)
	}
	if named := form.Get("client_id"); named != "" && named != assertion.Client {
		return nil, invalidClient("client_id is not the client of the assertion.")
	}
	return assertion, nil
}

// checkAssertion checks all of it, and the cheap things first.
func (a *Authenticator) checkAssertion(ctx context.Context, c client.Client, e Evidence) (clientjwt.Used, error) {
	said := e.assertion
	switch algorithms := c.AssertionAlgorithms(); {
	case !c.AuthenticatesBy(client.AuthPrivateKey):
		return clientjwt.Used{}, notItsMethod(c, client.AuthPrivateKey)
	case !said.SignedWith(algorithms...):
		return clientjwt.Used{}, badAssertion(errors.New("it must be signed with " + strings.Join(algorithms, ", ")))
	}
	to := clientjwt.Audience{
		Issuer: a.Issuer, IssuerOnly: c.AssertionAudience == client.AudienceIssuer, Endpoints: a.Endpoints(e.request),
	}
	used, err := said.Check(to, a.Now())
	if err != nil {
		return used, badAssertion(err)
	}
	err = a.Keys(c).Verify(ctx, c.KeySource(), said.Token)
	if wrong := keyset.Explain(err); wrong != nil {
		err = badAssertion(wrong)
	}
	return used, err
}

// spend has an assertion work once.
func (a *Authenticator) spend(ctx context.Context, c client.Client, used clientjwt.Used) error {
	err := a.Assertions.SpendAssertion(ctx, c.ID, used.ID, used.Until)
	if errors.Is(err, store.ErrConflict) {
		return badAssertion(errors.New("its jti was used before; make another for each request"))
	}
	return err
}

func badAssertion(err error) error {
	return invalidClient("The client_assertion is not accepted: %v.", err)
}
