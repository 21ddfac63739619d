package provider

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// checkRedirectURI allows https, http on a loopback address, and for a public client a private scheme with a
// dot in it (RFC 8252 sections 7.1 to 7.3).
func checkRedirectURI(raw string, public bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URI")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("must not have a fragment")
	case u.User != nil:
		return errors.New("must not have a user name")
	case answers(u.Query()):
		return errors.New("must not have a parameter that the answer has: code, state, iss, error")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }):
		return errors.New("must be ASCII without spaces or backslashes; encode other characters with %")
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errors.New("must be https; http is for loopback addresses only")
	case strings.Contains(u.Scheme, "."):
		if public {
			return nil
		}
		return errors.New("a private scheme is for public clients only")
	}
	return errors.New("must be https, http on a loopback address, or a private scheme in reverse domain form such as com.example.app")
}

func answers(query url.Values) bool {
	return slices.ContainsFunc([]string{"code", "state", "iss", "error"}, query.Has)
}

// isLoopback reports whether host is localhost or a loopback IP address.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// allows reports whether raw is one of the client's redirect URIs: the same string, or the same but for
// the port where both are http on the same loopback IP address. fosite compares decoded paths and overlooks a
// user name, which is too kind.
func (c Client) allows(raw string) bool {
	if slices.Contains(c.RedirectURIs, raw) {
		return true
	}
	asked, err := url.Parse(raw)
	if err != nil || asked.Scheme != "http" || net.ParseIP(asked.Hostname()) == nil || !isLoopback(asked.Hostname()) {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		u, err := url.Parse(registered)
		return err == nil && u.Scheme == "http" && u.Hostname() == asked.Hostname() && dropPort(registered, u) == dropPort(raw, asked)
	})
}

// dropPort returns the URI as it was written but for its port.
func dropPort(raw string, u *url.URL) string {
	if u.Port() == "" {
		return raw
	}
	return strings.Replace(raw, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}
