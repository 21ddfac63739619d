// Package provider is an OpenID Provider on top of fosite: the protocol endpoints, without pages and without SQL. Begin
// with New and Register. It never sees a cookie, never shows a page, and never believes a page that says who signed in
// how: what goes into an ID token is computed from the proofs of an assurance.Login.
//
// # The life of an authorization request
//
//  1. GET /authorize. fosite parses the request; what it overlooks is checked here, so that every fault of the request
//     is found before the user is asked anything. The request is then frozen into an interaction.Interaction, together with
//     its Demand: prompt, max_age, acr_values, claims, and who was named.
//     A client may have pushed it before (POST /par): then all that was done there, and the browser brings a request_uri,
//     which takes the frozen request out of the store, once (par.go). It may have signed it: the parameters of a request
//     object are put in the place of those around it first (requestobject.go).
//  2. UI.Authorize takes the Interaction over. Until a password is right it is a sealed value in the address of the
//     pages, so strangers write nothing to the database; from Save on it is a row with a version. The first page may stand
//     at the address of the request itself, if that begins the same whenever it is asked for again (Interaction.Reloadable).
//  3. Each page adds what was proved to Interaction.Login and asks one pure function of the pages what is owed next.
//  4. Nothing owed: Finish checks the Login against the Demand once more, thaws the request, asks fosite for a code,
//     and writes the code and the end of the interaction in one commit. Refuse ends it with an error. Either answer goes to
//     the client in an address or in a form, as it has asked (respond.go).
//  5. POST /token. One read and one batch: the code is spent by a conditional statement together with the tokens that
//     it gives. The ID token was signed before.
//     With a DPoP proof they are bound to its key, and the proof is used up by the same commit; those of a client that
//     registers so are bound to the certificate that it shows (proof.go). A client that acts for itself gets a token here
//     without any of the steps before (clientgrant.go).
//  6. POST /introspect. An API learns what an access token that is for it stands for: acr and auth_time are what Finish
//     found. Without a resource a token is for the client itself, and for userinfo (accesstoken.go).
//  7. POST /device_authorization. A device that shows no pages begins instead of step 1 (RFC 8628): its request waits in the
//     store, UserCode begins the sign-in of the user who types the code, and Finish leaves a code in the request's place, for
//     the device to find at POST /token (device.go, devicegrant.go).
//  8. POST /revoke. A client is done with a token: with a refresh token the whole family ends.
//
// # What fosite is given
//
// fosite sees a store that only fills a unit of work (fositestore.go), so that its many small calls become one write
// when the answer is complete. ID tokens are made by a handler of our own (idtoken.go).
package provider
