package clientauth

import "fmt"

// Codes of errors (RFC 6749 section 5.2).
const (
	InvalidClient  = "invalid_client"
	InvalidRequest = "invalid_request"
)

// Error is why a request is not taken for a client's.
type Error struct {
	Code string // one of the above
	Text string // for the makers of the client
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Text }

func invalidClient(format string, args ...any) error {
	return &Error{InvalidClient, fmt.Sprintf(format, args...)}
}

func invalidRequest(format string, args ...any) error {
	return &Error{InvalidRequest, fmt.Sprintf(format, args...)}
}
