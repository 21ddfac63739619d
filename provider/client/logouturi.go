package client

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// checkLogoutURIs reports what is wrong with the addresses at which a client hears of the end of a session. They may be on
// private networks, and on this machine: operators register them.
func checkLogoutURIs(c Client) error {
	var faults []error
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, errors.New(text))
		}
	}
	if uri := c.BackchannelLogoutURI; uri != "" {
		if err := checkLogoutURI(uri); err != nil {
			faults = append(faults, fmt.Errorf("back-channel logout URI %q: %w", uri, err))
		}
	}
	if uri := c.FrontchannelLogoutURI; uri != "" {
		if err := checkFrame(uri, c.RedirectURIs); err != nil {
			faults = append(faults, fmt.Errorf("front-channel logout URI %q: %w", uri, err))
		}
	}
	fault(c.BackchannelLogoutSessionRequired && c.BackchannelLogoutURI == "", "a session cannot be required of back-channel logout without its URI")
	fault(c.FrontchannelLogoutSessionRequired && c.FrontchannelLogoutURI == "", "a session cannot be required of front-channel logout without its URI")
	fault(c.ResourceServer && c.BackchannelLogoutURI+c.FrontchannelLogoutURI != "", "a resource server signs nobody in: it hears of no sign-out")
	return errors.Join(faults...)
}

// checkLogoutURI wants an address that a server of the client has (Back-Channel Logout 1.0 section 2.2).
func checkLogoutURI(raw string) error {
	if u, err := url.Parse(raw); err == nil && u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("must be https, or http on a loopback address")
	}
	return checkRedirectURI(raw, false)
}

// checkFrame wants, beside that, the site of a redirect URI (Front-Channel Logout 1.0 section 2): another one has no session
// of the client's to end.
func checkFrame(raw string, redirects []string) error {
	if err := checkLogoutURI(raw); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URI")
	case u.Query().Has("sid"):
		return errors.New("must not have a parameter that is added to it: iss, sid")
	case !slices.ContainsFunc(redirects, func(redirect string) bool { return isSameSite(u, redirect) }):
		return errors.New("must have the scheme, host and port of a redirect URI")
	}
	return nil
}

// isSameSite allows any port where a redirect URI may have any.
func isSameSite(u *url.URL, redirect string) bool {
	other, err := url.Parse(redirect)
	if err != nil || u.Scheme != other.Scheme {
		return false
	}
	return u.Host == other.Host || u.Scheme == "http" && u.Hostname() == other.Hostname() && IsLoopback(u.Hostname())
}
