package pushed

import (
	"maps"
	"net/url"
	"strings"
)

// URIPrefix begins every request_uri of a pushed request (RFC 9126 section 2.2). What follows is one random value.
const URIPrefix = "urn:ietf:params:oauth:request_uri:"

// IsURI reports whether a request_uri looks like one of a pushed request, and not like the address of a request object.
func IsURI(text string) bool { return strings.HasPrefix(text, URIPrefix) }

// credentials are the parameters that a client authenticates with (RFC 6749 section 2.3.1, RFC 7521 section 4.2). They are no
// part of the request, and are kept nowhere.
var credentials = []string{"client_secret", "client_assertion", "client_assertion_type"}

// Parameters returns those of the authorization request that the client pushes with the form. Who sends it is known from
// how it has authenticated, whatever the form says.
func Parameters(form url.Values, client string) url.Values {
	request := maps.Clone(form)
	for _, name := range credentials {
		request.Del(name)
	}
	request.Set("client_id", client)
	return request
}
