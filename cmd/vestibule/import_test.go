package main

import (
	"go/build"
	"slices"
	"strings"
	"testing"
)

// mayImport is the import rule of the repository: nothing points up.
var mayImport = map[string][]string{
	"cmd/vestibule":         {"config", "web", "storage", "provider", "mfa", "consent"},
	"web":                   {"provider", "mfa", "consent", "github.com/skip2/go-qrcode"},
	"storage":               {"provider", "mfa", "consent"},
	"provider":              {"github.com/ory/fosite", "github.com/hashicorp/go-retryablehttp", "github.com/go-jose/go-jose", "golang.org/x/crypto", "golang.org/x/text"},
	"consent":               {"github.com/ory/fosite"},
	"mfa":                   {"github.com/pquerna/otp", "golang.org/x/crypto"},
	"config":                {"go.yaml.in/yaml"},
	"provider/providertest": {"provider"},
	"mfa/mfatest":           {"mfa"},
	"consent/consenttest":   {"consent"},
}

// free are packages that choose their own modules, but not fosite: its types stay in provider and consent.
var free = []string{"cmd/vestibule", "storage"}

func TestImports(t *testing.T) {
	for name, allowed := range mayImport {
		p, err := build.ImportDir("../../"+name, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, path := range p.Imports {
			if !allows(name, allowed, path) {
				t.Errorf("%s imports %s, which its rule does not allow", name, path)
			}
		}
	}
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
