package ui

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const maxBody = 64 << 10

// readForm parses a form, at most 64 KiB of it. A parameter that was sent twice is refused: two readers could
// take a different one for meant.
func readForm(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || repeats(query) {
		return errForm
	}
	if r.Method != http.MethodPost {
		r.Form, r.PostForm = query, url.Values{}
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return errBig
		}
		return errForm
	}
	if repeats(r.Form) { // in the address and in the body is twice as well
		return errForm
	}
	return nil
}

func repeats(form url.Values) bool {
	for _, v := range form {
		if len(v) > 1 {
			return true
		}
	}
	return false
}

// Field is a parameter: of the body in a POST, else of the query.
func Field(r *http.Request, name string) string {
	if r.Method == http.MethodPost {
		return r.PostForm.Get(name)
	}
	return r.Form.Get(name)
}

// Cut shortens s to at most n bytes.
func Cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
