package ui

import (
	"net/http"
	"strconv"
	"time"
)

// Day is the day of t, for people.
func Day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// From is Day, and the hour unless the day is meant as a whole.
func From(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return Day(t)
	}
	return t.Format("2 January 2006 at 15:04 UTC")
}

func stamp(t time.Time) string  { return t.UTC().Format(time.RFC3339) }
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// Span says how long something lasts, in days if it is a few of them.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return strconv.Itoa(int(d/day)) + " days"
	}
	if hours := int(d / time.Hour); hours > 1 {
		return strconv.Itoa(hours) + " hours"
	}
	return "an hour"
}

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
