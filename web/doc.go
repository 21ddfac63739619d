// Package web puts the pages together: those of a sign-in (signin), of a user's account (account), and of setting up a
// second factor inside either (enrol), on what all pages share (ui) and on what browsers hold (browser).
//
// Start with New and Register.
package web
