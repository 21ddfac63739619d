package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider"
	"vestibule/storage"
)

// liveSessions returns the sessions of the subject that have not reached their end.
func liveSessions(ctx context.Context, db *storage.Store, subject string, now time.Time) ([]provider.Session, error) {
	all, err := db.Sessions(ctx, subject)
	return slices.DeleteFunc(all, func(s provider.Session) bool { return !now.Before(s.Expires) }), err
}

// ended says which sessions there were.
func ended(sessions []provider.Session) string {
	if len(sessions) == 0 {
		return "no session was open\n"
	}
	var text strings.Builder
	for _, s := range sessions {
		fmt.Fprintf(&text, "ended the session of %s UTC (%s), last used %s UTC\n", moment(s.Created), strings.Join(s.Login.AMR(), " "), moment(s.Seen))
	}
	return text.String()
}
