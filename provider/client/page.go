package client

import (
	"errors"
	"fmt"
	"net/url"
)

// checkPages reports what is wrong with the addresses about the client that users see (OpenID Connect Dynamic Client
// Registration 1.0 section 2).
func checkPages(c Client) error {
	var faults faults
	for _, page := range []struct{ name, uri string }{{"client_uri", c.URI}, {"policy_uri", c.PolicyURI}, {"tos_uri", c.TermsURI}} {
		if page.uri != "" {
			faults.add(fmt.Sprintf("%s %q: ", page.name, page.uri), checkPage(page.uri))
		}
	}
	if c.LogoURI != "" {
		faults.add(fmt.Sprintf("logo_uri %q: ", c.LogoURI), checkDocumentURI(c.LogoURI))
	}
	faults.when(c.ResourceServer && c.LogoURI+c.URI+c.PolicyURI+c.TermsURI != "", "a resource server signs nobody in: users see no pages of it")
	return errors.Join(faults.found...)
}

// checkPage wants an address that a user can open and be sure of.
func checkPage(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > 512 || !isVisible(raw):
		return errors.New("not an address of at most 512 printable bytes")
	case u.Scheme != "https" || u.Hostname() == "":
		return errors.New("must be https")
	case u.User != nil:
		return errors.New("must not have a user name")
	}
	return nil
}
