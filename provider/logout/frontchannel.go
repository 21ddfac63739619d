package logout

import (
	"net/url"
	"strings"

	"vestibule/provider/client"
)

// Leaving is a browser whose session has ended, on its way past the clients that hear of that in frames (OpenID Connect
// Front-Channel Logout 1.0).
type Leaving struct {
	Session string   // the sid
	Clients []string // ids of those that are told
	Request Request  // where it goes then
}

// Frame is the address that the browser loads so that the client ends its session there (Front-Channel Logout 1.0
// section 2); empty: the client wants none.
func Frame(c client.Client, issuer, session string) string {
	uri := c.FrontchannelLogoutURI
	if uri == "" || !c.FrontchannelLogoutSessionRequired {
		return uri
	}
	return withQuery(uri, url.Values{"iss": {issuer}, "sid": {session}}.Encode())
}

// FrameOrigin is the origin of such an address, for a policy.
func FrameOrigin(frame string) string {
	u, err := url.Parse(frame)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// withQuery adds to the query of an address, which stays as it is written otherwise.
func withQuery(address, query string) string {
	separator := "?"
	switch {
	case strings.HasSuffix(address, "?"), strings.HasSuffix(address, "&"):
		separator = ""
	case strings.Contains(address, "?"):
		separator = "&"
	}
	return address + separator + query
}
