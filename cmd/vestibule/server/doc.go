// Package server is the composition root: the only place where settings meet packages, and packages meet each other. New
// puts a server together and starts nothing; Run listens, serves the pages and the protocol on one address and health and
// metrics on another, and does the jobs that come again and again, until its context ends.
//
// A program that has listeners of its own calls Serve. One that has a whole HTTP server of its own calls Register and Work;
// its users may be its own, see Options, and its issuer may have a path. What commands share with a server, because both start from the same settings, stands in
// settings.go and database.go.
package server
