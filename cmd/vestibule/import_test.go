package main

import (
	"errors"
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the import rule of the repository: nothing points up.
var mayImport = map[string][]string{
	"cmd/vestibule":         {"config", "web", "web/enrol", "web/signin", "web/verify", "storage", "provider", "provider/account", "provider/audit", "provider/store", "provider/spelling", "provider/resource", "mfa", "consent"},
	"web":                   {"web/account", "web/signin", "web/enrol", "web/verify", "web/browser", "web/ui", "web/ui/catalogue", "provider", "provider/account", "provider/audit", "provider/store", "mfa", "consent"},
	"web/account":           {"web/enrol", "web/verify", "web/browser", "web/ui", "provider", "provider/account", "provider/audit", "provider/store", "provider/spelling", "mfa"},
	"web/signin":            {"web/enrol", "web/verify", "web/browser", "web/ui", "provider", "provider/account", "provider/audit", "provider/store", "mfa", "consent"},
	"web/enrol":             {"web/verify", "web/ui", "web/ui/catalogue", "provider/audit", "provider/store", "mfa", "github.com/skip2/go-qrcode"},
	"web/verify":            {"web/browser", "web/ui", "provider", "provider/account", "provider/audit", "mfa"},
	"web/browser":           {"web/ui", "provider", "provider/account", "provider/spelling", "provider/store"},
	"web/ui/catalogue":      {"github.com/nicksnyder/go-i18n", "golang.org/x/text", "github.com/BurntSushi/toml"},
	"web/ui":                {"web/ui/catalogue", "provider/audit", "provider/spelling", "provider/store"},
	"storage":               {"provider", "provider/account", "provider/audit", "provider/store", "mfa", "consent"},
	"provider":              {"provider/account", "provider/audit", "provider/store", "provider/spelling", "github.com/ory/fosite", "github.com/hashicorp/go-retryablehttp", "github.com/go-jose/go-jose", "golang.org/x/crypto", "golang.org/x/net/idna"},
	"consent":               {"github.com/ory/fosite"},
	"mfa":                   {"github.com/pquerna/otp", "golang.org/x/crypto", "golang.org/x/text"},
	"config":                {"go.yaml.in/yaml"},
	"provider/providertest": {"provider", "provider/account", "provider/audit", "provider/store"},
	"provider/audit":        {"provider/store"},
	"provider/account":      {"provider/store", "provider/spelling", "golang.org/x/crypto", "golang.org/x/text", "golang.org/x/net/idna"},
	"provider/store":        {},
	"provider/spelling":     {},
	"provider/resource":     {},
	"mfa/mfatest":           {"mfa"},
	"consent/consenttest":   {"consent"},
	"storage/storagetest":   {"storage"},
}

// free are packages that choose their own modules, but not fosite: its types stay in provider and consent.
var free = []string{"cmd/vestibule", "storage", "storage/storagetest"}

func TestImports(t *testing.T) {
	found := packages(t)
	for name := range mayImport {
		if _, ok := found[name]; !ok {
			t.Errorf("there is a rule for %s, but no such package", name)
		}
	}
	for name, imports := range found {
		allowed, ok := mayImport[name]
		if !ok {
			t.Errorf("package %s has no rule", name)
		}
		for _, path := range imports {
			if !allows(name, allowed, path) {
				t.Errorf("%s imports %s, which its rule does not allow", name, path)
			}
		}
	}
}

// packages returns what each package of the repository imports, tests aside.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return err
		case entry.Name() == "testdata" || path != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		}
		p, err := build.ImportDir(path, 0)
		var none *build.NoGoError
		if errors.As(err, &none) {
			return nil
		}
		name, _ := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = p.Imports
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func allows(name string, allowed []string, path string) bool {
	own, ours := strings.CutPrefix(path, "vestibule/")
	switch {
	case ours:
		return slices.Contains(allowed, own)
	case !strings.Contains(strings.Split(path, "/")[0], "."):
		return true // the standard library
	case slices.Contains(free, name):
		return !strings.HasPrefix(path, "github.com/ory/fosite")
	}
	return slices.ContainsFunc(allowed, func(module string) bool { return strings.HasPrefix(path, module) })
}
