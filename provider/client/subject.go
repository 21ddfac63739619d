package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"vestibule/provider/fetch"
)

// Subject types: how a client knows users (OIDC Core section 8).
const (
	SubjectPublic   = "public"   // as all others do
	SubjectPairwise = "pairwise" // as nobody does outside its Sector
)

// SubjectTypes are all that a client can register.
var SubjectTypes = []string{SubjectPublic, SubjectPairwise}

// Sector is what clients have in common that know users by the same pairwise subjects; empty: the client knows them by public
// ones. Only clients that are answered at web addresses share one, by the host of those or of a document that lists them (OIDC
// Core section 8.1): to be answered there is what shows that one belongs to it. Anybody could register the loopback address or
// the private scheme of another app, and a device is answered at none: such a client has a sector of its own, as long as it is
// registered. So has one that nobody has looked at: it can say today that it is answered where another is, with tokens that it
// was given elsewhere yesterday, and hear of sign-outs at a third place.
func (c Client) Sector() string {
	if c.SubjectType != SubjectPairwise {
		return ""
	}
	if c.IsStrange() {
		return c.ownSector()
	}
	if hosts := c.answeredAt(); len(hosts) == 1 && c.SectorIdentifierURI == "" {
		return "host " + hosts[0]
	} else if len(hosts) > 0 && c.SectorIdentifierURI != "" {
		return "host " + hostOf(c.SectorIdentifierURI)
	}
	return c.ownSector()
}

func (c Client) ownSector() string { return "client " + c.ID + " " + c.Registration }

// answeredAt are the hosts of the redirect URIs; none if the client is also answered elsewhere than at web addresses.
func (c Client) answeredAt() []string {
	if c.Grants(GrantDevice) {
		return nil
	}
	var hosts []string
	for _, uri := range c.RedirectURIs {
		if !IsWeb(uri) {
			return nil
		}
		hosts = append(hosts, hostOf(uri))
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// hostOf is the host of an address that was checked.
func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// checkSubject reports what is wrong with how the client wants to know users.
func checkSubject(c Client) error {
	var faults faults
	pairwise, hosts := c.SubjectType == SubjectPairwise, c.answeredAt()
	faults.when(c.SubjectType != "" && !slices.Contains(SubjectTypes, c.SubjectType), "the subject type can be public or pairwise")
	faults.when(pairwise && c.SectorIdentifierURI == "" && len(hosts) > 1, "a client with redirect URIs on several hosts has pairwise subjects only with a sector_identifier_uri, where those are listed")
	// One that nobody has looked at has a sector of its own, whatever it names: its document says where it is answered.
	vouched := c.IsStrange() && !c.Grants(GrantDevice) && !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !isHTTPS(uri) })
	faults.when(pairwise && c.SectorIdentifierURI != "" && len(hosts) == 0 && !vouched, "a client that is answered on devices, at loopback addresses or by private schemes has pairwise subjects of its own: it has no sector_identifier_uri")
	faults.when(c.ResourceServer && c.SubjectType+c.SectorIdentifierURI != "", "a resource server signs nobody in: it knows users by the subjects that the apps do")
	if c.SectorIdentifierURI != "" {
		faults.add(fmt.Sprintf("sector_identifier_uri %q: ", c.SectorIdentifierURI), checkDocumentURI(c.SectorIdentifierURI))
	}
	return errors.Join(faults.found...)
}

var (
	// ErrSector reports a sector_identifier_uri that does not vouch for the client.
	ErrSector = errors.New("the sector_identifier_uri does not vouch for the client")
	// ErrSectorAway is the ErrSector of a document that cannot be had. What is wrapped around it says why: that tells of networks,
	// and is not for strangers.
	ErrSectorAway = fmt.Errorf("%w: what is there cannot be fetched, or is no JSON array of addresses", ErrSector)
)

// CheckSector fetches what is at the client's sector_identifier_uri, if it has one, and wants all its redirect URIs to be there,
// in a JSON array (OIDC Core section 8.1, OpenID Connect Dynamic Client Registration 1.0 section 5). To be called before a client
// is registered that Check has nothing against, and before its redirect URIs or this address are changed.
//
// Outcomes: ErrSector, whose text is for whoever registers it, ErrSectorAway among them; fetch.ErrBusy, which is nobody's fault.
func CheckSector(ctx context.Context, f *fetch.Fetcher, c Client) error {
	if c.SectorIdentifierURI == "" {
		return nil
	}
	document, err := f.Fetch(ctx, c.SectorIdentifierURI, "application/json")
	switch {
	case errors.Is(err, fetch.ErrBusy):
		return err
	case err != nil:
		return fmt.Errorf("%w: %v", ErrSectorAway, err)
	}
	if document.Host != hostOf(c.SectorIdentifierURI) { // or any redirect there is would vouch for all that it can be pointed at
		return fmt.Errorf("%w: its address leads to another host", ErrSectorAway)
	}
	var listed []string
	if err := json.Unmarshal(document.Body, &listed); err != nil || listed == nil {
		return ErrSectorAway
	}
	for _, uri := range c.RedirectURIs {
		if !slices.Contains(listed, uri) {
			return fmt.Errorf("%w: redirect URI %q is not listed there", ErrSector, uri)
		}
	}
	return nil
}
