package logout_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	"vestibule/provider/store"
)

func TestDestination(t *testing.T) {
	for _, tt := range []struct{ redirect, state, want string }{
		{"", "s", ""},
		{"https://shop.example/out", "", "https://shop.example/out"},
		{"https://shop.example/out", "a b&c=d#e", "https://shop.example/out?state=a+b%26c%3Dd%23e"},
		{"https://shop.example", "s", "https://shop.example?state=s"},
		{"https://shop.example/out?", "s", "https://shop.example/out?state=s"},
		{"https://shop.example/out?a=b%20c", "s", "https://shop.example/out?a=b%20c&state=s"},
		{"https://shop.example/out?a=b&", "s", "https://shop.example/out?a=b&state=s"},
		{"com.example.shop:/out", "s", "com.example.shop:/out?state=s"},
	} {
		r := logout.Request{Redirect: tt.redirect, State: tt.state}
		if got := r.Destination(); got != tt.want {
			t.Errorf("%q with state %q leads to %q, want %q", tt.redirect, tt.state, got, tt.want)
		}
	}
}

// made is when the clients were registered.
var made = time.Date(2026, 3, 3, 14, 5, 10, 700_000_000, time.UTC)

// clients are those with an address each; one that is called down cannot be read.
type clients map[string]string

func (c clients) Client(_ context.Context, id string) (client.Client, error) {
	uri, ok := c[id]
	switch {
	case id == "down":
		return client.Client{}, store.ErrUnavailable
	case !ok:
		return client.Client{}, store.ErrNotFound
	}
	return client.Client{ID: id, Name: "The " + id, PostLogoutRedirectURIs: []string{uri}, Created: made}, nil
}

// keys believe a token that says by itself what its claims are.
type keys struct{}

func (keys) Verify(_ context.Context, token string, claims any) error {
	switch token {
	case "forged":
		return errors.New("forged")
	case "down":
		return store.ErrUnavailable
	}
	return json.Unmarshal([]byte(token), claims)
}

func token(change ...string) string {
	claims := map[string]any{"iss": "https://id.example", "sub": "ana", "aud": []string{"shop"}, "sid": "s1", "iat": made.Unix()}
	for i := 0; i < len(change); i += 2 {
		delete(claims, change[i])
		var value any
		if json.Unmarshal([]byte(change[i+1]), &value) == nil {
			claims[change[i]] = value
		}
	}
	text, _ := json.Marshal(claims)
	return string(text)
}

// TestRead sweeps what a hint may say with what may stand beside it: whoever lacks one thing gets no address.
func TestRead(t *testing.T) {
	x := &logout.Reader{Issuer: "https://id.example", Keys: keys{}, Clients: clients{"shop": "https://shop.example/out", "till": "https://till.example/out"}}
	for _, tt := range []struct {
		name, hint, client, redirect string
		want                         string // the client, and whether a redirect is allowed; or the code of the error
	}{
		{"nothing", "", "", "", ""},
		{"client", "", "shop", "", "shop"},
		{"client and address", "", "shop", "https://shop.example/out", "shop there"},
		{"client and the address of another", "", "shop", "https://till.example/out", "invalid_request"},
		{"address alone", "", "", "https://shop.example/out", "invalid_request"},
		{"unknown client", "", "none", "", "invalid_client"},
		{"hint", token(), "", "", "shop"},
		{"hint and address", token(), "", "https://shop.example/out", "shop there"},
		{"hint, client and address", token(), "shop", "https://shop.example/out", "shop there"},
		{"hint with one audience as a text", token("aud", `"shop"`), "", "https://shop.example/out", "shop there"},
		{"hint and another client", token(), "till", "https://till.example/out", "invalid_request"},
		{"hint of another issuer", token("iss", `"https://evil.example"`), "", "https://shop.example/out", "invalid_request"},
		{"hint without a user", token("sub", ""), "", "https://shop.example/out", "invalid_request"},
		{"hint without a client", token("aud", ""), "shop", "https://shop.example/out", "invalid_request"},
		{"hint for two", token("aud", `["shop","till"]`), "shop", "https://shop.example/out", "invalid_request"},
		{"hint that is a security event", token("events", `{"x":{}}`), "", "https://shop.example/out", "invalid_request"},
		{"hint of a client that is gone", token("aud", `["gone"]`), "", "", "invalid_client"},
		{"hint from before the client", token("iat", "1"), "", "https://shop.example/out", "invalid_client"},
		{"forged hint", "forged", "shop", "https://shop.example/out", "invalid_request"},
	} {
		r, err := x.Read(t.Context(), url.Values{"id_token_hint": {tt.hint}, "client_id": {tt.client}, "post_logout_redirect_uri": {tt.redirect}})
		if got := outcome(r, err); got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for _, form := range []url.Values{{"id_token_hint": {"down"}}, {"client_id": {"down"}}} {
		if _, err := x.Read(t.Context(), form); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v: %v, want %v", form, err, store.ErrUnavailable)
		}
	}
	x.Keys = nil
	if r, err := x.Read(t.Context(), url.Values{"id_token_hint": {token()}}); outcome(r, err) != "invalid_request" {
		t.Errorf("without keys a hint is read as %+v, %v", r, err)
	}
}

// outcome is what came of a request in a few words.
func outcome(r *logout.Request, err error) string {
	var refused *logout.Error
	var general *interaction.RequestError
	switch {
	case errors.As(err, &refused) && errors.As(err, &general):
		return general.Code
	case err != nil:
		return err.Error()
	case r.Destination() != "":
		return r.Client + " there"
	}
	return r.Client
}

// TestRepeats refuses each parameter that is there twice, known or not.
func TestRepeats(t *testing.T) {
	x := &logout.Reader{Keys: keys{}, Clients: clients{}}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint", "ui_locales", "unknown"} {
		_, err := x.Read(t.Context(), url.Values{name: {"a", "a"}})
		if err == nil || !strings.Contains(err.Error(), "The parameter "+name+" was sent twice.") {
			t.Errorf("%s twice: %v", name, err)
		}
	}
}

// TestForm asks for the same once more.
func TestForm(t *testing.T) {
	x := &logout.Reader{Clients: clients{"shop": "https://shop.example/out"}}
	want := logout.Request{Client: "shop", ClientName: "The shop", Redirect: "https://shop.example/out", State: "s", Locales: "de"}
	form := url.Values{}
	for name, value := range want.Form() {
		form.Set(name, value)
	}
	if got, err := x.Read(t.Context(), form); err != nil || *got != want {
		t.Errorf("the form is read as %+v, %v, want %+v", got, err, want)
	}
}
