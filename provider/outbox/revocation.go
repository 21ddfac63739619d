package outbox

// Revocation is what was ended here, and a server that keeps sessions and tokens of its own is to end too.
type Revocation struct {
	ID      string // the key
	Subject string
	Client  string // what that can do for the subject, and no session; empty: all that the subject has open
}
