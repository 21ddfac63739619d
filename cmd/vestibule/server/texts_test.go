package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vestibule/config"
	"vestibule/docs/doctest"
)

// TestTexts takes the file of another language that the documents show, and names the setting that is at fault.
func TestTexts(t *testing.T) {
	folder := func(name, content string) string {
		path := t.TempDir()
		if err := os.WriteFile(filepath.Join(path, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := folder("pt-BR.toml", doctest.Open(t, "docs/operators.md").Block(t, "toml"))
	for _, tt := range []struct{ folder, language, usual, want string }{
		{"", "en", "Sign in", ""},
		{good, "en", "Sign in", ""},
		{good, "pt-br", "Entrar", ""},
		{good, "de", "", "language: there are no texts in de"},
		{"", "pt-BR", "", "language: there are no texts in pt-BR"},
		{folder("de.toml", `"login.titel" = "Anmelden"`), "en", "", "login.titel is in no use"},
		{folder("de.txt", ""), "en", "", "texts_dir: "},
	} {
		c := config.Default()
		c.TextsDir, c.Language = tt.folder, tt.language
		set, err := Texts(c)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.language, err, tt.want)
			}
		case err != nil:
			t.Error(err)
		case set.Usual().Text("login.title", nil) != tt.usual || set.Choose("ja", "ja").Text("login.title", nil) != tt.usual:
			t.Errorf("%s: %q is usual, and who reads none gets %q", tt.language, set.Usual().Text("login.title", nil), set.Choose("ja", "ja").Text("login.title", nil))
		}
	}
}
