// Package totp is authenticator apps: one-time codes by the time (TOTP, RFC 6238).
//
// [Kind] is what an mfa.Service is given. [Params] says how an app makes its codes, and [Options] which of that users may
// choose. [ParseSecret] reads what another product has set up; [Import] and [Export] bring authenticators in and out of a
// Service, with their secrets in the open.
//
// The package keeps nothing and counts nothing, and it has no clock.
package totp
