package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// storeFault marks a fault of the store on its way through fosite, which would make it a client's: invalid_client
// where the client could not be read, inactive where a token could not.
type storeFault struct{ error }

func (f storeFault) Unwrap() error { return f.error }

// serverFault tells our own faults from those of clients, and returns the cause.
func serverFault(err error) (cause error, ours bool) {
	var fault storeFault
	if errors.As(err, &fault) {
		return fault.error, true
	}
	var rfc *fosite.RFC6749Error
	if errors.As(err, &rfc) && rfc.CodeField < http.StatusInternalServerError {
		return nil, false
	}
	return err, true
}

// describe returns a description for the client's makers, in the characters that RFC 6749 section 5.2 allows and
// without backticks, which mean something in few places that show it.
func describe(rfc *fosite.RFC6749Error) string {
	text := rfc.HintField
	switch {
	case text == "" && rfc.ErrorField == fosite.ErrInvalidGrant.ErrorField:
		text = "The code or the token is not known, has expired, was revoked, or is another client's."
	case text == "":
		text = rfc.DescriptionField
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\' || r == '`':
			return '\''
		case r < ' ' || r > '~':
			return -1
		}
		return r
	}, text)
}

// answerError writes an error of an endpoint that clients ask themselves (RFC 6749 section 5.2).
func (p *Provider) answerError(ctx context.Context, w http.ResponseWriter, r *http.Request, err error) {
	if cause, ours := serverFault(err); ours {
		p.answerFault(ctx, w, r, cause)
		return
	}
	rfc := fosite.ErrorToRFC6749Error(err)
	status := http.StatusBadRequest
	switch {
	case rfc.CodeField == http.StatusRequestEntityTooLarge:
		status = rfc.CodeField
	case rfc.CodeField == http.StatusTooManyRequests:
		status = rfc.CodeField
		w.Header().Set("Retry-After", "60")
	case rfc.ErrorField == "invalid_client":
		status = http.StatusUnauthorized
		if r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		}
	}
	writeJSON(w, status, map[string]string{"error": rfc.ErrorField, "error_description": describe(rfc)})
}

// answerFault says that the fault is ours and when to try again. What anybody can bring about, by asking too much or by
// going away, is no error in the log: the status counts it.
func (p *Provider) answerFault(ctx context.Context, w http.ResponseWriter, r *http.Request, cause error) {
	gone := errors.Is(cause, context.Canceled) && r.Context().Err() != nil
	if busy := errors.Is(cause, account.ErrBusy); !busy && !gone {
		line := append(audit.Asked(r), "error", cause)
		if errors.Is(cause, store.ErrUnavailable) {
			line = append(line, audit.Refused(strings.TrimPrefix(r.URL.Path, p.path))...)
		}
		p.log.ErrorContext(ctx, "request", line...)
	}
	if gone || errors.Is(cause, store.ErrUnavailable) || errors.Is(cause, account.ErrBusy) {
		w.Header().Set("Retry-After", "5")
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{
			"error": "temporarily_unavailable", "error_description": "The server cannot answer now. Try again in a few seconds."})
		return
	}
	writeJSON(w, http.StatusInternalServerError, map[string]string{
		"error": "server_error", "error_description": "Something went wrong on the server."})
}

// writeJSON writes an answer that nobody may store.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil { // only maps and structs of ours come here
		panic(err)
	}
	writeBody(w, status, data)
}

func writeBody(w http.ResponseWriter, status int, data []byte) {
	writeTyped(w, status, "application/json", data)
}

func writeTyped(w http.ResponseWriter, status int, kind string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	w.Write(data) // the client may have gone; nothing is left to do then
}
