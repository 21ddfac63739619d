// Package logout reads what an app asks for that wants its user signed out here: the requests of OpenID Connect
// RP-Initiated Logout 1.0, and the frames of Front-Channel Logout 1.0. Begin with Reader. It knows no cookies, ends no session and shows nothing: pages do, by what a
// Request says. A request that is wrong in any way leads back to no app.
package logout
