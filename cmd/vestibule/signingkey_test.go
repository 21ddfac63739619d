package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
)

// An operator looks at the keys that sign, has another follow, and takes one away.
func TestSigningKeyCommands(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.First()
		var keys []shownSigningKey
		list := func(args ...string) {
			t.Helper()
			keys = nil
			if err := json.Unmarshal([]byte(runCommand(t, s, "", append(args, "--output", "json")...)), &keys); err != nil {
				t.Fatal(err)
			}
		}
		states := func(algorithm string) (found []string) {
			for _, k := range keys {
				if k.Algorithm == algorithm {
					found = append(found, k.State)
				}
			}
			return found
		}
		list("key", "list")
		for _, algorithm := range client.Algorithms {
			if got := states(algorithm); !slices.Equal(got, []string{jwks.StateSigning}) {
				t.Errorf("keys of %s: %v, want one that signs", algorithm, got)
			}
		}
		list("key", "rotate", "--alg", "ES256,EdDSA", "--now")
		if len(keys) != 2 || keys[0].State != jwks.StateNext {
			t.Errorf("key rotate tells of %+v, want two that are next", keys)
		}
		if got := runCommand(t, s, "", "key", "rotate"); strings.Count(got, " signs with ") != len(client.Algorithms) {
			t.Errorf("key rotate of all says:\n%s", got)
		}
		list("key", "list")
		first := keys[slices.IndexFunc(keys, func(k shownSigningKey) bool { return k.Algorithm == client.RS256 })]
		if got := states(client.RS256); !slices.Equal(got, []string{jwks.StateSigning, jwks.StateNext}) || first.Until == nil {
			t.Errorf("keys of RS256: %v, want one that signs until the next does", got)
		}
		if got := runCommand(t, s, "", "key", "retire", first.ID); !strings.Contains(got, "removed "+first.ID) || !strings.Contains(got, " signs with RS256 now") {
			t.Errorf("key retire says:\n%s", got)
		}
		list("key", "list")
		if got := states(client.RS256); !slices.Equal(got, []string{jwks.StateRetired, jwks.StateSigning}) {
			t.Errorf("keys of RS256 after one was retired: %v", got)
		}
		s.First().Do(t.Context(), "signing keys")
	})
}

func TestSigningKeyFaults(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.First()
		environ := []string{"VESTIBULE_DATABASE=" + s.Config.Database, "VESTIBULE_SECRET_KEYS=" + strings.Join(s.Config.SecretKeys, ",")}
		for _, tt := range []struct {
			line, want string
			code       int
		}{
			{"key rotate --alg HS256", `--alg: "HS256" is none of RS256, ES256, PS256, EdDSA`, 2},
			{"key retire nobody", "there is no signing key nobody; look for it with vestibule key list", 3},
			{"key retire", "KEY", 2},
		} {
			var said bytes.Buffer
			w := newEnv(environ, strings.NewReader(""), &said, &said)
			if code := w.Report(run(t.Context(), strings.Fields(tt.line), w)); code != tt.code || !strings.Contains(said.String(), tt.want) {
				t.Errorf("vestibule %s exits with %d and says:\n%s\nwant %d and: %s", tt.line, code, &said, tt.code, tt.want)
			}
		}
	})
}
