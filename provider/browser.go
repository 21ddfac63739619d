package provider

import "time"

// Browser is one in which a user has asked not to be asked for a code again. That is no proof of anything, and never
// becomes one: it only says that the code may be left out where nobody demands it.
type Browser struct {
	ID      []byte // SHA-256 of the cookie's value
	Subject string
	Agent   string    // what to call it, such as "Firefox on Linux"
	Created time.Time // when the code was given
	Seen    time.Time // when the code was last left out
	Expires time.Time
}
