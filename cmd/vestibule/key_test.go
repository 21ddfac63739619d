package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
)

// The settings are checked by a package that does not know the keyring: both must agree on what a key is.
func TestKeysAgree(t *testing.T) {
	t.Parallel()
	const (
		base64Key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		hexKey    = "3030303030303030303030303030303030303030303030303030303030303030"
	)
	for _, tt := range []struct {
		keys string
		want bool
	}{
		{base64Key, true},
		{strings.TrimRight(base64Key, "="), true},
		{base64Key + "==", true},
		{strings.Repeat("_-8A", 10) + "AAA=", true},
		{strings.Repeat("/+8A", 10) + "AAA", true},
		{strings.Repeat("_+8A", 10) + "AAA", true},
		{strings.Repeat("_-8A", 10) + "AAB", false}, // bits that belong to no byte
		{hexKey, true},
		{strings.ToUpper(strings.Repeat("0af9", 16)), true},
		{hexKey[2:], false},
		{hexKey + "30", false},
		{hexKey[1:], false},
		{base64Key[:40], false},
		{base64Key + base64Key, false},
		{"change me", false},
		{"", false},
		{base64Key + "," + hexKey, true},
		{base64Key + "," + base64Key, false},
		{base64Key + "," + strings.TrimRight(base64Key, "="), false}, // the same key twice
		{base64Key + ",short", false},
	} {
		_, refused := config.Load("", []string{"VESTIBULE_ISSUER=https://id.example.com", "VESTIBULE_SECRET_KEYS=" + tt.keys}, nil)
		_, err := mfa.ParseKeyring(strings.Split(tt.keys, ","))
		if (refused == nil) != tt.want || (err == nil) != tt.want {
			t.Errorf("keys %q: the settings say %v, the keyring says %v, want both to accept: %v", tt.keys, refused, err, tt.want)
		}
	}
}

// The same goes for the names of groups and levels.
func TestNamesAgree(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"finance", "a", "A-b_c.d~9", strings.Repeat("x", 64), strings.Repeat("x", 65), "a/b", "a=b", `a"b`, `a\b`, "größe", "a\x7fb", "a:b", "a%",
		strings.Repeat("y", 200), strings.Repeat("y", 201), "aal1", "https://refeds.org/profile/mfa",
	} {
		environ := []string{"VESTIBULE_TWO_STEPS_GROUPS=" + name}
		_, refused := config.Load("", environ, nil, "two_steps_groups")
		if err := account.CheckGroup(name); (refused == nil) != (err == nil) {
			t.Errorf("group %q: the settings say %v, the provider says %v", name, refused, err)
		}
		environ = []string{"VESTIBULE_ACR_NAMES=aal2=" + name}
		_, refused = config.Load("", environ, nil, "acr_names")
		err := assurance.CheckACRNames(map[string][]string{assurance.LevelTwo: {name}})
		if (refused == nil) != (err == nil) {
			t.Errorf("acr name %q: the settings say %v, the provider says %v", name, refused, err)
		}
	}
}

// The algorithms of signatures are named where they are chosen, where a client registers one, and where the keys are.
func TestAlgorithmsAgree(t *testing.T) {
	t.Parallel()
	if !slices.Equal(client.Algorithms, jwks.Algorithms) {
		t.Errorf("clients choose from %v, and there are keys of %v", client.Algorithms, jwks.Algorithms)
	}
	for _, name := range append([]string{"HS256", "none", "ES384"}, client.Algorithms...) {
		_, refused := config.Load("", []string{"VESTIBULE_SIGNING_ALGORITHM=" + name}, nil, "signing_algorithm")
		if known := slices.Contains(client.Algorithms, name); (refused == nil) != known {
			t.Errorf("algorithm %s: the settings say %v, known to clients: %v", name, refused, known)
		}
	}
}

func secretFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
