package provider

import "time"

// Told is what a client is told of the login.
func Told(l *Login, d Demand, now time.Time) *Login { return l.fresh(d, now) }
