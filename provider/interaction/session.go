package interaction

import (
	"errors"
	"time"

	"vestibule/provider/assurance"
)

// ErrSessionEnded reports that the session has ended which what was to be committed rests on.
var ErrSessionEnded = errors.New("session has ended")

// Session is a browser's single sign-on session. The pages own it: the provider never sees a
// cookie, only the Login that a session lends to an Interaction.
type Session struct {
	ID      []byte          // SHA-256 of the cookie's value; changes whenever assurance rises
	Login   assurance.Login // Login.Session is the sid, which stays when ID changes
	Agent   string          // what to call the browser, such as "Firefox on Linux"
	Address string          // of the visitor, without a port, when the ID was given
	Created time.Time
	Seen    time.Time // last use, to the minute
	Expires time.Time // absolute end
	Version int64     // 0 when new; raised by each save
}

// Browser is one in which a user has asked not to be asked for a code again. That is no proof of anything, and never
// becomes one: it only says that the code may be left out where nobody demands it.
type Browser struct {
	ID      []byte // SHA-256 of the cookie's value
	Subject string
	Epoch   int64     // of the account; what was remembered in another no longer counts
	Agent   string    // what to call it, such as "Firefox on Linux"
	Created time.Time // when the code was given
	Seen    time.Time // when the code was last left out
	Expires time.Time
}
