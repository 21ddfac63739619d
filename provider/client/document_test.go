package client

import (
	"strings"
	"testing"
)

// TestReadDocumentsFaults: what cannot be read is told in words of JSON, not of the program.
func TestReadDocumentsFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, want string }{
		{" \n", "it is empty"},
		{`[]`, "it is an empty list"},
		{`[{"client_id": "shop"}, 7]`, "registration 2: it is no JSON object, but a JSON number"},
		{`"shop"`, "it is no JSON object, but a JSON string"},
		{`null`, "it is no JSON object, but null"},
		{`{"client_id": "shop"`, "it is no JSON: its end is missing"},
		{"{\n\"client_id\": shop}", "it is no JSON: line 2: invalid character 's'"},
		{`{"client_id": "shop"} {}`, "there is more behind its end"},
		{`{"redirect_uris": "https://shop.example/cb"}`, "redirect_uris must be a list of texts, and is a JSON string"},
		{`{"redirect_uris": ["https://shop.example/cb", 7]}`, "redirect_uris must be a list of texts, and has in it a JSON number"},
		{`{"scope": ["openid"]}`, "scope must be a text, and is a JSON array"},
		{`{"consent": 7}`, "consent must be a text, and is a JSON number"},
		{`{"id_token_lifetime": "300"}`, "id_token_lifetime must be a whole number, and is a JSON string"},
		{`{"default_max_age": "1h"}`, "default_max_age must be a whole number, and is a JSON string"},
		{`{"id_token_lifetime": 1.5}`, "id_token_lifetime must be a whole number, and is a JSON number"},
		{`{"dpop_bound_access_tokens": "yes"}`, "dpop_bound_access_tokens must be true or false, and is a JSON string"},
		{`{"acr_names": {"aal2": "x"}}`, "acr_names must be an object of lists of texts, and has in it a JSON string"},
		{`{"client_secret": 7}`, "client_secret must be a text, and is a JSON number"},
	} {
		if _, err := ReadDocuments([]byte(tt.data)); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.data, err, tt.want)
		}
	}
}
