package signin

import (
	"bytes"
	"sync"
	"time"

	"vestibule/web/ui"
)

// openedTime is how long a page may rest on what the commit that leads to it has found, instead of asking once more. No
// session outlives its end by more than that.
const openedTime = time.Second

// openedSize bounds the memory.
const openedSize = 4096

// openedSessions remembers of sign-ins that their session was opened a moment ago, for the page that the browser is sent on
// to. Each is good for one page: whoever asks for that again, or for another, has the session be read.
type openedSessions struct {
	mu    sync.Mutex
	known map[string]opened // by the id of the sign-in
}

type opened struct {
	version int64  // of the row of the sign-in that was written with the session
	session []byte // its id
	at      time.Time
}

// put remembers the session that the sign-in has opened, once that is committed.
func (o *openedSessions) put(fl *flow, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= openedSize {
		o.known = map[string]opened{}
	}
	o.known[fl.ix.ID] = opened{fl.ix.Version, ui.Digest(fl.sessionCookie), now}
}

// take reports whether the sign-in, as it is, was written a moment ago together with the session of the cookie, and forgets it.
func (o *openedSessions) take(fl *flow, cookie string, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, ok := o.known[fl.ix.ID]
	delete(o.known, fl.ix.ID)
	return ok && last.version == fl.ix.Version && bytes.Equal(last.session, ui.Digest(cookie)) && now.Sub(last.at) < openedTime
}
