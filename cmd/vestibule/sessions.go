package main

import (
	"fmt"
	"strings"

	"vestibule/provider"
)

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
