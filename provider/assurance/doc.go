// Package assurance is what a sign-in is worth: a Login is who signed in and what was proved, each proof with its time; a
// Demand is what is asked of it; Levels are what levels of assurance are called and what reaches them.
//
// All of it is pure: no store, no HTTP, no protocol. A program that has its own sign-in begins a login with PasswordLogin
// once the password is right, adds each proof of a second factor with Login.Add, and asks Login.Satisfies whether that
// does. What goes into an ID token comes from the proofs alone: Login.AMR (RFC 8176), Login.AuthTime, and Levels.ACR, of
// Login.Told where the demand has an age.
package assurance
