package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vestibule/docs/doctest"
)

const settingsDocument = "docs/settings.md"

// TestDocument compares the tables of settings with the settings: every name, and every default.
func TestDocument(t *testing.T) {
	var documented []string
	for _, row := range doctest.Open(t, settingsDocument).Rows(t, "setting") {
		names := doctest.Code(row[0])
		documented = append(documented, names[0])
		s, file, ok := find(names[0])
		if !ok || file {
			t.Errorf("there is no setting %s", names[0])
			continue
		}
		if want := spellings(s); !slices.Equal(names, want) {
			t.Errorf("the row of %s has the names %q, want %q", s.name, names, want)
		}
		if fault := defaultFault(s, row[1]); fault != "" {
			t.Errorf("%s: %s", s.name, fault)
		}
	}
	for _, s := range settings {
		if !slices.Contains(documented, s.name) {
			t.Errorf("%s lacks %s", settingsDocument, s.name)
		}
	}
}

func spellings(s setting) []string {
	if s.secret {
		return []string{s.name, s.name + "_file"}
	}
	return []string{s.name}
}

// defaultFault sets what the document calls the default: then nothing may change. An empty cell stands for nothing.
func defaultFault(s setting, cell string) string {
	value := strings.Trim(cell, "`")
	if cell != "" && cell != "`"+value+"`" {
		return "the default is not one value between backticks: " + cell
	}
	want, got := Default(), Default()
	if err := s.set(&got, value); err != nil {
		return err.Error()
	}
	if fmt.Sprintf("%#v", emptied(got)) != fmt.Sprintf("%#v", emptied(want)) {
		return fmt.Sprintf("%q is not the default", value)
	}
	return ""
}

// emptied has nil for each empty list and map: no difference to whoever reads them.
func emptied(c Config) Config {
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); (f.Kind() == reflect.Slice || f.Kind() == reflect.Map) && f.Len() == 0 {
			f.SetZero()
		}
	}
	return c
}

// named matches what can only be a setting, in each of the spellings of one.
var named = regexp.MustCompile(`^(?:VESTIBULE_([A-Z_]+)|((?:totp|password|device|hash|session|two_steps|mail|refresh_token|remember|trusted|audit|recovery|secret|clock|client_metadata)_[a-z_]+))`)

// TestDocumentNames: settings that the prose of any document names are there.
func TestDocumentNames(t *testing.T) {
	seen := 0
	for _, d := range doctest.All(t) {
		for _, code := range doctest.Code(d.Prose()) {
			match := named.FindStringSubmatch(code)
			if match == nil || strings.HasPrefix(code, "VESTIBULE_TEST_") {
				continue
			}
			seen++
			if _, _, ok := find(strings.ToLower(match[1] + match[2])); !ok {
				t.Errorf("%s: there is no setting %s", d.Name, code)
			}
		}
	}
	if seen < len(settings) {
		t.Errorf("only %d settings were found in the prose; does the test still know them?", seen)
	}
}

// TestDocumentFile reads the example of a settings file, and what it says counts.
func TestDocumentFile(t *testing.T) {
	folder := t.TempDir()
	text := strings.ReplaceAll(doctest.Open(t, settingsDocument).Block(t, "yaml"), "/etc/vestibule", folder)
	for name, content := range map[string]string{
		"settings.yaml": text, "database": "postgres://vestibule:x@db.example.com/vestibule\n", "secret.key": otherKey + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(folder, "settings.yaml"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != testIssuer || len(c.TwoSteps) != 2 || len(c.TrustedProxies) != 1 || len(c.SecretKeys) != 1 || !strings.HasPrefix(c.Database, "postgres://") {
		t.Errorf("the example sets %+v", c)
	}
}
