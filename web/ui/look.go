package ui

import (
	"errors"
	"io/fs"
)

// look is our own files, with those of a host in the place of the ones that have the same name.
type look struct {
	own   fs.FS
	other fs.FS // nil: there are none
}

// Open implements fs.FS. Which files there are our own folder says alone.
func (l look) Open(name string) (fs.File, error) {
	if l.other == nil || name == "." {
		return l.own.Open(name)
	}
	f, err := l.other.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return l.own.Open(name)
	}
	return f, err
}
