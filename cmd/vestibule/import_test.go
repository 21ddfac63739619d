package main

import (
	"errors"
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mayImport is the import rule of the repository: nothing points up.
var mayImport = map[string][]string{
	"cmd/vestibule":                        {"cmd/vestibule/bench", "cmd/vestibule/demo", "cmd/vestibule/heap", "cmd/vestibule/server", "cmd/vestibule/terminal", "config", "consent", "mfa", "mfa/totp", "mfa/transfer", "provider/account", "provider/assurance", "provider/audit", "provider/claims", "provider/client", "provider/interaction", "provider/jwks", "provider/operator", "provider/pairwise", "provider/store", "storage", "web/catalogue", "web/enrol", "web/notice", "web/signin"},
	"cmd/vestibule/demo":                   {"cmd/vestibule/heap", "cmd/vestibule/sample", "cmd/vestibule/server", "cmd/vestibule/terminal", "config", "mfa", "mfa/totp", "provider/account", "provider/client", "provider/operator", "storage", "web/catalogue", "github.com/urfave/cli", "golang.org/x/sync"},
	"cmd/vestibule/heap":                   {"provider/gc"},
	"cmd/vestibule/bench":                  {"mfa/totp", "provider/operator", "provider/store", "golang.org/x/net/html", "golang.org/x/sync"},
	"cmd/vestibule/terminal":               {"provider/operator", "provider/spelling", "provider/store", "web/catalogue", "github.com/urfave/cli", "golang.org/x/term"},
	"cmd/vestibule/server":                 {"config", "consent", "mfa", "mfa/totp", "mfa/webauthn", "provider", "provider/account", "provider/assurance", "provider/audit", "provider/backchannel", "provider/certificate", "provider/client", "provider/fetch", "provider/hydra", "provider/interaction", "provider/jwks", "provider/operator", "provider/outbox", "provider/registration", "provider/store", "storage", "web", "web/catalogue", "web/notice", "web/signin", "web/ui", "web/usercode", "web/verify", "github.com/prometheus/client_golang", "golang.org/x/sync"},
	"cmd/vestibule/servertest":             {"cmd/vestibule/server", "config", "docs/doctest", "mfa", "mfa/mfatest", "mfa/webauthn/webauthntest", "provider/account", "provider/audit", "provider/client", "provider/jwks/jwkstest", "provider/operator", "provider/resource", "provider/store", "storage", "storage/storagetest", "web/enrol", "web/notice", "github.com/pquerna/otp"},
	"cmd/vestibule/sample":                 {"provider/resource", "github.com/coreos/go-oidc", "golang.org/x/oauth2"},
	"web":                                  {"consent", "mfa", "provider/account", "provider/audit", "provider/device", "provider/interaction", "provider/limiter", "provider/logout", "provider/store", "web/account", "web/browser", "web/catalogue", "web/enrol", "web/logout", "web/signin", "web/ui", "web/usercode", "web/verify"},
	"web/step":                             {"consent", "mfa", "mfa/totp", "mfa/webauthn", "provider/account", "provider/assurance", "provider/audit", "provider/client", "provider/interaction", "provider/operator", "provider/store", "web", "web/account", "web/browser", "web/signin"},
	"web/step/steptest":                    {"mfa", "mfa/mfatest", "provider/account", "provider/assurance", "provider/interaction", "provider/interaction/interactiontest", "provider/store", "web/step"},
	"web/account":                          {"consent", "mfa", "provider/account", "provider/assurance", "provider/audit", "provider/client", "provider/interaction", "provider/spelling", "provider/store", "web/browser", "web/enrol", "web/ui", "web/verify", "golang.org/x/sync"},
	"web/signin":                           {"consent", "mfa", "provider/account", "provider/assurance", "provider/audit", "provider/client", "provider/interaction", "provider/logo", "provider/spelling", "provider/store", "web/browser", "web/enrol", "web/ui", "web/verify"},
	"web/logout":                           {"provider/account", "provider/audit", "provider/client", "provider/interaction", "provider/logout", "provider/spelling", "provider/store", "web/browser", "web/ui"},
	"web/usercode":                         {"mfa", "provider/audit", "provider/limiter", "provider/spelling", "provider/store", "web/ui"},
	"web/enrol":                            {"mfa", "provider/audit", "provider/store", "web/catalogue", "web/ui", "web/verify"},
	"web/verify":                           {"mfa", "provider/account", "provider/audit", "provider/limiter", "provider/spelling", "web/browser", "web/ui"},
	"web/browser":                          {"provider/account", "provider/assurance", "provider/interaction", "provider/spelling", "provider/store", "web/ui"},
	"web/ui":                               {"provider/audit", "provider/spelling", "provider/store", "web/catalogue", "github.com/skip2/go-qrcode"},
	"web/catalogue":                        {"github.com/BurntSushi/toml", "github.com/nicksnyder/go-i18n", "golang.org/x/text"},
	"web/catalogue/cataloguetest":          {"web/catalogue"},
	"web/notice":                           {"provider/account", "provider/audit", "provider/outbox", "provider/store", "web/catalogue", "github.com/wneessen/go-mail", "golang.org/x/text"},
	"web/notice/noticetest":                {"provider/audit", "provider/store", "web/notice"},
	"storage":                              {"consent", "mfa", "provider/account", "provider/audit", "provider/backchannel", "provider/client", "provider/device", "provider/dpop", "provider/interaction", "provider/jwks", "provider/operator", "provider/outbox", "provider/pairwise", "provider/pushed", "provider/store", "provider/tokens", "storage/database", "web/notice"},
	"provider":                             {"provider/account", "provider/assurance", "provider/audit", "provider/backchannel", "provider/certificate", "provider/claims", "provider/client", "provider/clientauth", "provider/clientjwt", "provider/device", "provider/dpop", "provider/fetch", "provider/interaction", "provider/jwks", "provider/keyset", "provider/limiter", "provider/logo", "provider/logout", "provider/pairwise", "provider/pushed", "provider/spelling", "provider/store", "provider/tokens", "github.com/ory/fosite", "github.com/hashicorp/go-retryablehttp"},
	"consent":                              {},
	"mfa":                                  {"provider/limiter", "provider/phc", "provider/spelling", "golang.org/x/text"},
	"mfa/totp":                             {"mfa", "github.com/pquerna/otp"},
	"mfa/webauthn":                         {"mfa", "github.com/go-webauthn/webauthn"},
	"mfa/webauthn/webauthntest":            {},
	"mfa/transfer":                         {"mfa/totp", "filippo.io/age"},
	"cmd/vestibule/test/step":              {"storage/storagetest", "web/step", "github.com/ory/fosite"}, // beside endToEnd: a program that is not ours
	"cmd/vestibule/test/pages":             {"web", "web/catalogue", "web/step"},                         // beside endToEnd: the same, with a look of its own
	"config":                               {"provider/spelling", "go.yaml.in/yaml"},
	"storage/database":                     {"provider/store"},
	"provider/providertest":                {"provider", "provider/account", "provider/assurance", "provider/client", "provider/device", "provider/dpop", "provider/interaction", "provider/interaction/interactiontest", "provider/jwks", "provider/pairwise", "provider/pushed", "provider/store", "provider/tokens"},
	"provider/audit":                       {"provider/store"},
	"provider/account":                     {"provider/claims", "provider/limiter", "provider/phc", "provider/spelling", "provider/store", "golang.org/x/crypto", "golang.org/x/text", "golang.org/x/net/idna"},
	"provider/client":                      {"provider/assurance", "provider/certificate", "provider/claims", "provider/fetch", "provider/keyset", "provider/limiter", "provider/spelling", "provider/store", "golang.org/x/net/idna"},
	"provider/certificate":                 {"provider/spelling"},
	"provider/pairwise":                    {"provider/client", "provider/spelling", "provider/store"},
	"provider/dpop":                        {"provider/spelling", "github.com/go-jose/go-jose"},
	"provider/clientauth":                  {"provider/audit", "provider/certificate", "provider/client", "provider/clientjwt", "provider/keyset", "provider/spelling", "provider/store"},
	"provider/clientjwt":                   {"provider/keyset"},
	"provider/fetch":                       {"provider/limiter"},
	"provider/keyset":                      {"provider/fetch", "provider/spelling", "github.com/go-jose/go-jose"},
	"provider/jwks":                        {"provider/spelling", "provider/store", "github.com/go-jose/go-jose"},
	"provider/limiter":                     {"golang.org/x/sync"},
	"provider/logo":                        {},
	"provider/gc":                          {},
	"provider/phc":                         {"provider/gc", "provider/spelling", "golang.org/x/crypto"},
	"provider/hydra":                       {"provider/account", "provider/assurance", "provider/audit", "provider/client", "provider/interaction", "provider/limiter", "provider/outbox", "provider/spelling", "provider/store", "web/ui", "web/usercode"},
	"provider/hydra/hydratest":             {},
	"provider/store":                       {},
	"provider/device":                      {},
	"provider/spelling":                    {},
	"provider/resource":                    {"provider/dpop", "provider/spelling", "github.com/go-jose/go-jose"},
	"mfa/mfatest":                          {"mfa"},
	"consent/consenttest":                  {"consent"},
	"storage/storagetest":                  {"storage"},
	"provider/operator":                    {"consent", "mfa", "mfa/totp", "mfa/transfer", "provider/account", "provider/audit", "provider/claims", "provider/client", "provider/fetch", "provider/interaction", "provider/jwks", "provider/pairwise", "provider/store"},
	"provider/registration":                {"provider/claims", "provider/client", "provider/fetch", "provider/operator", "provider/spelling", "provider/store"},
	"provider/operator/operatortest":       {"consent", "mfa", "mfa/totp", "mfa/transfer", "provider/account", "provider/assurance", "provider/audit", "provider/claims", "provider/client", "provider/interaction", "provider/jwks", "provider/operator", "provider/store"},
	"docs/doctest":                         {},
	"provider/assurance":                   {"provider/claims", "provider/spelling"},
	"provider/claims":                      {"provider/spelling", "golang.org/x/text"},
	"provider/interaction":                 {"provider/assurance", "provider/audit", "provider/claims", "provider/client", "provider/spelling", "provider/store"},
	"provider/interaction/interactiontest": {"provider/assurance", "provider/interaction", "provider/store"},
	"provider/outbox":                      {},
	"provider/backchannel":                 {"provider/audit", "provider/client", "provider/outbox", "provider/spelling", "provider/store"},
	"provider/backchannel/backchanneltest": {"provider/backchannel", "provider/store"},
	"provider/logout":                      {"provider/client", "provider/interaction", "provider/store"},
	"provider/tokens":                      {"provider/account", "provider/client"},
	"provider/pushed":                      {"provider/client"},
	"provider/jwks/jwkstest":               {"provider/jwks"},
}

const endToEndTests = "cmd/vestibule/test/"

// endToEnd is what the tests of whole servers may import: what starts servers stays in servertest, and pages are known by
// what a browser sees of them.
var endToEnd = []string{"cmd/vestibule/servertest", "provider/hydra/hydratest", "config", "docs/doctest", "mfa", "mfa/totp", "mfa/webauthn/webauthntest", "provider/account", "provider/assurance", "provider/audit", "provider/certificate", "provider/client", "provider/interaction", "provider/jwks", "provider/operator", "provider/providertest", "provider/resource", "provider/store", "storage", "web/notice", "github.com/pquerna/otp"}

// free are packages that choose their own modules, but none of a room: fosite's types stay in provider, the codes of
// authenticator apps in mfa/totp and in the phones of tests, the ceremonies of keys in mfa/webauthn.
var (
	free  = []string{"cmd/vestibule", "cmd/vestibule/servertest", "storage", "storage/database", "storage/storagetest"}
	rooms = []string{"github.com/ory/fosite", "github.com/pquerna/otp", "github.com/go-webauthn"}
)

func TestImports(t *testing.T) {
	found := packages(t)
	for name := range mayImport {
		if _, ok := found[name]; !ok {
			t.Errorf("there is a rule for %s, but no such package", name)
		}
	}
	for name, imports := range found {
		allowed, ok := mayImport[name]
		if strings.HasPrefix(name, endToEndTests) {
			allowed, ok = append(slices.Clip(endToEnd), allowed...), true
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
	case slices.Contains(free, name), strings.HasPrefix(name, endToEndTests):
		return !has(rooms, path) || has(allowed, path)
	}
	return has(allowed, path)
}

// has reports whether the path is of one of the modules.
func has(modules []string, path string) bool {
	return slices.ContainsFunc(modules, func(module string) bool { return strings.HasPrefix(path, module) })
}

// TestOneDecoderOfBase64: what is read from outside has one spelling, or who says the same thing twice in two ways is not
// recognised. The sample app is exempt: it is what others write.
func TestOneDecoderOfBase64(t *testing.T) {
	decodes := regexp.MustCompile(`base64\.(\w+Encoding|NewEncoding\(.*\))(\.\w+\(.*\))*\.(AppendDecode|Decode|DecodeString)\(|base64\.NewDecoder\(`)
	found := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		if strings.HasSuffix(folder, "test") || strings.Contains(folder, "/testdata/") || strings.HasSuffix(folder, "/sample") || strings.HasSuffix(folder, "/spelling") {
			return nil
		}
		text, err := os.ReadFile(path)
		found++
		if call := decodes.Find(text); call != nil {
			t.Errorf("%s has %s: read base64 by provider/spelling", path, call)
		}
		return err
	})
	if err != nil || found < 300 {
		t.Errorf("%d files are looked at, %v", found, err)
	}
}
