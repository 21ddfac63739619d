package provider

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/ory/fosite"
)

// parseForm refuses bodies that RFC 6749 forbids.
func parseForm(w http.ResponseWriter, r *http.Request) error {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return fosite.ErrInvalidRequest.WithHint("The content type must be application/x-www-form-urlencoded.")
	}
	return readForm(w, r)
}

// readForm reads the parameters of a request, each of which may be sent once.
func readForm(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	err := r.ParseForm()
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return errTooLarge
	case err != nil, len(r.URL.RawQuery) > maxRequest:
		return errMalformed
	}
	if err := checkRepeats(r.Form); err != nil {
		return err
	}
	omitEmpty(r.Form)
	omitEmpty(r.PostForm)
	return nil
}

// checkRepeats refuses a parameter that was sent twice, whichever it is (RFC 6749 sections 3.1 and 3.2): two readers
// could take a different one for meant.
func checkRepeats(form url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return fosite.ErrInvalidRequest.WithHintf("The parameter %s was sent twice.", name)
		}
	}
	return nil
}

// omitEmpty takes out each parameter that was sent without a value: it counts as if it were not there (RFC 6749 sections 3.1 and
// 3.2). Whoever reads the form afterwards need not tell the two apart.
func omitEmpty(form url.Values) {
	maps.DeleteFunc(form, func(_ string, values []string) bool { return len(values) == 1 && values[0] == "" })
}
