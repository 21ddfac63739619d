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

// blame names, of each fault of the client that the document makes over base, the member that it is the fault of: the one
// without which it would not be there.
func (d document) blame(found []error, check func(document) []error) []error {
	named := make([]error, len(found))
	for i, one := range found {
		named[i] = one
		if f := (*fault)(nil); errors.As(one, &f) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(d.said)) {
			if less := (document{said: maps.Clone(d.said)}); !has(check(less.without(name)), one) {
				named[i] = &fault{name, one.Error()}
				break
			}
		}
	}
	return named
}

func (d document) without(name string) document {
	delete(d.said, name)
	return d
}

func has(all []error, one error) bool {
	return slices.ContainsFunc(all, func(err error) bool { return err.Error() == one.Error() })
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
		return refuse(&fault{"sector_identifier_uri", err.Error()})
	case errors.Is(err, fetch.ErrBusy):
		return &refusal{http.StatusServiceUnavailable, "temporarily_unavailable", "Too many addresses are being fetched. Try again in a few seconds."}
	case errors.Is(err, operator.ErrManyRegistrations):
		return &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "Too many clients were registered from this network. Try again in an hour, or ask whoever runs the server for an initial access token."}
	case errors.Is(err, operator.ErrFull):
		return &refusal{http.StatusTooManyRequests, "temporarily_unavailable", "As many clients have registered themselves as may. Ask whoever runs the server."}
	case errors.Is(err, store.ErrConflict):
		return &refusal{http.StatusConflict, codeMetadata, "The registration was changed at the same moment. Read it, and try again."}
	case err == nil:
		return nil
	}
	return fmt.Errorf("registration: %w", err)
}

// errToken tells nobody which of the reasons it is.
func errToken(of string) error {
	return &refusal{http.StatusUnauthorized, "invalid_token", "Send " + of + " as Authorization: Bearer. The one that was sent, if any, is wrong, is over or was used up."}
}
