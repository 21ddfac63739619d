// Package web is the pages: sign-in, one-time code, consent, and a user's own security settings.
//
// Start with New and Register. A sign-in is one provider.Interaction; every handler changes that value and
// hands it to decide, which gathers facts and asks the pure function next what is still owed. There is no
// other way forward, so there is no step to skip. The pages need no JavaScript, render nothing in answer to a POST,
// and never hold a proof of their own making: a Login is lent by a stored session or proved here and now.
// Policy says who must have a second factor; it is asked only about users who have none. That a browser is remembered
// leaves out the code where nobody demands it, and is never written down as a proof.
//
// The verbs of a sign-in, by who commits and who redirects:
//
//   - begin ties it to the browser, lends it the session's login and hands it to proceed; lend commits nothing.
//   - decide says what is owed. It reads, commits nothing and redirects nobody.
//   - proceed commits a row, if there is a login to keep, and redirects to the page that is owed.
//   - settle writes what follows from a proof, in the commit that spends the proof: join finds the session that the
//     browser has, and admit opens one with the login. settled redirects once that has succeeded. signIn is both, for
//     the password, whose part of the commit is enter.
//   - advance commits what a form has changed that proves nothing, and redirects.
//   - forward commits nothing and redirects to the page that is owed; a GET it may send to finish. onward is decide
//     and forward for a row that was read again.
//   - save writes the row in its caller's commit; store commits it and redirects to a page; send only redirects.
//   - finish ends the sign-in: end commits that, with a new session if there is one, and redirects to the client. The
//     commit rests on what basis names: the session, and what the user has allowed the client. ended says that the
//     sign-in had ended before.
//   - What has changed under a sign-in is not an error: finish decides anew. follow takes up the client as it is
//     registered now, and beginAtPassword is for a login that is over. tryFinish leaves that to its caller.
package web
