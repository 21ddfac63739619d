package provider

import "errors"

// Outcomes of a service that its caller handles.
var (
	// ErrClientChanged reports that the client is not registered any more as it was when it was read: it was changed,
	// or removed, perhaps registered anew. Whoever gets it decides once more, on what is registered now.
	ErrClientChanged = errors.New("client was changed")
	// ErrSessionEnded reports that the session has ended which what was to be committed rests on.
	ErrSessionEnded = errors.New("session has ended")
	// ErrExpired reports a sign-in that was begun too long ago.
	ErrExpired = errors.New("expired")
)

// RequestError is an authorization request that cannot be answered by a redirect, because the
// client or its redirect URI is not known. It is shown to the user (RFC 6749 section 4.1.2.1).
type RequestError struct {
	Status      int    // of the HTTP answer
	Code        string // an error code of RFC 6749 or OpenID Connect Core
	Description string // for the makers of the client
	ClientID    string // as it was sent; may be empty or anything
	ClientName  string // set if the client is known
	RedirectURI string // as it was sent; never to be made a link
}

func (e *RequestError) Error() string { return e.Code + ": " + e.Description }
