package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
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

func loadAssets() (map[string]asset, error) {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	set := map[string]asset{}
	for _, name := range []string{"app.css", "app.js", "icon.svg"} {
		data, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			return nil, fmt.Errorf("static files: %w", err)
		}
		sum := sha256.Sum256(data)
		set[name] = asset{"/static/" + hex.EncodeToString(sum[:6]) + "/" + name, kinds[path.Ext(name)], data}
	}
	return set, nil
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
