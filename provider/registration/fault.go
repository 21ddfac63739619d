package registration

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"vestibule/provider/client"
	"vestibule/provider/fetch"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// Errors of RFC 7591 section 3.2.2.
const (
	codeRedirect = "invalid_redirect_uri"
	codeMetadata = "invalid_client_metadata"
)

// fault is what is wrong with one member of a document, and what to do.
type fault struct{ field, text string }

func (f *fault) Error() string { return f.field + ": " + f.text }

// refusal is what a client is answered with in place of a registration.
type refusal struct {
	status      int
	code        string
	description string
}

func (r *refusal) Error() string { return r.code + ": " + r.description }

// refuse is the refusal of a document. Its code is that of redirect URIs if nothing else is wrong.
func refuse(faults ...error) *refusal {
	code := codeRedirect
	var lines []string
	for _, err := range faults {
		if f := (*fault)(nil); !errors.As(err, &f) || f.field != "redirect_uris" {
			code = codeMetadata
		}
		lines = append(lines, err.Error())
	}
	return &refusal{http.StatusBadRequest, code, strings.Join(lines, "; ")}
}

// maxFaults is how many faults a client is told of at once.
const maxFaults = 8

// blame names, of the first faults of the client that the document makes over base, the member that each is the fault of: the
// one without which it would not be there. It checks the document once for each of its members at most, however many faults
// there are.
func (d document) blame(found []error, check func(document) []error) []error {
	named := slices.Clone(found[:min(len(found), maxFaults)])
	for _, name := range slices.Sorted(maps.Keys(d.said)) {
		if !slices.ContainsFunc(named, isNameless) {
			break
		}
		left := texts(check(d.without(name)))
		for i, one := range named {
			if isNameless(one) && !left[one.Error()] {
				named[i] = &fault{name, one.Error()}
			}
		}
	}
	return named
}

// isNameless reports whether the fault is of no member yet.
func isNameless(err error) bool {
	var f *fault
	return !errors.As(err, &f)
}

func (d document) without(name string) document {
	less := document{said: maps.Clone(d.said)}
	delete(less.said, name)
	return less
}

func texts(all []error) map[string]bool {
	found := map[string]bool{}
	for _, err := range all {
		found[err.Error()] = true
	}
	return found
}

// apart takes joined errors apart.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, apart(one)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// checked is client.Check as a list, of a client that has the secret that it is to get.
func checked(c client.Client) []error {
	c.ID, c.SecretHash = cmp.Or(c.ID, "new"), ""
	if c.NeedsSecret() {
		c.SecretHash = "will be there"
	}
	if len(c.RedirectURIs) > 0 || !slices.ContainsFunc(client.ResponseTypes, c.AnswersWith) {
		return apart(client.Check(c))
	}
	c.RedirectURIs = []string{"https://client.example/"} // to find the other faults, and this one once
	return append(apart(client.Check(c)), &fault{"redirect_uris", "a client needs at least one; or leave out the grant type authorization_code"})
}

// outcome is what the client is told of an operation that did not succeed; errors that are ours stay.
func outcome(err error) error {
	var wrong *operator.Invalid
	switch {
	case errors.As(err, &wrong):
		return refuse(wrong.Unwrap()...)
	case errors.Is(err, client.ErrSector):
		return refuse(&fault{"sector_identifier_uri", sectorText(err)})
	case errors.Is(err, fetch.ErrBusy):
		return &refusal{http.StatusServiceUnavailable, "temporarily_unavailable", "Too many addresses are being fetched. Try again in a few seconds."}
	case errors.Is(err, operator.ErrManyRegistrations):
		return &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "Too many clients were registered or changed from this network. Try again in an hour, or ask whoever runs the server for an initial access token."}
	case errors.Is(err, operator.ErrFull):
		return &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "As many clients have registered themselves as may. Ask whoever runs the server."}
	case errors.Is(err, store.ErrConflict):
		return &refusal{http.StatusConflict, codeMetadata, "The registration was changed at the same moment. Read it, and try again."}
	case err == nil:
		return nil
	}
	return fmt.Errorf("registration: %w", err)
}

// sectorText is what a stranger is told of a sector_identifier_uri that is refused: nothing of what is where.
func sectorText(err error) string {
	if errors.Is(err, client.ErrSectorAway) {
		err = client.ErrSectorAway
	}
	return err.Error()
}

// errToken tells nobody which of the reasons it is.
func errToken(of string) error {
	return &refusal{http.StatusUnauthorized, "invalid_token", "Send " + of + " as Authorization: Bearer. The one that was sent, if any, is wrong, is over or was used up."}
}
