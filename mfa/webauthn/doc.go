// Package webauthn is passkeys and security keys as a second factor (Web Authentication Level 3).
//
// [Kind] is what an mfa.Service is given; [New] makes it of the issuer, which says to whom keys belong. A page shows
// [Offer] or [Ask] to a script, which hands the options in it to the browser and posts what comes back: see [Form]. [Params]
// says what a store keeps of a key in the open.
//
// What a key signs proves more than a code: that it was asked by a page of this issuer, for this challenge. The package
// checks the steps of sections 7.1 and 7.2 of the specification, and takes the formats (CBOR, COSE, attestation) from
// the library go-webauthn. No attestation is asked for, so that the model of a key is what the key says of itself.
//
// The package keeps nothing and counts nothing, and it has no clock. Package webauthntest has a key in software.
package webauthn
