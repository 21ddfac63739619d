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
	var faults []error
	if !c.ResourceServer && len(c.ResourceURIs)+len(c.ResourceScopes) > 0 {
		faults = append(faults, errors.New("resource URIs and resource scopes are for a resource server; for an app say by audiences which APIs it may use"))
	}
	if c.ResourceServer && len(c.ResourceURIs) == 0 {
		faults = append(faults, errors.New("a resource server needs at least one resource URI, such as its address: tokens are for that"))
	}
	if c.ResourceServer && len(c.Audiences) > 0 {
		faults = append(faults, errors.New("a resource server uses no API by itself: audiences are for other clients"))
	}
	for what, list := range map[string][]string{"resource URI": c.ResourceURIs, "audience": c.Audiences} {
		for i, uri := range list {
			if err := checkResource(uri); err != nil {
				faults = append(faults, fmt.Errorf("%s %q: %w", what, uri, err))
			}
			if slices.Contains(list[:i], uri) {
				faults = append(faults, fmt.Errorf("%s %q is there twice", what, uri))
			}
		}
	}
	for _, scope := range c.ResourceScopes {
		if !isScope(scope) {
			faults = append(faults, fmt.Errorf("resource scope %q must be lower-case letters, digits or any of -._:/", scope))
		}
	}
	if c.AccessTokenFormat != "" && !slices.Contains(AccessTokenFormats, c.AccessTokenFormat) {
		faults = append(faults, fmt.Errorf("access token format %q must be opaque or jwt", c.AccessTokenFormat))
	}
	return errors.Join(faults...)
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
