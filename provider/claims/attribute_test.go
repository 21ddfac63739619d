package claims_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/claims"
)

// whole is every attribute.
func whole() claims.Attributes {
	return claims.Attributes{
		"given_name": "Ana", "family_name": "Lima", "middle_name": "Sofia", "nickname": "Nana", "gender": "female",
		"profile": "https://example.com/ana", "picture": "https://example.com/ana.png", "website": "http://ana.example",
		"birthdate": "1990-02-28", "zoneinfo": "Europe/Lisbon", "locale": "pt-PT",
		"phone_number": "+351 21 000 0000", "phone_number_verified": "true",
		"address.formatted": "Rua A 1\n1000-001 Lisboa", "address.street_address": "Rua A 1", "address.locality": "Lisboa",
		"address.region": "Lisboa", "address.postal_code": "1000-001", "address.country": "Portugal",
	}
}

func TestAttributesFillClaims(t *testing.T) {
	if got := slices.Sorted(maps.Keys(whole())); !slices.Equal(got, claims.AttributeNames()) {
		t.Fatalf("this test knows %q, there are %q", got, claims.AttributeNames())
	}
	v := claims.Values{}
	whole().AddTo(v)
	if len(v) != 14 || v["birthdate"] != "1990-02-28" || v["phone_number_verified"] != true {
		t.Errorf("they fill %v", v)
	}
	want := map[string]string{
		"formatted": "Rua A 1\n1000-001 Lisboa", "street_address": "Rua A 1", "locality": "Lisboa", "region": "Lisboa",
		"postal_code": "1000-001", "country": "Portugal",
	}
	if !reflect.DeepEqual(v["address"], want) {
		t.Errorf("the address is %v, want %v", v["address"], want)
	}
	for _, tt := range []struct {
		has  claims.Attributes
		want claims.Values
	}{
		{nil, claims.Values{}},
		{claims.Attributes{"given_name": "", "address.region": ""}, claims.Values{}},
		{claims.Attributes{"sub": "x", "name": "x", "email_verified": "true", "shoe_size": "38"}, claims.Values{}},
		{claims.Attributes{"phone_number_verified": "true"}, claims.Values{}}, // of no number
		{claims.Attributes{"phone_number": "+1 425 555 0100"}, claims.Values{"phone_number": "+1 425 555 0100", "phone_number_verified": false}},
		{claims.Attributes{"phone_number": "1", "phone_number_verified": "yes"}, claims.Values{"phone_number": "1", "phone_number_verified": false}},
		{claims.Attributes{"address.country": "PT"}, claims.Values{"address": map[string]string{"country": "PT"}}},
	} {
		v := claims.Values{}
		if tt.has.AddTo(v); !reflect.DeepEqual(v, tt.want) {
			t.Errorf("%v fills %v, want %v", tt.has, v, tt.want)
		}
	}
}

func TestAttributesThatAreRight(t *testing.T) {
	if err := whole().Check(); err != nil {
		t.Error(err)
	}
	for name, values := range map[string][]string{
		"birthdate": {"1990", "0000-02-29", "2024-02-29", ""}, "locale": {"en", "pt_BR", "zh-Hant-TW"}, "zoneinfo": {"UTC", "America/Argentina/Ushuaia", "Etc/GMT+8"},
		"phone_number": {"+1 (425) 555-0100", "+14255550100;ext=12"}, "phone_number_verified": {"false"},
		"picture": {"https://example.com/a%20b?c=d#e", "http://127.0.0.1/a"}, "nickname": {"Ana 🐙", strings.Repeat("a", 200)},
	} {
		for _, value := range values {
			if err := (claims.Attributes{name: value}).Check(); err != nil {
				t.Errorf("%s %q: %v", name, value, err)
			}
		}
	}
}

// TestAttributesThatAreWrong says what to do, and all of it at once.
func TestAttributesThatAreWrong(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"given-name", "Ana", "did you mean given_name?"},
		{"shoe_size", "38", "there are address.country"},
		{"", "x", "there are address.country"},
		{"name", "Ana", "give it apart, as the name"},
		{"email", "ana@example.com", "give it apart, as the email"},
		{"email_verified", "true", "say it apart, of the email"},
		{"groups", "staff", "give each apart, as a group"},
		{"address", "Rua A", "give its parts, such as address.locality"},
		{"sub", "x", "given for good"},
		{"updated_at", "1", "last changed"},
		{"preferred_username", "x", "user name"},
		{"birthdate", "31.12.1990", "1990-12-31"},
		{"birthdate", "1990-02-30", "1990-12-31"},
		{"birthdate", "2023-02-29", "1990-12-31"},
		{"birthdate", "0000", "1990-12-31"},
		{"birthdate", "90", "1990-12-31"},
		{"zoneinfo", "Europe/", "Europe/Paris"},
		{"zoneinfo", "../../etc/passwd", "Europe/Paris"},
		{"locale", "English please", "pt-BR"},
		{"locale", "xx_YY", "pt-BR"},
		{"locale", "pt-99", "pt-BR"},
		{"phone_number", "0800 1234", "+1 425 555 0100"},
		{"phone_number", "+12", "+1 425 555 0100"},
		{"phone_number_verified", "yes", "true or false"},
		{"picture", "javascript:alert(1)", "http or https"},
		{"website", "example.com", "http or https"},
		{"profile", "https://", "http or https"},
		{"profile", "https://example.com/" + strings.Repeat("a", 500), "at most 500 bytes"},
		{"given_name", "a\x1b[31m", "without control characters"},
		{"given_name", "a\u202eb", "without control characters"},
		{"given_name", "\xff", "without control characters"},
		{"given_name", "a\nb", "without control characters"},
		{"family_name", strings.Repeat("a", 201), "at most 200 bytes"},
		{"address.formatted", "a\tb", "but for line breaks"},
	} {
		err := claims.Attributes{tt.name: tt.value}.Check()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %q: %v, want %q in it", tt.name, tt.value, err, tt.want)
		}
	}
	err := claims.Attributes{"birthdate": "x", "locale": "x", "picture": "x"}.Check()
	if joined, ok := err.(interface{ Unwrap() []error }); !ok || len(joined.Unwrap()) != 3 {
		t.Errorf("of three faults it says %v", err)
	}
}

func TestAttributesThatChange(t *testing.T) {
	was := claims.Attributes{"given_name": "Ana", "phone_number": "+1 425 555 0100", "phone_number_verified": "true"}
	for _, tt := range []struct{ change, want claims.Attributes }{
		{nil, was},
		{claims.Attributes{"given_name": ""}, claims.Attributes{"phone_number": "+1 425 555 0100", "phone_number_verified": "true"}},
		{claims.Attributes{"phone_number": "+1 425 555 0101"}, claims.Attributes{"given_name": "Ana", "phone_number": "+1 425 555 0101"}},
		{
			claims.Attributes{"phone_number": "+1 425 555 0101", "phone_number_verified": "true"},
			claims.Attributes{"given_name": "Ana", "phone_number": "+1 425 555 0101", "phone_number_verified": "true"},
		},
		{claims.Attributes{"phone_number": was["phone_number"], "locale": "pt"}, claims.Attributes{"given_name": "Ana", "phone_number": "+1 425 555 0100", "phone_number_verified": "true", "locale": "pt"}},
		{claims.Attributes{"phone_number": ""}, claims.Attributes{"given_name": "Ana"}},
	} {
		got := was.With(tt.change)
		if !maps.Equal(got, tt.want) {
			t.Errorf("with %v they are %v, want %v", tt.change, got, tt.want)
		}
	}
	if got := was.Changed(was.With(claims.Attributes{"phone_number": "", "locale": "pt"})); !slices.Equal(got, []string{"locale", "phone_number", "phone_number_verified"}) {
		t.Errorf("it says that %q changed", got)
	}
	if len(was) != 3 {
		t.Errorf("a change has changed what was there: %v", was)
	}
}
