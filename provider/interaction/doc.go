// Package interaction is what the server keeps of a browser: sign-ins under way, sessions, and browsers in which a user is
// not asked for a code again.
//
// An Interaction is a sign-in: the request, what is demanded of it, and what was proved so far. Flows begins it, gives it
// a value to travel with, and ends it. Until a password is right it is a sealed value in the address of the pages, so that
// strangers write nothing to the database; from Save on it is a row with a version. Nothing here knows the protocol that
// asked: pages can serve a program that is no provider.
package interaction
