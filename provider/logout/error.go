package logout

import (
	"net/http"
	"net/url"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
)

// Error is a request to sign out that cannot be granted as it is. It is shown to the user, who may still sign out. It wraps
// an *interaction.RequestError, for pages that make no difference.
type Error struct {
	interaction.RequestError
	Hint bool // it is the id_token_hint that is wrong
}

// Error implements error.
func (e *Error) Error() string { return "sign-out: " + e.RequestError.Error() }

// Unwrap returns the request error.
func (e *Error) Unwrap() error { return &e.RequestError }

// Malformed reports a request that could not be read at all.
func Malformed() error { return refuse(nil, nil, "The request is malformed or too large.") }

// refuse says for the makers of the client what is wrong; c is nil if it is not known which one asks.
func refuse(form url.Values, c *client.Client, description string) error {
	e := &Error{RequestError: interaction.RequestError{
		Status: http.StatusBadRequest, Code: "invalid_request", Description: description,
		ClientID: form.Get("client_id"), RedirectURI: form.Get("post_logout_redirect_uri"),
	}}
	if c != nil {
		e.ClientID, e.ClientName = c.ID, c.Label()
	}
	return e
}

// refuseHint is for an ID token that proves nothing.
func refuseHint(form url.Values, description string) error {
	e := refuse(form, nil, description).(*Error)
	e.Hint = true
	return e
}

// refuseUnknown is for a client that is not registered, or was not when the hint was made: whoever has the id now inherits
// nothing of it.
func refuseUnknown(form url.Values) error {
	e := refuse(form, nil, "The client is not registered, or not any more.").(*Error)
	e.Code = "invalid_client"
	return e
}
