// Package storage keeps what provider, mfa, consent and web must remember, in PostgreSQL or in a
// SQLite file.
//
// Start with Open, then Migrate or CheckSchema. A Store implements the contracts of those packages;
// the tests that come with the contracts run here on both databases.
//
// Package database runs one SQL text on both. Here are the tables, a file for each noun, and the
// contracts that they implement. Types are TEXT, BIGINT, BOOLEAN and BYTEA, times BIGINT
// microseconds, arguments $1. What must happen once is one conditional statement, never a read and
// then a write, so that any number of processes may share a PostgreSQL. A SQLite file is good for
// one server process; the commands may use it at the same time.
//
// It never makes up a time (but for an event that has none), never starts a goroutine that outlives
// a call, and never decrypts what it keeps.
package storage
