package main

import (
	"bytes"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/web/catalogue"
	"vestibule/web/catalogue/cataloguetest"
)

// commandSources are the files of the commands, by name.
func commandSources(t *testing.T) map[string]*ast.File {
	t.Helper()
	all := cataloguetest.Sources(t, ".")
	maps.DeleteFunc(all, func(path string, _ *ast.File) bool {
		return !slices.Contains([]string{".", "demo", "terminal"}, filepath.Dir(path))
	})
	if len(all) < 20 {
		t.Fatalf("only %d sources", len(all))
	}
	return all
}

// quoted is the string that a node is; empty if it is none.
func quoted(n ast.Node) string {
	text, _ := cataloguetest.Literal(n)
	return text
}

// given are the placeholders that a call of Say or Tell fills in, by the literal of the ID.
func given(file *ast.File) map[ast.Node][]string {
	found := map[ast.Node][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || cataloguetest.Callee(call) != "Say" && cataloguetest.Callee(call) != "Tell" || len(call.Args) < 2 {
			return true
		}
		id, values := call.Args[len(call.Args)-2], call.Args[len(call.Args)-1]
		switch values := values.(type) {
		case *ast.Ident: // nil
			if values.Name == "nil" {
				found[id] = []string{}
			}
		case *ast.CompositeLit:
			found[id] = []string{}
			for _, e := range values.Elts {
				found[id] = append(found[id], quoted(e.(*ast.KeyValueExpr).Key))
			}
		}
		slices.Sort(found[id])
		return true
	})
	return found
}

var commandID = regexp.MustCompile(`^command\.[a-z0-9_.]+$`)

// TestCommandTextsAreUsed: every text that a command names is there, with the placeholders that the command fills in, and
// every text of commands is named.
func TestCommandTextsAreUsed(t *testing.T) {
	t.Parallel()
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	l := set.Choose("", "")
	used := map[string]bool{}
	for name, file := range commandSources(t) {
		names := given(file)
		ast.Inspect(file, func(n ast.Node) bool {
			id := quoted(n)
			if !commandID.MatchString(id) {
				return true
			}
			used[id] = true
			if len(l.Forms(id)) == 0 {
				t.Errorf("%s: there is no text %s", name, id)
			}
			if got, ok := names[n]; ok && !slices.Equal(got, l.Placeholders(id)) && len(got)+len(l.Placeholders(id)) > 0 {
				t.Errorf("%s: %s is given %v, and names %v", name, id, got, l.Placeholders(id))
			}
			return true
		})
	}
	for _, id := range l.IDs() {
		if strings.HasPrefix(id, "command.") && !used[id] {
			t.Errorf("%s is never said", id)
		}
	}
}

// inEnglish are the strings that stay as they are: in errors, the help, tags, and what is compared with words of records.
func inEnglish(file *ast.File) map[ast.Node]bool {
	spared := map[ast.Node]bool{}
	spare := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			spared[n] = true
			return true
		})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains([]string{"New", "Errorf", "UsageError", "Failure", "Exclude", "group", "textFlag", "switchFlag", "addressFlag", "valuesFlag", "wordsFlag", "pairsFlag", "attributeFlag", "CutPrefix"}, cataloguetest.Callee(n)) {
				spare(n)
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "Usage" || key.Name == "ConfigureShellCompletionCommand" || key.Name == "DefaultText" || key.Name == "ArgsUsage" || key.Name == "Description" || key.Name == "none") {
				spare(n)
			}
		case *ast.ValueSpec:
			if n.Names[0].Name == "guesses" { // as records name them
				spare(n)
			}
		case *ast.FuncDecl:
			if n.Name.Name == "importFault" { // whose words are those of an error
				spare(n)
			}
		case *ast.Field:
			if n.Tag != nil {
				spare(n.Tag)
			}
		}
		return true
	})
	return spared
}

// notSaid look like sentences and are names.
var notSaid = []string{"PostgreSQL", "Sample app", "Sample API", "Ada Example", "Grace Example", "Demo", "everybody"}

// TestNoTextInCommands holds the sources to words for programs.
func TestNoTextInCommands(t *testing.T) {
	t.Parallel()
	sentence := regexp.MustCompile(`\p{L}[’']?\p{L}*[,:;]? \p{L}|^\p{Lu}\p{Ll}+[.?]?$|^\p{Lu}[\p{Lu} -]+$`)
	for name, file := range commandSources(t) {
		if name == "terminal/help.go" || name == "terminal/usage.go" { // the help and what errors quote of it
			continue
		}
		spared := inEnglish(file)
		ast.Inspect(file, func(n ast.Node) bool {
			if text := quoted(n); !spared[n] && sentence.MatchString(text) && !slices.Contains(notSaid, text) {
				t.Errorf("%s says %q", name, text)
			}
			return true
		})
	}
}

// strange is a language in which every text is in brackets, each placeholder aside.
func strange(t *testing.T) *catalogue.Language {
	t.Helper()
	apart := regexp.MustCompile(`\{[^}]*\}`)
	set, err := cataloguetest.Translated("en-XA", nil, func(_, text string) string { return "⟦" + apart.ReplaceAllString(text, "⟧$0⟦") + "⟧" })
	if err != nil {
		t.Fatal(err)
	}
	return set.Choose("en-XA", "")
}

// bracketed is a text of the strange language, without what stands for placeholders.
var bracketed = regexp.MustCompile(`(?s)⟦[^⟦⟧]*⟧`)

// commandData are what the test calls things, names of protocols and of records, and what is in a record: the same in every
// language.
var commandData = regexp.MustCompile(`\b[0-9]{4}_\w+\.sql\b|Ana Lima|Bea Lima|Authenticator app|\b(?:ana|bea|ben|finance|shop|Shop|Phone|asked|cli:\d+|optional|required|phishing-resistant|hwk|pwd|otp|mfa|amr|acr|auth_time|aal[12]|phr|SHA-1|ok|openid|profile|email|offline_access|authenticator|signing_key|pairwise_key|system|PostgreSQL|(?:RS|ES|PS)256|EdDSA)\b|\S+@\S+|https?://\S+|\b[a-z_]+=.*|\b[a-z]+\.[a-z_.]+\b|\b[A-Za-z0-9_-]{20,}|\b[0-9a-f]{8}\b|\S+\.db\b|\b[0-9]{4}_\w+\.sql\b`)

// TestCommandsInAnotherLanguage runs commands for an operator who reads another language: what is said in no brackets is
// data, or was left behind.
func TestCommandsInAnotherLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	s.NewBrowser(t).Enrol("ana")
	s.AddUser("bea")
	language, key := strange(t), filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{
		"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_ISSUER=" + s.Config.Issuer, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ","),
	}
	for _, line := range []string{
		"migrate status", "migrate up", "config check", "secret-key list", "secret-key rotate", "key rotate", "key list",
		"client create shop --redirect-uri https://shop.example.com/cb", "client update shop --name Shop", "client list",
		"user create ben --email ben@example.com --password-file PASSWORD", "user list", "user get ana", "user update bea --group finance", "user unlock ana",
		"user totp list ana", "user totp add bea --secret-file " + key + " --name Phone", "user enrol-link bea",
		"mfa plan --two-steps required", "debug claims --user ana --client shop --acr aal2", "debug claims --user bea --client shop",
		"user totp reset ana --reason asked --delay 24h", "user get ana", "user totp reset ana --reason asked --cancel",
		"user totp reset ana --reason asked", "user get ana", "debug claims --user ana --client shop --acr aal2", "client delete shop", "audit list", "audit verify",
	} {
		var out bytes.Buffer
		password := filepath.Join(filepath.Dir(key), "password")
		if err := os.WriteFile(password, []byte(servertest.Password), 0o600); err != nil {
			t.Fatal(err)
		}
		args := strings.Fields(strings.ReplaceAll(line, "PASSWORD", password))
		if err := run(t.Context(), args, &env{terminal.Terminal{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Language: language}, environ}); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		rest := commandData.ReplaceAllString(bracketed.ReplaceAllString(out.String(), " "), " ")
		if left := regexp.MustCompile(`\p{L}{2,}`).FindAllString(rest, -1); len(left) > 0 {
			t.Errorf("%s says %q outside of texts:\n%s", line, left, &out)
		}
		if !strings.Contains(out.String(), "⟦") {
			t.Errorf("%s says nothing in the language:\n%s", line, &out)
		}
	}
}

// JSON is for programs: it is the same whatever the operator reads.
func TestJSONHasNoLanguage(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	s.NewClient(t, "shop")
	environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_ISSUER=" + s.Config.Issuer}
	for _, line := range []string{"debug claims --user ana --client shop --acr aal2", "user get ana", "mfa plan --two-steps required", "client list"} {
		var said [2]bytes.Buffer
		for i, language := range []*catalogue.Language{nil, strange(t)} {
			args := append(strings.Fields(line), "--output", "json")
			if err := run(t.Context(), args, &env{terminal.Terminal{Stdin: strings.NewReader(""), Stdout: &said[i], Stderr: t.Output(), Language: language}, environ}); err != nil {
				t.Fatal(line, err)
			}
		}
		if said[0].String() != said[1].String() {
			t.Errorf("%s says\n%s\nand in another language\n%s", line, &said[0], &said[1])
		}
	}
}
