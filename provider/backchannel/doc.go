// Package backchannel tells clients that a session of their user has ended (OpenID Connect Back-Channel Logout 1.0). What is
// to be told is in an Outbox from the commit on that ends the session, whoever ends it and however; a Sender takes it from
// there. Begin with Sender. Any number of processes may have one: each notice is taken by one of them.
//
// A logout token is made when it is sent. It never is in a log, and no client gets one of another registration.
package backchannel
