// Package resource guards an API with the access tokens of an OpenID Connect server: who calls, for which app, and how
// well that user signed in. Begin with New and Guard.Require. It may be copied, together with provider/dpop.
//
// For each request the guard asks the server about the token (RFC 7662). A token that is good, but whose user has
// proved too little or too long ago, is answered with the challenge of RFC 9470, so that the app can send the user
// through a step-up and try again:
//
//	HTTP/1.1 401 Unauthorized
//	WWW-Authenticate: Bearer error="insufficient_user_authentication",
//	  error_description="...", acr_values="aal2", max_age="300"
//
// A token that is bound to a key is good only together with a proof of that key for this very request (RFC 9449).
//
// It never lets a request through that the server did not vouch for: when the server cannot be asked the answer is 503.
// It never takes a token from an address or a form, and never follows a redirect with its credentials.
package resource
