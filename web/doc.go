// Package web is the pages: sign-in, one-time code, consent, and a user's own security settings.
//
// Start with New and Register. A sign-in is one provider.Interaction; every handler changes that value and
// hands it to decide, which gathers facts and asks the pure function next what is still owed. There is no
// other way forward, so there is no step to skip. The pages need no JavaScript, render nothing in answer to a POST,
// and never hold a proof of their own making: a Login is lent by a stored session or proved here and now.
package web
