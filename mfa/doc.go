// Package mfa is the second step of a sign-in: authenticators of any kind, and recovery codes.
//
// It knows users, attempts, budgets, set-ups, recovery codes and secrets at rest. What an authenticator is, an app with
// one-time codes or a key that signs, a [Kind] knows: package totp is one, and a [Service] is given those that there are.
// Start with [Service]. Example (Host) is a whole program, of the calls below and no others.
//
// # A sign-in
//
// The host asks for the password itself, and remembers when it was given. Then:
//
//  1. [Service.KindsOf], or [Service.Enrolled], tells whether the user has an authenticator. Who has one is not signed in
//     before one is proved.
//  2. [Service.Challenge] comes before the page of a kind that has challenges, such as a key that signs one. One-time
//     codes have none.
//  3. [Service.Verify] takes the answer; [Service.Recover] takes a recovery code in its place. Both hand a [Proof] to a
//     function of the host, in the commit that spends the answer: there the host writes its session, and nowhere else.
//
// That is all. A right answer stays in no count, whatever becomes of it, so that users who answer right are never locked
// out, and there is nothing to forgive. Nobody else can make a Proof: code that never saw a right answer cannot claim one.
// It says by itself what it has earned: package assurance makes a login of it, and the amr, acr and auth_time of an ID
// token of that. No host writes those by hand; a recovery code, which is no one-time code, shows in them as mfa alone.
//
// # A set-up
//
//  1. [Service.Begin] sets up the first authenticator, for which the password is proof enough. Who has one gets
//     [ErrEnrolled]: then [Service.BeginAnother] asks for a Proof of the last ten minutes,
//     and of whoever has a phishing-resistant authenticator for one of that, or of a recovery code. A host that offers set-up to
//     everybody whom the password let in may call the one and then the other, and need not ask who has what.
//     [Service.Choose] changes the settings of what was begun.
//  2. [Service.Confirm] takes the first answer of the new authenticator. Until then, and after, nothing counts.
//  3. [Service.Pending] returns what the page shows: the key before the answer, and the recovery codes after it.
//  4. [Service.Activate] makes it count, once the user says that the recovery codes are saved, and hands out its Proof, which
//     signs the user in like any other.
//
// The owner of a set-up is the session or the sign-in by its id, which no other browser has: never the subject. A Proof that
// was given in an earlier request is kept with the session as [Proof.Sealed], which assurance.Login does by itself, and comes
// back by [Service.OpenProof]. [Service.BeginCodes], which makes new recovery codes, and [Service.Remove] ask for such a
// proof too. [Service.Import], for what was set up with another product, and [Service.Export] ask for none: they are an
// operator's, and no page's.
//
// # A recovery
//
// Who has lost the authenticator gives the password and then a recovery code, to Recover. That is a sign-in like any other;
// and its Proof allows, for as long as [Limits].Proof, to set up a new authenticator by BeginAnother, to make new recovery codes by
// BeginCodes, and at last to Remove the one that is lost: with an authenticator go all Proofs, of whatever factor, that were
// given while it was there.
//
// Who has no recovery code left either needs an operator: Store.Reset takes all factors away, and whoever has the password
// sets up the first one. So the host should let that be done over something that the operator hands out, such as a link.
//
// # What holds
//
// A guess goes through these steps, and the order is the security of the whole:
//
//  1. what cannot be an answer, whoever gives it, is not a guess;
//  2. it is counted, and the count is committed, or refused: during a lock, and after it until the password is given again. The
//     user's authenticators are asked for in the same round trip; what turns out to be no answer of theirs is given back;
//  3. it is compared, in constant work: a Kind hands out what compares only with what it has read, and a Service calls it
//     only with what it has counted;
//  4. the counter of the authenticator, or the recovery code, is spent, in the same commit as whatever the caller does
//     with the Proof. There, and nowhere else, the wrong ones of its kind are forgotten.
//
// What is set up rests on the factors as they were when it began. Activate checks that in its commit: what began as the
// first authenticator never becomes a second one, and what began over a proof does not outlive what was proved.
//
// # Contracts
//
// Package mfatest has the test that proves each, and one implementation that works: TestStore proves a [Store], with its
// [Attempts] (and so a [Counter]), its [Setups] and its Atomic; TestService proves what a Service makes of them; TestKind
// proves a [Kind], and TestGate a [Gate].
//
// [Keyring] holds the secret keys. It seals the secrets of this package, and for a server also what else must not lie
// in the clear: signing keys, and sign-ins that are not rows yet.
//
// The package knows no accounts, no pages and no SQL. It never logs.
package mfa
