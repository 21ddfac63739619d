// Package store is what every store promises to every caller, whatever it keeps: how an outcome is told that is no fault,
// and that several writes are one.
package store

import (
	"context"
	"errors"
)

// Outcomes that a caller handles. An implementation may wrap them.
var (
	// ErrNotFound reports that there is no such record, or that it has expired.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports that the record exists already, was changed since it was read, or was used before.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable reports that the database did not answer, or not in time. It says nothing about
	// the request: nothing is counted against its sender, who may try again.
	ErrUnavailable = errors.New("database unavailable")
)

// Atomic commits all that fn writes to any store that knows the context, or nothing. Writes are put off until fn returns:
// fn must not rest on what it has written, and an outcome of a write is what Atomic returns.
type Atomic func(ctx context.Context, fn func(ctx context.Context) error) error
