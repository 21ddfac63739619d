package provider

import "time"

// Session is a browser's single sign-on session. The pages own it: the provider never sees a
// cookie, only the Login that a session lends to an Interaction.
type Session struct {
	ID      []byte // SHA-256 of the cookie's value; changes whenever assurance rises
	Login   Login  // Login.Session is the sid, which stays when ID changes
	Created time.Time
	Seen    time.Time // last use, to the minute
	Expires time.Time // absolute end
	Version int64     // 0 when new; raised by each save
}
