// Package notice tells users by mail what happens to their accounts. Hook puts a notice of each event that a user should
// know of into the outbox, in the commit of the event, so that there is a letter of what has happened and of nothing else.
// A Sender takes notices out of the outbox and hands them to a mail server; any number of processes may have one.
//
// A letter never has a link in it, but one: to stop a reset of the second factor that an operator has planned. Nothing that
// somebody chose, such as the name of an authenticator, can become one. Nothing here knows pages.
package notice
