// Package device is what a device is given that cannot show pages itself, so that its user signs it in elsewhere (RFC 8628):
// the request that a store keeps of it, the code that the user types, and the pace at which it may ask. Begin with Request. It
// knows no endpoints, no pages and no SQL.
package device
