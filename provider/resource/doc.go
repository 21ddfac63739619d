// Package resource guards an API with the access tokens of an OpenID Connect server: who calls, for which app, and how
// well that user signed in. Begin with New and Guard.Require. It may be copied, together with provider/dpop and
// provider/spelling; beside them it needs go-jose.
//
// For each request the guard asks the server about the token (RFC 7662) or, if it has the server's keys, reads a token
// that is a JWT itself (RFC 9068). A token that is good, but whose user has proved too little or too long ago, is answered
// with the challenge of RFC 9470, so that the app can send the user through a step-up and try again:
//
//	HTTP/1.1 401 Unauthorized
//	WWW-Authenticate: Bearer error="insufficient_user_authentication",
//	  error_description="...", acr_values="aal2", max_age="300"
//
// A token that is bound to a key is good only together with a proof of that key for this very request (RFC 9449), and one that
// is bound to a certificate over a connection with that certificate (RFC 8705).
//
// Each challenge also says where the metadata of the API are (RFC 9728), which Guard.Metadata serves: from them a client
// that knows nothing but the address of the API, as those of the Model Context Protocol do, learns which server to ask.
//
// It never lets a request through that the server did not vouch for: when the server cannot be asked the answer is 503.
// It never takes a token from an address or a form, and never follows a redirect with its credentials.
package resource
