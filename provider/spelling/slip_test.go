package spelling_test

import (
	"testing"

	"vestibule/provider/spelling"
)

func TestNearest(t *testing.T) {
	names := []string{"issuer", "listen", "list", "database"}
	for _, tt := range []struct {
		word string
		most int
		want string
	}{
		{"isuer", 2, "issuer"}, {"issuerr", 2, "issuer"}, {"isseur", 2, "issuer"}, {"lister", 2, "listen"}, {"listed", 2, "listen"},
		{"lest", 1, "list"}, {"lest", 0, ""}, {"list", 0, "list"}, {"", 2, ""}, {"x", 2, ""}, {"databaze", 1, "database"}, {"datum", 2, ""},
	} {
		if got := spelling.Nearest(tt.word, names, tt.most); got != tt.want {
			t.Errorf("Nearest(%q, %d) = %q, want %q", tt.word, tt.most, got, tt.want)
		}
	}
}
