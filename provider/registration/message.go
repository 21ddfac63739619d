package registration

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"vestibule/provider/operator"
)

// bearer is the token of a request (RFC 6750 section 2.1). sent: it has an Authorization header, of whatever kind.
func bearer(r *http.Request) (token string, sent bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", len(values) > 0
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > 512 {
		return "", true
	}
	return strings.TrimSpace(token), true
}

// readRequest reads the document of a request.
func readRequest(w http.ResponseWriter, r *http.Request) (document, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return document{}, &refusal{http.StatusBadRequest, codeMetadata, "Send the registration as JSON, with Content-Type: application/json."}
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return document{}, &refusal{http.StatusRequestEntityTooLarge, codeMetadata, "A registration may have 32 KiB. Put large keys at a jwks_uri."}
	}
	if err != nil {
		return document{}, &refusal{http.StatusBadRequest, codeMetadata, "The body did not arrive whole."}
	}
	d, err := readDocument(data)
	if err != nil {
		return d, refuse(err)
	}
	return d, nil
}

// answer writes the client information response (RFC 7591 section 3.2.1), or the refusal that err is.
func (e *Endpoint) answer(w http.ResponseWriter, status int, done operator.Registered, err error) error {
	if err != nil {
		return refused(w, err)
	}
	all, err := members(done.Client)
	if err != nil {
		return err
	}
	body := map[string]any{
		"client_id": done.ID, "client_id_issued_at": done.Created.Unix(),
		"registration_client_uri": e.Issuer + Path + "/" + done.ID, "registration_access_token": done.Token,
	}
	for name, value := range all {
		if isClients(name) {
			body[name] = value
		}
	}
	if done.Secret != "" {
		body["client_secret"] = done.Secret
	}
	if done.NeedsSecret() {
		body["client_secret_expires_at"] = 0 // it does not
	}
	return write(w, status, body)
}

// refused answers with a refusal. Any other error it returns.
func refused(w http.ResponseWriter, err error) error {
	var said *refusal
	if !errors.As(err, &said) {
		return err
	}
	switch said.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "3600")
	}
	return write(w, said.status, map[string]string{"error": said.code, "error_description": printable(said.description)})
}

// printable keeps the characters that RFC 6749 section 5.2 allows.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
}

func write(w http.ResponseWriter, status int, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	w.Write(data) // the client may have gone
	return nil
}

// resultOf is what a try to register is counted as.
func resultOf(err error) string {
	var said *refusal
	switch {
	case err == nil:
		return ResultOK
	case !errors.As(err, &said), said.status >= http.StatusInternalServerError:
		return ResultFailed
	case said.status == http.StatusUnauthorized:
		return ResultToken
	case said.status == http.StatusTooManyRequests:
		return ResultLimited
	}
	return ResultInvalid
}
