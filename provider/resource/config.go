package resource

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// check says what is wrong with the settings of an API.
func (c Config) check() error {
	switch {
	case c.Endpoint == "" && c.Keys == "":
		return errors.New("introspection endpoint \"\" is not an address; take introspection_endpoint from the server's metadata, or set Keys to its jwks_uri")
	case c.Endpoint != "" && (c.ClientID == "" || c.ClientSecret == ""):
		return errors.New("the client id or secret of the API is empty: only a confidential client may introspect")
	case c.Keys != "" && (c.Issuer == "" || c.Resource == ""):
		return errors.New("there are Keys, but no Issuer or no Resource: a JWT of another server, or for another API, must not open this one")
	case c.Cache < 0 || c.Cache > MaxCache:
		return fmt.Errorf("cache %s is not from 0 to %s: a revoked token is let through for that long", c.Cache, MaxCache)
	}
	for _, a := range []struct{ what, value, from string }{
		{"introspection endpoint", c.Endpoint, "take introspection_endpoint from the server's metadata"},
		{"address of the keys", c.Keys, "take jwks_uri from the server's metadata"},
		{"resource", c.Resource, "take what is registered for the API"},
	} {
		if err := checkAddress(a.what, a.value, a.from); err != nil && a.value != "" {
			return err
		}
	}
	if strings.ContainsAny(c.Resource, "?#") {
		return fmt.Errorf("resource %s has a query or a fragment; it must be an address without", c.Resource)
	}
	return nil
}

func checkAddress(what, value, from string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s %q is not an address; %s", what, value, from)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%s %s is plain http: tokens and secrets could be read on the way, and keys changed; use https", what, value)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
