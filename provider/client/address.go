package client

import (
	"errors"
	"net/url"
	"strings"
)

// MaxAddress is how many bytes the id of a client may have that is the address of its metadata document.
const MaxAddress = 512

// IsAddress reports whether an id is the address of a metadata document, and no id that somebody gave out.
func IsAddress(id string) bool { return strings.Contains(id, "://") }

// CheckAddress says why no metadata document is fetched from an id (draft-ietf-oauth-client-id-metadata-document section 3).
func CheckAddress(id string) error {
	u, err := url.Parse(id)
	switch {
	case err != nil || len(id) > MaxAddress || strings.ContainsAny(id, "?#%+\\ ") || u.User != nil:
		return errors.New("a client id that is an address must be at most 512 bytes, without a user name, a query, a fragment and encoded characters")
	case u.Scheme != "https" && !(u.Scheme == "http" && IsLoopback(u.Hostname())):
		return errors.New("a client id that is an address must be https")
	case u.Path == "" || u.Path == "/":
		return errors.New("a client id that is an address must have a path")
	}
	return checkRedirectURI(id, false) // its spelling is the one that browsers write
}

// DocumentFault reports that there is no good metadata document at the id of a client. Its text is for the makers of that, and
// does not tell what was found where.
type DocumentFault struct{ Text string }

// Error implements error.
func (f *DocumentFault) Error() string { return f.Text }
