// Package usercode is the page where a user enters the code that a device shows (RFC 8628 section 3.3), and the budgets of
// guesses at such codes. Begin with Page. It knows no device and no client: whoever does compares the code, and says where
// the browser goes on.
package usercode
