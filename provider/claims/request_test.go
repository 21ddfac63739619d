package claims_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"vestibule/provider/claims"
)

// asked is what a client gets that has all scopes registered, and whose user is ana.
func asked(t *testing.T, raw string) (userInfo, idToken map[string]any) {
	t.Helper()
	r, err := claims.Parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	r = r.Within(claims.Scopes())
	return ana().For(nil, r.UserInfo), ana().For(nil, r.IDToken)
}

// TestWishes is OIDC Core 5.5.1: what a claim is given for.
func TestWishes(t *testing.T) {
	for _, tt := range []struct {
		wish  string
		given bool
	}{
		{`{"email":null}`, true},
		{`{"email":{}}`, true},
		{`{"email":{"essential":true}}`, true},
		{`{"email":{"essential":false,"more":[1]}}`, true},
		{`{"email":{"value":"ana@example.com"}}`, true},
		{`{"email":{"value":"ben@example.com"}}`, false},
		{`{"email":{"value":null}}`, true},
		{`{"email":{"values":null}}`, true},
		{`{"email":{"values":[]}}`, false},
		{`{"email":{"values":["x",1,{},"ana@example.com"]}}`, true},
		{`{"email":{"value":"ana@example.com","values":["x"]}}`, true},
		{`{"email_verified":{"value":true}}`, true},
		{`{"email_verified":{"value":"true"}}`, false},
		{`{"updated_at":{"value":1790000000}}`, true},
		{`{"updated_at":{"value":1.79e9}}`, true},
		{`{"groups":{"value":"staff"}}`, true},
		{`{"groups":{"value":["finance","staff"]}}`, true},
		{`{"groups":{"values":["admins"]}}`, false},
		{`{"address":{"value":{"locality":"Lisboa"}}}`, false},
		{`{"Email":null}`, false},
		{`{"password_hash":null}`, false},
		{`{"sub":null,"acr":null,"https://example.com/claim":null}`, false},
	} {
		userInfo, idToken := asked(t, `{"userinfo":`+tt.wish+`}`)
		if got := len(userInfo) == 1; got != tt.given || len(idToken) > 0 {
			t.Errorf("at userinfo %s gives %v, and %v in the ID token", tt.wish, userInfo, idToken)
		}
		userInfo, idToken = asked(t, `{"id_token":`+tt.wish+`}`)
		if got := len(idToken) == 1; got != tt.given || len(userInfo) > 0 {
			t.Errorf("in the ID token %s gives %v, and %v at userinfo", tt.wish, idToken, userInfo)
		}
	}
}

// TestWithin keeps a client to what it may ask for, and says what its user has to allow.
func TestWithin(t *testing.T) {
	r, err := claims.Parse(`{"userinfo":{"email":null,"phone_number":null,"x":null},"id_token":{"given_name":null,"acr":null}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ registered, allow []string }{
		{nil, nil},
		{[]string{"openid"}, nil},
		{[]string{"openid", "phone"}, []string{"phone"}},
		{[]string{"phone", "profile", "address"}, []string{"profile", "phone"}},
		{claims.Scopes(), []string{"profile", "email", "phone"}},
	} {
		kept := r.Within(tt.registered)
		if got := kept.Scopes(); !slices.Equal(got, tt.allow) {
			t.Errorf("of a client with %q the user must allow %q, want %q", tt.registered, got, tt.allow)
		}
		if tt.allow == nil && !reflect.ValueOf(kept).IsZero() {
			t.Errorf("of a client with %q there is left %+v", tt.registered, kept)
		}
	}
	if len(r.UserInfo) != 3 || len(r.IDToken) != 2 {
		t.Errorf("the request itself has changed: %+v", r)
	}
}

func TestValuesOfWishes(t *testing.T) {
	for _, tt := range []struct {
		wish  string
		texts []string
		lists [][]string
	}{
		{`null`, nil, nil},
		{`{"value":"a"}`, []string{"a"}, [][]string{{"a"}}},
		{`{"value":"a","values":["b","c"]}`, []string{"a", "b", "c"}, [][]string{{"a"}, {"b"}, {"c"}}},
	} {
		r, err := claims.Parse(`{"id_token":{"acr":` + tt.wish + `}}`)
		texts, ok := r.IDToken["acr"].Texts()
		lists, okToo := r.IDToken["acr"].Lists()
		if err != nil || !ok || !okToo || !slices.Equal(texts, tt.texts) || !reflect.DeepEqual(lists, tt.lists) {
			t.Errorf("%s: %q %v, %q %v, %v", tt.wish, texts, ok, lists, okToo, err)
		}
	}
	for wish, isList := range map[string]bool{
		`{"value":1}`: false, `{"values":["a",null]}`: false, `{"value":["a","b"]}`: true, `{"value":["a",1]}`: false, `{"value":{}}`: false,
	} {
		r, err := claims.Parse(`{"id_token":{"amr":` + wish + `}}`)
		_, ok := r.IDToken["amr"].Texts()
		lists, okToo := r.IDToken["amr"].Lists()
		if err != nil || ok || okToo != isList || isList && !slices.Equal(lists[0], []string{"a", "b"}) {
			t.Errorf("%s: texts %v, lists %q %v, %v", wish, ok, lists, okToo, err)
		}
	}
}

// malformed are claims parameters that are none.
var malformed = []string{
	`x`, `[]`, `""`, `1`, `{} {}`, `{`, `{"id_token":[]}`, `{"id_token":"all"}`, `{"userinfo":true}`, `{"userinfo":{"name":true}}`,
	`{"userinfo":{"name":[]}}`, `{"id_token":{"name":{"essential":"yes"}}}`, `{"id_token":{"name":{"essential":1}}}`,
	`{"id_token":{"name":{"values":"a"}}}`, `{"userinfo":{"x":{"values":{}}}}`, "{\"id_token\":{\"\xff\":null}}",
}

func TestMalformed(t *testing.T) {
	for _, raw := range malformed {
		if r, err := claims.Parse(raw); !errors.Is(err, claims.ErrMalformed) || !reflect.ValueOf(r).IsZero() {
			t.Errorf("%s: %+v, %v, want %v", raw, r, err, claims.ErrMalformed)
		}
	}
	for _, raw := range []string{``, `{}`, `null`, ` { } `, `{"id_token":null}`, `{"ID_TOKEN":{"name":null},"more":[1]}`} {
		if r, err := claims.Parse(raw); err != nil || !reflect.ValueOf(r).IsZero() {
			t.Errorf("%s: %+v, %v, want a request of nothing", raw, r, err)
		}
	}
}

// FuzzParse holds what is read of any parameter to what a sign-in rests on: it survives being kept, and gives nothing that
// was not registered.
func FuzzParse(f *testing.F) {
	for _, raw := range malformed {
		f.Add(raw)
	}
	for _, raw := range []string{
		`{"userinfo":{"given_name":{"essential":true},"picture":null,"http://example.info/claims/groups":null},"id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`,
		`{"id_token":{"amr":{"essential":true,"values":["otp",["pwd","mfa"]]},"sub":{"value":"248289761001"}}}`,
		`{"userinfo":{"updated_at":{"value":1e400},"email":{"values":[]}}}`, `{"userinfo":{"email":{"value":null},"email":{}}}`,
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := claims.Parse(raw)
		if err != nil {
			return
		}
		r = r.Within([]string{"openid", "profile", "email"})
		for _, scope := range r.Scopes() {
			if scope != "profile" && scope != "email" {
				t.Errorf("the user would be asked for %s", scope)
			}
		}
		kept, err := json.Marshal(r)
		var again claims.Request
		if err != nil || json.Unmarshal(kept, &again) != nil {
			t.Fatalf("it cannot be kept: %v", err)
		}
		for _, place := range [][2]map[string]claims.Wish{{r.UserInfo, again.UserInfo}, {r.IDToken, again.IDToken}} {
			if given := ana().For(nil, place[0]); !reflect.DeepEqual(given, ana().For(nil, place[1])) {
				t.Errorf("once kept it gives something else than %v", given)
			}
		}
	})
}
