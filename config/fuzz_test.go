package config

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzFile reads settings of anybody's making: they are taken, or all that is wrong with them is said.
func FuzzFile(f *testing.F) {
	f.Add("issuer: " + testIssuer + "\nsecret_keys: " + testKey + "\n")
	f.Add("two_steps: [required, phishing-resistant after 2027-03-01]\nsession_idle: 1h\ntrusted_proxies: 10.0.0.0/8, ::1\n")
	f.Add("acr_names: {a: b}\nnonsense: 1\n? [x]\n: - y\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "vestibule.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil, nil); err != nil && err.Error() == "" {
			t.Error("an error that says nothing")
		}
	})
}
