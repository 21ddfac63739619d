// Package cataloguetest has what tests of texts share: a language that nobody speaks, and what sources say.
package cataloguetest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"vestibule/web/catalogue"
)

// Translated returns the texts of the catalogue with those of another language, in which each is the English one as change
// makes it, but for the locale of dates, which is no text. plurals are the forms that the language has of a text with a number; nil: those of English.
func Translated(tag string, plurals []string, change func(id, text string) string) (*catalogue.Set, error) {
	set, err := catalogue.Default()
	if err != nil {
		return nil, err
	}
	var file strings.Builder
	english := set.Choose("", "")
	for _, id := range english.IDs() {
		fmt.Fprintf(&file, "[%q]\n", id)
		for form, text := range inForms(english.Forms(id), plurals) {
			if id != "date.locale" {
				text = change(id, text)
			}
			fmt.Fprintf(&file, "%s = %q\n", form, text)
		}
	}
	return catalogue.New(fstest.MapFS{tag + ".toml": {Data: []byte(file.String())}})
}

// inForms has a text in the plural forms of another language.
func inForms(english map[string]string, plurals []string) map[string]string {
	if len(english) == 1 || plurals == nil {
		return english
	}
	all := map[string]string{}
	for _, form := range plurals {
		text, ok := english[form]
		if !ok {
			text = english["other"]
		}
		all[form] = text
	}
	return all
}

// Sources are the Go files below a folder by their paths, tests aside.
func Sources(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	all := map[string]*ast.File{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		all[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Literal is the string that a node is; ok is false if it is none.
func Literal(n ast.Node) (text string, ok bool) {
	if lit, is := n.(*ast.BasicLit); is && lit.Kind == token.STRING {
		text, err := strconv.Unquote(lit.Value)
		return text, err == nil
	}
	return "", false
}

// Callee is the last part of the name of what is called.
func Callee(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
