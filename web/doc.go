// Package web is the pages: sign-in, one-time code, consent, and a user's own security settings.
//
// Start with New and Register. A sign-in is one provider.Interaction; every handler changes that value and hands it to
// decide, which gathers facts and asks the pure function next what is still owed. There is no other way forward, so
// there is no step to skip. The pages need no JavaScript, render nothing in answer to a POST, and never hold a proof of
// their own making: a Login is adopted from a stored session or proved here and now. Policy says who must have a second
// factor; it is asked only about users who have none. That a browser is remembered leaves out the code where nobody
// demands it, and is never written down as a proof.
//
// The names say what a function does to the world: commit writes, redirect answers, save writes the row of a sign-in,
// and require refuses what does not rest on what it must. What has changed under a sign-in is not an error: it is
// decided anew.
package web
