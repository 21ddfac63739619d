//go:build !unix

package config

import "io/fs"

// isOwn reports nothing where files have no modes.
func isOwn(fs.FileInfo) bool { return false }
