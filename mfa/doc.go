// Package mfa is the second step of a sign-in: one-time codes from an authenticator app
// (TOTP, RFC 6238) and recovery codes.
//
// Start with [Service]. A page that asks for a code calls [Service.Verify], one that asks for a
// recovery code [Service.Recover]. Both hand a [Proof] to a function of the caller, and nobody
// else can make a Proof: code that never saw a right code cannot claim one. Setting up an
// authenticator goes through [Service.Begin], [Service.Confirm] and [Service.Activate]; one that was set up with another
// product comes in through [ParseSecret] and [Service.Import]. Which algorithms, digits and periods new ones may have is
// for [Kinds] to say.
//
// A guess goes through these steps, and the order is the security of the whole:
//
//  1. its form is checked: what cannot be a code is not a guess;
//  2. it is counted, and the count is committed, or refused: during a lock, and after it until the password is given again;
//  3. it is compared, in constant work;
//  4. the step or the recovery code that it matched is spent, in the same commit as whatever
//     the caller does with the Proof. There, and nowhere else, the wrong ones of its kind are forgotten.
//
// [Keyring] holds the secret keys. It seals the secrets of this package, and for a server also what else must not lie
// in the clear: signing keys, and sign-ins that are not rows yet.
//
// The package knows no accounts, no pages and no SQL. It never logs.
package mfa
