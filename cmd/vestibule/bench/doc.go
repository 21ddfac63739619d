// Package bench measures a running server: many clients at once sign users in, as browsers do, and use the tokens.
//
// Start with Seed, which makes users in the database of the server and returns what Run needs to sign in as them. Run
// measures one operation after the other with each number of clients, and Clean removes the users again.
//
// It asks only servers that know the client of those users, and signs in as nobody else, so that it is of no use against a
// server of somebody else. It judges nothing: a slow server is a result, and no fault.
package bench
