// Package mfa is the second step of a sign-in: authenticators of any kind, and recovery codes.
//
// It knows users, attempts, budgets, set-ups, recovery codes and secrets at rest. What an authenticator is, an app with
// one-time codes or a key that signs, a [Kind] knows: package totp is one, and a [Service] is given those that there are.
//
// Start with [Service]. A page that asks for an authenticator calls [Service.Verify], after [Service.Challenge] if the
// kind has challenges; one that asks for a recovery code calls [Service.Recover]. Both hand a [Proof] to a function of the
// caller, and nobody else can make a Proof: code that never saw a right answer cannot claim one. It says by itself what
// it has earned, so that nobody after it asks for the name of a factor. Setting up an authenticator goes through
// [Service.Begin], [Service.Confirm] and [Service.Activate]; one that was set up with another product comes in through
// [Service.Import].
//
// A guess goes through these steps, and the order is the security of the whole:
//
//  1. its form is read: what cannot be an answer is not a guess;
//  2. it is counted, and the count is committed, or refused: during a lock, and after it until the password is given again;
//  3. it is compared, in constant work: a Kind hands out what compares only with what it has read, and a Service calls it
//     only with what it has counted;
//  4. the counter of the authenticator, or the recovery code, is spent, in the same commit as whatever the caller does
//     with the Proof. There, and nowhere else, the wrong ones of its kind are forgotten.
//
// [Keyring] holds the secret keys. It seals the secrets of this package, and for a server also what else must not lie
// in the clear: signing keys, and sign-ins that are not rows yet.
//
// The package knows no accounts, no pages and no SQL. It never logs.
package mfa
