// Package clientauth finds out which client sends a request (RFC 6749 section 2.3, OIDC Core section 9, RFC 8705 section 2). Begin
// with Authenticator. It knows no endpoints, no users and no SQL, and decides nothing of what a client may do.
package clientauth
