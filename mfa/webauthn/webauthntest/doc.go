// Package webauthntest is a passkey, or a security key, in software, and the browser around it, for tests.
//
// [Authenticator] makes keys and signs with them as Web Authentication Level 3 says. It shares no code with what it
// tests: CBOR, COSE and the layout of what is signed are written out here, so that a mistake in one of the two shows.
package webauthntest
