package clientjwt_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/provider/clientjwt"
)

var now = time.Unix(1_800_000_000, 0)

// unsigned is a JWT with these claims; whoever reads it looks at the signature elsewhere.
func unsigned(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "."
}

// with writes claims, of which at(n) is n seconds from now.
func with(claims string) string {
	for _, n := range []int{-3631, -3600, -40, -31, -29, 0, 29, 31, 60, 330, 331, 600, 3601} {
		claims = strings.ReplaceAll(claims, fmt.Sprintf("at(%d)", n), fmt.Sprint(now.Unix()+int64(n)))
	}
	return claims
}

func TestAssertion(t *testing.T) {
	t.Parallel()
	to := clientjwt.Audience{Issuer: "https://id.example", Endpoints: []string{"https://id.example/token", "https://id.example/par"}}
	strict := to
	strict.IssuerOnly = true
	const good = `"iss":"shop","sub":"shop","aud":"https://id.example","exp":at(60),"jti":"1"`
	replace := func(old, new string) string { return "{" + strings.Replace(good, old, new, 1) + "}" }
	for _, tt := range []struct {
		name, header, claims string
		to                   clientjwt.Audience
		want                 string
	}{
		{"good", "", "{" + good + "}", to, ""},
		{"times around now", "", "{" + good + `,"iat":at(29),"nbf":at(-40)}`, to, ""},
		{"fractions of seconds", "", replace("at(60)", "at(60).5"), to, ""},
		{"token endpoint", "", replace("id.example", "id.example/token"), to, ""},
		{"the endpoint called", "", replace("id.example", "id.example/par"), to, ""},
		{"another endpoint", "", replace("id.example", "id.example/revoke"), to, "aud must be"},
		{"issuer and endpoint", "", replace(`"https://id.example"`, `["https://id.example","https://id.example/token"]`), to, ""},
		{"another server too", "", replace(`"https://id.example"`, `["https://id.example","https://bank.example"]`), to, "aud must be"},
		{"slash at the end", "", replace("id.example", "id.example/"), to, "aud must be"},
		{"audience of numbers", "", replace(`"https://id.example"`, `[1]`), to, "neither a string"},
		{"no audience", "", replace(`"aud":"https://id.example",`, ""), to, "aud is missing"},
		{"empty audience", "", replace(`"https://id.example"`, `[]`), to, "neither a string"},
		{"strict", "", "{" + good + "}", strict, ""},
		{"strict with a list", "", replace(`"https://id.example"`, `["https://id.example"]`), strict, "single string"},
		{"strict with the endpoint", "", replace("id.example", "id.example/token"), strict, "single string"},
		{"no exp", "", replace(`,"exp":at(60)`, ""), to, "exp is missing"},
		{"expired within the leeway", "", replace("at(60)", "at(-29)"), to, ""},
		{"expired", "", replace("at(60)", "at(-31)"), to, "expired"},
		{"long life", "", replace("at(60)", "at(330)"), to, ""},
		{"too long a life", "", replace("at(60)", "at(331)"), to, "5 minutes"},
		{"exp is a text", "", replace("at(60)", `"at(60)"`), to, "exp is no number"},
		{"absurd exp", "", replace("at(60)", "1e300"), to, "exp is no number"},
		{"null exp", "", replace("at(60)", "null"), to, "exp is no number"},
		{"not yet", "", "{" + good + `,"nbf":at(31)}`, to, "nbf is in the future"},
		{"from the future", "", "{" + good + `,"iat":at(31)}`, to, "iat is in the future"},
		{"no jti", "", replace(`,"jti":"1"`, ""), to, "jti"},
		{"empty jti", "", replace(`"jti":"1"`, `"jti":""`), to, "jti"},
		{"long jti", "", replace(`"jti":"1"`, `"jti":"`+strings.Repeat("x", 1025)+`"`), to, "jti"},
		{"another issuer", "", replace(`"iss":"shop"`, `"iss":"bank"`), to, "iss and sub"},
		{"no subject", "", replace(`"sub":"shop",`, ""), to, "iss and sub"},
		{"claims in capitals", "", replace(`"sub"`, `"SUB"`), to, "iss and sub"},
		{"no object", "", `[]`, to, "no JSON object"},
		{"null", "", `null`, to, "no JSON object"},
		{"type", `{"alg":"none","typ":"JWT"}`, "{" + good + "}", to, ""},
		{"new type", `{"alg":"none","typ":"application/client-authentication+jwt"}`, "{" + good + "}", to, ""},
		{"a request object", `{"alg":"none","typ":"oauth-authz-req+jwt"}`, "{" + good + "}", to, "another kind"},
	} {
		header := tt.header
		if header == "" {
			header = `{"alg":"none"}`
		}
		a, err := clientjwt.ReadAssertion(unsigned(header, with(tt.claims)))
		if err == nil {
			_, err = a.Check(tt.to, now)
		}
		if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestAssertionIsRemembered: as long as anybody would take it.
func TestAssertionIsRemembered(t *testing.T) {
	t.Parallel()
	a, err := clientjwt.ReadAssertion(unsigned(`{"alg":"none"}`, with(`{"iss":"shop","sub":"shop","aud":"i","exp":at(60),"jti":"1"}`)))
	if err != nil {
		t.Fatal(err)
	}
	used, err := a.Check(clientjwt.Audience{Issuer: "i"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Check(clientjwt.Audience{Issuer: "i"}, used.Until); err == nil {
		t.Error("it is still good when it may be forgotten")
	}
	if _, err := a.Check(clientjwt.Audience{Issuer: "i"}, used.Until.Add(-time.Second)); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

func TestRequestObject(t *testing.T) {
	t.Parallel()
	around := url.Values{"client_id": {"shop"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"outside"}, "request": {"x"}}
	merged := func(changes ...string) url.Values {
		form := url.Values{"client_id": {"shop"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"outside"}}
		for i := 0; i < len(changes); i += 2 {
			form.Set(changes[i], changes[i+1])
		}
		return form
	}
	for _, tt := range []struct {
		name, claims string
		alone        bool
		want         url.Values
		fault        string
	}{
		{"nothing", `{}`, false, merged(), ""},
		{"what is inside wins", `{"state":"inside","nonce":"n"}`, false, merged("state", "inside", "nonce", "n"), ""},
		{"alone", `{"response_type":"code","nonce":"n"}`, true, url.Values{"client_id": {"shop"}, "response_type": {"code"}, "nonce": {"n"}}, ""},
		{"numbers and objects", `{"max_age":300,"claims":{"id_token": {"acr": {"essential": true}}},"x":true,"y":1.50,"z":12345678901234567890}`, false,
			merged("max_age", "300", "claims", `{"id_token":{"acr":{"essential":true}}}`, "x", "true", "y", "1.50", "z", "12345678901234567890"), ""},
		{"claims of the JWT are no parameters", `{"iss":"shop","aud":["https://id.example","x"],"exp":at(60),"nbf":at(0),"iat":at(0),"jti":"1","sub":"u"}`, false, merged(), ""},
		{"escaped", `{"state":"a\u0026b=\"c\""}`, false, merged("state", `a&b="c"`), ""},
		{"null", `{"state":null}`, false, nil, "state is null"},
		{"several resources", `{"resource":["https://a.example","https://b.example"]}`, false, func() url.Values {
			form := merged()
			form["resource"] = []string{"https://a.example", "https://b.example"}
			return form
		}(), ""},
		{"another client", `{"client_id":"bank"}`, false, nil, "client_id is another"},
		{"another client, alone", `{"client_id":"bank","response_type":"code"}`, true, nil, "client_id is another"},
		{"another response type", `{"response_type":"id_token"}`, false, nil, "response_type is another"},
		{"another issuer", `{"iss":"bank"}`, false, nil, "iss is not"},
		{"an assertion", `{"iss":"shop","sub":"shop"}`, false, nil, "sub must not"},
		{"another audience", `{"aud":"https://bank.example"}`, false, nil, "aud is not"},
		{"expired", `{"exp":at(-31)}`, false, nil, "expired"},
		{"not yet", `{"nbf":at(31)}`, false, nil, "future"},
		{"nested", `{"request":"x"}`, false, nil, "must not be in"},
		{"nested by address", `{"request_uri":"https://shop.example"}`, false, nil, "must not be in"},
		{"no object", `"x"`, false, nil, "no JSON object"},
	} {
		token, err := clientjwt.ReadRequestObject(unsigned(`{"alg":"none","typ":"oauth-authz-req+jwt"}`, with(tt.claims)))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, err := clientjwt.Request{Issuer: "https://id.example", Client: "shop", Form: around, Alone: tt.alone}.Parameters(token, now)
		if fault := fmt.Sprint(err); (err == nil) != (tt.fault == "") || !strings.Contains(fault, tt.fault) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if around.Get("request") != "x" || around.Get("state") != "outside" {
		t.Error("the request around was changed")
	}
}

// TestDatedRequestObject is one of a client that must say when it is good.
func TestDatedRequestObject(t *testing.T) {
	t.Parallel()
	around := url.Values{"client_id": {"shop"}, "request": {"x"}}
	for claims, fault := range map[string]string{
		`{"aud":"https://id.example","nbf":at(0),"exp":at(60)}`:                           "",
		`{"aud":["https://bank.example","https://id.example"],"nbf":at(29),"exp":at(60)}`: "",
		`{"aud":"https://id.example","nbf":at(-3600),"exp":at(0)}`:                        "",
		`{"nbf":at(0),"exp":at(60)}`:                                                      "must be in it",
		`{"aud":"https://id.example","exp":at(60)}`:                                       "must be in it",
		`{"aud":"https://id.example","nbf":at(0)}`:                                        "must be in it",
		`{"aud":"https://id.example","nbf":at(0),"exp":at(3601)}`:                         "after its nbf",
		`{"aud":"https://id.example","nbf":at(-3631),"exp":at(-29)}`:                      "ago",
		`{"aud":"https://id.example","nbf":at(31),"exp":at(60)}`:                          "future",
	} {
		token, err := clientjwt.ReadRequestObject(unsigned(`{"alg":"none"}`, with(claims)))
		if err != nil {
			t.Fatalf("%s: %v", claims, err)
		}
		_, err = clientjwt.Request{Issuer: "https://id.example", Client: "shop", Form: around, Dated: true}.Parameters(token, now)
		if (err == nil) != (fault == "") || !strings.Contains(fmt.Sprint(err), fault) {
			t.Errorf("%s: %v, want %q", claims, err, fault)
		}
	}
}

func FuzzAssertion(f *testing.F) {
	for _, claims := range []string{`{"iss":"shop","sub":"shop","aud":"i","exp":1800000060,"jti":"1"}`, `{"iss":"a","sub":"a","aud":["i",null]}`, `{"exp":1e300}`, `[]`} {
		f.Add(unsigned(`{"alg":"ES256","typ":"JWT"}`, claims) + "AA")
	}
	f.Add("a.b.c")
	to := clientjwt.Audience{Issuer: "i"}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := clientjwt.ReadAssertion(raw)
		if err != nil {
			return
		}
		used, err := a.Check(to, now)
		if err == nil && (a.Client == "" || used.ID == "" || used.Until.After(now.Add(7*time.Minute)) || !used.Until.After(now)) {
			t.Errorf("%q: of %q, %+v", raw, a.Client, used)
		}
	})
}

func FuzzRequestObject(f *testing.F) {
	for _, claims := range []string{`{"client_id":"shop","max_age":1,"claims":{"id_token":null}}`, `{"aud":["i"],"exp":1}`, `{"resource":[1]}`, `{"request":""}`} {
		f.Add(unsigned(`{"alg":"none"}`, claims))
	}
	request := clientjwt.Request{Issuer: "i", Client: "shop", Form: url.Values{"client_id": {"shop"}, "request": {"x"}}}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := clientjwt.ReadRequestObject(raw)
		if err != nil {
			return
		}
		form, err := request.Parameters(token, now)
		if err == nil && (form.Get("client_id") != "shop" || form.Has("request") || form.Has("request_uri")) {
			t.Errorf("%q: %v", raw, form)
		}
	})
}
