package dpop

import "fmt"

// Error codes of RFC 9449 section 12.2.
const (
	CodeInvalid  = "invalid_dpop_proof"
	CodeUseNonce = "use_dpop_nonce"
)

// Error is why a proof is refused, for the makers of the client. It quotes nothing of the proof but numbers and algorithms.
type Error struct {
	Code string // CodeInvalid or CodeUseNonce
	Text string // a sentence
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

// Outcomes that a caller tells apart.
var (
	// ErrMissing reports a request that brings no proof and must.
	ErrMissing = &Error{CodeInvalid, "There is no DPoP proof: send one in the header DPoP."}
	// ErrReplayed reports a proof that was used before.
	ErrReplayed = &Error{CodeInvalid, "The DPoP proof was used before: make one for each request, with another jti."}
	// ErrNonce reports a proof without a nonce of ours, or with one that is too old. The answer brings a new one.
	ErrNonce = &Error{CodeUseNonce, "The DPoP proof must have the nonce that the header DPoP-Nonce of this answer brings."}
)

func refuse(format string, args ...any) error {
	return &Error{CodeInvalid, fmt.Sprintf(format, args...)}
}
