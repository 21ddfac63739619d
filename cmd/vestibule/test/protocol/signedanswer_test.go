package protocol

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// answer is what an endpoint says.
type answer struct {
	status int
	kind   string
	body   string
}

// ask sends the form, or nothing by GET, with an access token or as the client of that id.
func ask(t *testing.T, s *servertest.Site, path string, form url.Values, set func(*http.Request)) answer {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, s.Config.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	set(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Content-Type"), string(body)}
}

// bearer has the request show the access token.
func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// signed verifies the JWT by the keys and the algorithm, and returns its claims.
func signed(t *testing.T, c *servertest.Client, token, algorithm string) map[string]any {
	t.Helper()
	var metadata struct {
		Keys string `json:"jwks_uri"`
	}
	if err := c.Provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	payload, err := oidc.NewRemoteKeySet(t.Context(), metadata.Keys).VerifySignature(t.Context(), token)
	if err != nil {
		t.Fatalf("%s: %v", token, err)
	}
	var header map[string]any
	var claims map[string]any
	part, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(raw, &header) != nil {
		t.Fatalf("the header %s cannot be read", part)
	}
	if header["alg"] != algorithm {
		t.Errorf("it is signed with %v, want %s", header["alg"], algorithm)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	claims["typ"] = header["typ"]
	return claims
}

// TestSignedUserInfo has a client's userinfo be a JWT by each algorithm (OIDC Core section 5.3.2), which nobody takes for an ID
// token, and another's stay as it is.
func TestSignedUserInfo(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := servertest.NewEnrolled(t, s, 1)
	s.Clock.Advance(servertest.Step)
	b := s.NewBrowser(t)
	v := c.Begin()
	r := v.Finish(v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).Allow())
	plain := ask(t, s, "/userinfo", nil, bearer(r.Token.AccessToken))
	if plain.kind != "application/json" {
		t.Errorf("userinfo is %s", plain.kind)
	}
	var metadata struct {
		UserInfo      []string `json:"userinfo_signing_alg_values_supported"`
		Introspection []string `json:"introspection_signing_alg_values_supported"`
	}
	if err := c.Provider.Claims(&metadata); err != nil || !slices.Equal(metadata.UserInfo, client.Algorithms) || !slices.Equal(metadata.Introspection, client.Algorithms) {
		t.Errorf("the metadata says %+v, %v", metadata, err)
	}
	want := map[string]any{"iss": s.Config.Issuer, "aud": "shop", "typ": "JWT"}
	var told map[string]any
	if err := json.Unmarshal([]byte(plain.body), &told); err != nil || told["sub"] != r.Subject {
		t.Fatalf("userinfo says %s", plain.body)
	}
	for name, value := range told {
		want[name] = value
	}
	var last answer
	for _, algorithm := range client.Algorithms {
		s.ChangeClient(t, "shop", func(c *client.Client) { c.UserInfoAlg = algorithm })
		s.Clock.Advance(4 * time.Second)
		last = ask(t, s, "/userinfo", url.Values{}, bearer(r.Token.AccessToken))
		if last.status != http.StatusOK || last.kind != "application/jwt" {
			t.Fatalf("%s: %+v", algorithm, last)
		}
		if got := signed(t, c.Client, last.body, algorithm); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", algorithm, got, want)
		}
	}
	v = c.Begin("id_token_hint", last.body, "prompt", "none")
	v.Refused(b.Open(v.Address), "invalid_request")
	b.Open("/end-session?id_token_hint="+last.body).At("error", "sign-out")
	if got := ask(t, s, "/userinfo", nil, bearer("vst_at_made-up")); got.status != http.StatusUnauthorized || got.kind != "application/json" {
		t.Errorf("to a token that is none it says %+v", got)
	}
}

// TestSignedIntrospection has APIs and apps get answers about tokens as JWTs, for each by itself (RFC 9701).
func TestSignedIntrospection(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := servertest.NewEnrolled(t, s, 1)
	s.Clock.Advance(servertest.Step)
	api, ledger := s.NewInspectorAs(t, "api"), s.NewInspectorAs(t, "ledger")
	c.For(api)
	s.ChangeClient(t, "api", func(c *client.Client) { c.IntrospectionAlg = client.EdDSA })
	v := c.Begin()
	access := v.Finish(v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Allow()).Token.AccessToken
	inspect := func(a *servertest.Inspector, accept string) answer {
		return ask(t, s, "/introspect", url.Values{"token": {access}}, func(r *http.Request) {
			r.SetBasicAuth(a.ID, a.Secret)
			r.Header["Accept"] = []string{accept}
		})
	}
	const wanted = "application/token-introspection+jwt"
	plain := inspect(api, "application/json")
	var about map[string]any
	if err := json.Unmarshal([]byte(plain.body), &about); err != nil || about["active"] != true || plain.kind != "application/json" {
		t.Fatalf("introspection says %+v", plain)
	}
	for who, tt := range map[*servertest.Inspector]struct {
		algorithm string
		about     map[string]any
	}{
		api:           {client.EdDSA, about},
		ledger:        {client.RS256, map[string]any{"active": false}},
		c.Inspector(): {client.RS256, about},
	} {
		got := inspect(who, wanted)
		if got.status != http.StatusOK || got.kind != wanted {
			t.Fatalf("%s gets %+v", who.ID, got)
		}
		want := map[string]any{"iss": s.Config.Issuer, "aud": who.ID, "iat": float64(s.Clock.Now().Unix()), "typ": "token-introspection+jwt", "token_introspection": tt.about}
		if claims := signed(t, c.Client, got.body, tt.algorithm); !reflect.DeepEqual(claims, want) {
			t.Errorf("%s learns %v, want %v", who.ID, claims, want)
		}
		if ask(t, s, "/userinfo", nil, bearer(got.body)).status != http.StatusUnauthorized {
			t.Errorf("the answer to %s is an access token", who.ID)
		}
	}
	for accept, want := range map[string]string{
		"": "application/json", "*/*": "application/json", "application/*": "application/json", wanted + ";q=0": "application/json",
		wanted + ";q=0.1, application/json": "application/json", "text/html, " + wanted + ";q=0.9, application/json;q=0.5": wanted,
		"Application/Token-Introspection+JWT": wanted, ",;,q=": "application/json",
	} {
		if got := inspect(api, accept).kind; got != want {
			t.Errorf("Accept: %s gets %s, want %s", accept, got, want)
		}
	}
	if got := inspect(&servertest.Inspector{ID: "api", Secret: "wrong"}, wanted); got.status != http.StatusUnauthorized || got.kind != "application/json" {
		t.Errorf("a wrong secret gets %+v", got)
	}
}
