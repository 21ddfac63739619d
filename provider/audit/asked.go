package audit

import (
	"net/http"
	"strings"
)

// Asked is what a line in a log says of a request: its method and its path, as far as they may be written. Whoever sends
// a request chooses both, and neither may fill a disk.
func Asked(r *http.Request) []any {
	return []any{"method", upTo(32, r.Method), "path", upTo(2048, r.URL.Path)}
}

// upTo cuts a text off after n bytes.
func upTo(n int, text string) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
