package client

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// RegisteredBy is whose doing a registration is.
type RegisteredBy string

// Who registers clients.
const (
	ByOperator     RegisteredBy = ""                     // whoever runs the server
	ByItself       RegisteredBy = "registration"         // the client, which anybody may be (RFC 7591 section 3)
	ByInitialToken RegisteredBy = "initial_access_token" // the client, with a token that an operator has given out
	ByDocument     RegisteredBy = "metadata_document"    // the client, by a document at the address that is its ID
)

// IsKnown reports whether b is one of the above.
func (b RegisteredBy) IsKnown() bool {
	return slices.Contains([]RegisteredBy{ByOperator, ByItself, ByInitialToken, ByDocument}, b)
}

// IsStrange reports whether nobody who runs the server has looked at what the client registers: users are told so, and nothing
// that it names is asked on private networks.
func (c Client) IsStrange() bool { return c.RegisteredBy != ByOperator }

// Manages reports whether the token is the one with which the client manages its registration: an operator manages what one
// has registered.
func (c Client) Manages(token string) bool {
	return c.IsStrange() && c.ManagementHash != "" && subtle.ConstantTimeCompare([]byte(fastHash(token)), []byte(c.ManagementHash)) == 1
}

// Application types (OpenID Connect Dynamic Client Registration 1.0 section 2).
const (
	TypeWeb    = "web"
	TypeNative = "native"
)

// ApplicationTypes are those that a client can register.
var ApplicationTypes = []string{TypeWeb, TypeNative}

// checkOrigin reports what is wrong with where a client runs, and with what it says of who has registered it.
func checkOrigin(c Client) error {
	var faults faults
	faults.when(!c.RegisteredBy.IsKnown(), fmt.Sprintf("registered_by %q is not known", string(c.RegisteredBy)))
	faults.when(c.IsStrange() && c.Consent == ConsentNever, "consent never is for clients that an operator has registered; register this one anew")
	faults.when(c.ApplicationType != "" && !slices.Contains(ApplicationTypes, c.ApplicationType), "the application type can be "+strings.Join(ApplicationTypes, " or "))
	if c.RegisteredBy == ByDocument {
		faults.add("", CheckAddress(c.ID))
		faults.when(c.NeedsSecret(), "a client that publishes what it registers has no secret: it authenticates by none or private_key_jwt")
	}
	if c.ApplicationType == TypeWeb {
		for _, uri := range c.RedirectURIs {
			faults.add(fmt.Sprintf("redirect URI %q: ", uri), c.checkWeb(uri))
		}
	}
	return errors.Join(faults.found...)
}

// checkWeb wants the address of a web site: what is on the device of its user is a native application (OpenID Connect Dynamic
// Client Registration 1.0 section 2). A server with TLS there, as of a developer, is a site all the same, though not one that
// is answered without a code.
func (c Client) checkWeb(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil: // checkRedirectURI says so
		return nil
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("a private scheme is for the application type native")
	case IsLoopback(u.Hostname()) && u.Scheme == "http":
		return errors.New("a loopback address without TLS is for the application type native")
	case IsLoopback(u.Hostname()) && c.AnswersWith(ResponseIDToken):
		return errors.New("a loopback address is for the application type native, or for answers with a code alone")
	}
	return nil
}

// TypeOf is the application type that redirect URIs fit.
func TypeOf(uris []string) string {
	if len(uris) > 0 && !slices.ContainsFunc(uris, isHTTPS) {
		return TypeNative
	}
	return TypeWeb
}
