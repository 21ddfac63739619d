// Package dpop is proofs that whoever sends a request has a private key (RFC 9449): it reads them and checks that they are
// for that request, fresh, and used once. Begin with Checker. It knows no endpoints, no users and no SQL, and decides nothing
// about what is bound to a key.
package dpop
