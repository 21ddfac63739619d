package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
)

//go:embed static
var staticFiles embed.FS

// asset is a file that the pages refer to. Its address changes with its content, so that it may be kept for ever.
type asset struct {
	path string
	kind string
	data []byte
}

// mediaTypes are what a static file may be.
var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// loadAssets returns our own files by name, or those of other in their place, and those of more, which are scripts of kinds;
// nil: there are none.
func loadAssets(other, more fs.FS) (map[string]asset, error) {
	own, err := fs.Sub(staticFiles, "static")
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	all := map[string]asset{}
	if err := addAssets(all, look{own, other}, "*"); err != nil || more == nil {
		return all, err
	}
	return all, addAssets(all, more, "*.js")
}

func addAssets(all map[string]asset, from fs.FS, pattern string) error {
	names, err := fs.Glob(from, pattern)
	if err != nil {
		return fmt.Errorf("static files: %w", err)
	}
	for _, name := range names {
		if _, ok := all[name]; ok {
			return fmt.Errorf("static files: there are two of %s", name)
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("static files: %w", err)
		}
		sum := sha256.Sum256(data)
		all[name] = asset{"/static/" + hex.EncodeToString(sum[:6]) + "/" + name, mediaTypes[path.Ext(name)], data}
	}
	return nil
}

// assetPath is the address of a static file.
func (p *Pages) assetPath(name string) (string, error) {
	a, ok := p.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no static file %s", name)
	}
	return p.Prefix + a.path, nil
}

func (p *Pages) static(w http.ResponseWriter, r *http.Request) error {
	a, ok := p.assets[r.PathValue("name")]
	if !ok || a.path != r.URL.Path {
		return ErrNotFound
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Write(a.data) // the client may have gone away, which is nobody's fault
	return nil
}
