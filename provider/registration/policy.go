package registration

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/claims"
	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// Loopback stands for this device among Policy.Redirects.
const Loopback = "localhost"

// Policy is what a client may register that nobody has looked at. The zero value works.
type Policy struct {
	NeedToken   bool     // none registers without an initial access token
	Scopes      []string // the most that it may ask for; nil: openid, profile, email and offline_access
	GrantTypes  []string // nil: client.DefaultGrantTypes
	AuthMethods []string // how it may authenticate; nil: client.AuthMethods
	Audiences   []string // the APIs that it may have tokens for; nil: none
	// Redirects are where it may have browsers sent: the names of hosts, *.example.com for all below one, Loopback for the
	// device of the user, and private schemes such as vscode: with their colon. nil: anywhere that a client may.
	Redirects []string
	PerHour   int           // how many one network may register in an hour; 0: 20
	Total     int           // how many there may be; 0: 10,000
	Unused    time.Duration // how long one stays that is not used; 0: 30 days
}

// withDefaults fills in the zero fields.
func (p Policy) withDefaults() Policy {
	for _, f := range []struct {
		field *[]string
		value []string
	}{
		{&p.Scopes, []string{client.ScopeOpenID, claims.ScopeProfile, claims.ScopeEmail, client.ScopeOffline}},
		{&p.GrantTypes, client.DefaultGrantTypes},
		{&p.AuthMethods, client.AuthMethods},
	} {
		if *f.field == nil {
			*f.field = f.value
		}
	}
	if p.PerHour == 0 {
		p.PerHour = 20
	}
	if p.Total == 0 {
		p.Total = 10_000
	}
	if p.Unused == 0 {
		p.Unused = 30 * 24 * time.Hour
	}
	return p
}

func (p Policy) limits() operator.RegistrationLimits {
	return operator.RegistrationLimits{PerHour: p.PerHour, Total: p.Total}
}

// base is what a new client has of all that is not its own to say.
func (p Policy) base() client.Client {
	return client.Client{Audiences: p.Audiences, RegisteredBy: client.ByItself}
}

// complete fills in what the client leaves out, as OIDC Registration section 2 has it, and leaves it no scope that is not for
// it: the answer says what is left (RFC 7591 section 2).
func (p Policy) complete(c *client.Client) {
	if len(c.GrantTypes) == 0 {
		c.GrantTypes = slices.DeleteFunc(slices.Clone(client.DefaultGrantTypes), func(kind string) bool { return !slices.Contains(p.GrantTypes, kind) })
	}
	if len(c.ResponseTypes) == 0 && c.AnswersWith(client.ResponseCode) {
		c.ResponseTypes = []string{client.ResponseCode}
	}
	if !c.Public && c.TokenEndpointAuthMethod == "" {
		c.TokenEndpointAuthMethod = client.AuthSecretBasic
	}
	if c.ApplicationType == "" {
		c.ApplicationType = client.TypeOf(c.RedirectURIs)
	}
	if c.SignsIn() && c.IDTokenAlg == "" {
		c.IDTokenAlg = client.RS256
	}
	if len(c.Scopes) == 0 {
		c.Scopes = p.Scopes
	}
	c.Scopes = slices.DeleteFunc(slices.Clone(c.Scopes), func(scope string) bool { return !slices.Contains(p.Scopes, scope) })
	if c.Consent == client.ConsentDefault { // an operator has set none
		c.Consent = client.ConsentAsk
	}
}

// faults are what the policy does not let the client register.
func (p Policy) faults(c client.Client) []error {
	var all []error
	add := func(field, format string, args ...any) {
		all = append(all, &fault{field, fmt.Sprintf(format, args...) + ", or have whoever runs the server register the client"})
	}
	for _, kind := range client.GrantTypes {
		if c.Grants(kind) && !slices.Contains(p.GrantTypes, kind) {
			add("grant_types", "%s is not for clients that register themselves; leave it out", kind)
		}
	}
	if method := c.AuthMethod(); slices.Contains(client.AuthMethods, method) && !slices.Contains(p.AuthMethods, method) {
		add("token_endpoint_auth_method", "%s is not for clients that register themselves; choose from %s", method, strings.Join(p.AuthMethods, ", "))
	}
	if len(c.Scopes) == 0 && c.SignsIn() {
		add("scope", "none of it is for clients that register themselves; choose from %s", strings.Join(p.Scopes, " "))
	}
	lead := func(field string, uris []string) {
		for _, uri := range uris {
			if !p.leads(uri) {
				add(field, "clients that register themselves may not send browsers to %q; choose another address", uri)
			}
		}
	}
	lead("redirect_uris", c.RedirectURIs)
	lead("post_logout_redirect_uris", c.PostLogoutRedirectURIs)
	return all
}

// leads reports whether browsers may be sent to the address.
func (p Policy) leads(uri string) bool {
	u, err := url.Parse(uri)
	if p.Redirects == nil || err != nil { // client.Check says what is no address
		return true
	}
	return slices.ContainsFunc(p.Redirects, func(to string) bool {
		switch {
		case strings.HasSuffix(to, ":"):
			return u.Scheme+":" == to && u.Scheme != "https" && u.Scheme != "http"
		case u.Scheme != "https" && u.Scheme != "http":
			return false
		case to == Loopback:
			return client.IsLoopback(u.Hostname())
		}
		return IsHost(to, u.Hostname())
	})
}

// IsHost reports whether a name of a policy stands for the host: itself or, after *. all below it.
func IsHost(name, host string) bool {
	if below, ok := strings.CutPrefix(name, "*"); ok {
		return strings.HasSuffix(host, below) && len(host) > len(below)
	}
	return name == host
}
