package ui

import (
	"net/http"
	"strconv"
	"time"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Until are the values of a message about a lock that ends at that time.
func Until(at, now time.Time) Values {
	minutes := int((at.Sub(now) + time.Minute - 1) / time.Minute)
	return Values{"n": strconv.Itoa(max(minutes, 1)), "at": at.UTC().Format(time.RFC3339)}
}

// Wait is Until that says when to come back in the header as well.
func Wait(w http.ResponseWriter, at, now time.Time) Values {
	w.Header().Set("Retry-After", strconv.Itoa(int((at.Sub(now)+time.Second-1)/time.Second)))
	return Until(at, now)
}
