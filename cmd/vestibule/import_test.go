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
	"cmd/vestibule":            {"cmd/vestibule/server", "cmd/vestibule/sample", "config", "web", "web/notice", "storage", "provider", "provider/account", "provider/audit", "provider/store", "provider/spelling", "mfa"},
	"cmd/vestibule/server":     {"config", "web", "web/notice", "storage", "provider", "provider/account", "provider/audit", "provider/store", "mfa", "consent", "github.com/prometheus/client_golang", "golang.org/x/sync"},
	"cmd/vestibule/servertest": {"cmd/vestibule/server", "config", "web", "web/notice", "storage", "provider", "provider/account", "provider/audit", "provider/resource", "mfa"},
	"cmd/vestibule/sample":     {"provider/resource", "github.com/coreos/go-oidc", "golang.org/x/oauth2"},
	"web":                      {"provider", "provider/account", "provider/audit", "provider/store", "provider/spelling", "mfa", "consent", "github.com/skip2/go-qrcode"},
	"web/notice":               {"provider/account", "provider/audit", "provider/store", "github.com/wneessen/go-mail", "golang.org/x/text"},
	"web/notice/noticetest":    {"web/notice", "provider/audit", "provider/store"},
	"storage":                  {"provider", "provider/account", "provider/audit", "provider/store", "mfa", "consent", "web/notice"},
	"provider":                 {"provider/account", "provider/audit", "provider/store", "provider/spelling", "github.com/ory/fosite", "github.com/hashicorp/go-retryablehttp", "github.com/go-jose/go-jose", "golang.org/x/crypto", "golang.org/x/net/idna"},
	"consent":                  {"github.com/ory/fosite"},
	"mfa":                      {"github.com/pquerna/otp", "golang.org/x/crypto", "golang.org/x/text"},
	"config":                   {"go.yaml.in/yaml"},
	"provider/providertest":    {"provider", "provider/account", "provider/audit", "provider/store"},
	"provider/audit":           {},
	"provider/account":         {"provider/store", "provider/spelling", "golang.org/x/crypto", "golang.org/x/text", "golang.org/x/net/idna"},
	"provider/store":           {},
	"provider/spelling":        {},
	"provider/resource":        {},
	"mfa/mfatest":              {"mfa"},
	"consent/consenttest":      {"consent"},
	"storage/storagetest":      {"storage"},
}

// endToEnd is what the tests of whole servers may import: what starts servers stays in servertest, and pages are known by
// what a browser sees of them.
var endToEnd = []string{"cmd/vestibule/servertest", "config", "storage", "mfa", "provider", "provider/account", "provider/audit", "provider/store", "provider/resource", "provider/providertest", "web/notice"}

// free are packages that choose their own modules, but not fosite: its types stay in provider and consent.
var free = []string{"cmd/vestibule", "cmd/vestibule/servertest", "storage", "storage/storagetest"}

func TestImports(t *testing.T) {
	found := packages(t)
	for name := range mayImport {
		if _, ok := found[name]; !ok {
			t.Errorf("there is a rule for %s, but no such package", name)
		}
	}
	for name, imports := range found {
		allowed, ok := mayImport[name]
		if strings.HasPrefix(name, "cmd/vestibule/test/") {
			allowed, ok = endToEnd, true
		}
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

// packages returns what each package of the repository imports; its tests aside, unless it has nothing else.
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
		if found[filepath.ToSlash(name)] = p.Imports; len(p.GoFiles) == 0 {
			found[filepath.ToSlash(name)] = p.TestImports
		}
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
	case slices.Contains(free, name), strings.HasPrefix(name, "cmd/vestibule/test/"):
		return !strings.HasPrefix(path, "github.com/ory/fosite")
	}
	return slices.ContainsFunc(allowed, func(module string) bool { return strings.HasPrefix(path, module) })
}
