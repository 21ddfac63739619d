package notice

import (
	"strings"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// Names of authenticators are chosen by whoever has the password. None becomes a link in a mail from us.
func TestNamesInLettersAreNoLinks(t *testing.T) {
	p := &Sender{Name: "Example ID", Host: "id.example.com"}
	for _, tt := range []struct{ name, said string }{
		{"Phone", `"Phone"`},
		{"Ana’s iPhone 15.1", `"Ana’s iPhone 15.1"`},
		{"Old one. New one", `"Old one. New one"`},
		{"me @ work", `"me @ work"`},
		{"電話", `"電話"`},
		{`x" was removed`, `"x' was removed"`},
		{"http://evil.example", ""},
		{"HTTPS://EVIL", ""},
		{"evil.example", ""},
		{"call evil.example now", ""},
		{"www evil", ""},
		{"WWW.evil", ""},
		{"пример.рф", ""},
		{"例え。テスト", ""},
		{"evil．example", ""}, // U+FF0E
		{"evil｡example", ""}, // U+FF61
		{"evil․example", ""}, // U+2024
		{"evil\u200b.\u200bexample", ""},
		{"evil.\u0301example", ""},
		{"elpmaxe.live\u202e", ""},
		{"\u2067evil.example\u2069", ""},
		{"http：／／evil", ""},
		{"//evil", ""},
		{"192.0.2.1", ""},
		{"tel:+15550100", ""},
		{"mailto:x", ""},
		{"help@evil", ""},
		{"📱.example", ""},
	} {
		for _, kind := range []string{"factor.added", "factor.removed"} {
			for _, actor := range []string{"", "cli:0"} {
				e := audit.Event{Kind: kind, Actor: actor, Detail: map[string]string{"name": tt.name}}
				_, body, err := write(kind, p.facts(account.Account{Username: "ana"}, Notice{Event: e}))
				if err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(body, "\n\n")
				want, article := "he authenticator "+tt.said, tt.said != ""
				if !article {
					want = "n authenticator "
				}
				if !strings.Contains(first, want) || strings.Contains(strings.ToLower(first), "evil") || article != strings.Contains(first, `"`) {
					t.Errorf("%s of %q says: %s", kind, tt.name, first)
				}
			}
		}
	}
}
