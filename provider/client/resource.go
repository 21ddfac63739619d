package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"vestibule/provider/store"
)

// Formats of access tokens.
const (
	FormatOpaque = "opaque" // nobody but the server can read them
	FormatJWT    = "jwt"    // signed claims (RFC 9068)
)

// AccessTokenFormats are all that a client can register.
var AccessTokenFormats = []string{FormatOpaque, FormatJWT}

// maxResource is how many bytes the identifier of an API may have.
const maxResource = 1024

// ResourceTaken reports that another API is known by a resource URI.
type ResourceTaken struct{ URI string }

// Error implements error.
func (t *ResourceTaken) Error() string {
	return fmt.Sprintf("the resource URI %s is registered for another API", t.URI)
}

// Unwrap returns store.ErrConflict.
func (t *ResourceTaken) Unwrap() error { return store.ErrConflict }

// checkResources says what is wrong with what an API is known by, and with the APIs that a client may use.
func checkResources(c Client) error {
	var faults faults
	faults.when(!c.ResourceServer && len(c.ResourceURIs)+len(c.ResourceScopes) > 0,
		"resource URIs and resource scopes are for a resource server; for an app say by audiences which APIs it may use")
	faults.when(c.ResourceServer && len(c.ResourceURIs) == 0, "a resource server needs at least one resource URI, such as its address: tokens are for that")
	faults.when(c.ResourceServer && len(c.Audiences) > 0, "a resource server uses no API by itself: audiences are for other clients")
	faults.each("resource URI", c.ResourceURIs, checkResource)
	faults.each("audience", c.Audiences, checkResource)
	for _, scope := range c.ResourceScopes {
		faults.when(!isScope(scope), fmt.Sprintf("resource scope %q must be lower-case letters, digits or any of -._:/", scope))
	}
	faults.when(c.AccessTokenFormat != "" && !slices.Contains(AccessTokenFormats, c.AccessTokenFormat),
		fmt.Sprintf("access token format %q must be opaque or jwt", c.AccessTokenFormat))
	return errors.Join(faults.found...)
}

// checkResource refuses what is no resource indicator (RFC 8707 section 2).
func checkResource(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || !u.IsAbs() || u.Host == "" && u.Opaque == "":
		return errors.New("it must be an absolute URI, such as https://api.example.com")
	case u.Fragment != "" || u.RawFragment != "" || len(uri) > 0 && uri[len(uri)-1] == '#':
		return errors.New("it must not have a fragment")
	case u.User != nil:
		return errors.New("it must not have a user")
	case len(uri) > maxResource:
		return fmt.Errorf("it must not be longer than %d bytes", maxResource)
	case !isVisible(uri):
		return errors.New("it must be printable ASCII; encode the rest")
	}
	return nil
}

func isVisible(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b <= ' ' || b > '~' || b == '"' || b == '\\' })
}
