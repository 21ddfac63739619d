// Package suite has the OpenID Foundation's conformance suite test a whole server, and tells of each module what it found. Its
// test is built with the tag conformance alone, since it needs a suite that runs; docs/maintainers.md says how. It registers
// the clients, makes a user with an authenticator for each module, and is the browser in which that user signs in.
package suite
