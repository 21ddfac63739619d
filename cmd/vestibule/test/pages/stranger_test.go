package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// TestStrangersPages looks at the consent page of apps that nobody has looked at: one that has registered itself, and one
// whose id is the address of its document.
func TestStrangersPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.Registration, c.ClientMetadataDocuments = "open", true })
	s.AddUser("ana")
	g := newGallery(t, s.NewTab(t))
	self := register(t, s, `{"client_name": "Editor", "redirect_uris": ["https://editor.example/callback"], "client_uri": "https://editor.example/",
		"policy_uri": "https://editor.example/privacy", "tos_uri": "https://editor.example/terms"}`)
	g.SignInAs(request(s, self), "ana").At("consent", "initial")
	g.warns("This app registered itself.")
	g.show("consent-self-registered")

	document := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"client_id": "http://%s/client.json", "client_name": "Notes", "redirect_uris": ["https://editor.example/callback"]}`, r.Host)
	}))
	t.Cleanup(document.Close)
	g.Open(request(s, document.URL+"/client.json")).At("consent", "initial")
	g.warns("This app says of itself that it belongs to " + strings.TrimPrefix(document.URL, "http://"))
	g.show("consent-document")
}

// warns fails the test unless the page has a warning that begins so.
func (g *gallery) warns(want string) {
	g.T.Helper()
	if got := servertest.Evaluate[string](g.Tab, `document.querySelector(".warn").innerText`); !strings.HasPrefix(got, want) {
		g.T.Errorf("the page warns %q, want %q", got, want)
	}
}

// register registers a client by its metadata (RFC 7591), and returns its id.
func register(t *testing.T, s *servertest.Site, metadata string) string {
	t.Helper()
	response, err := http.Post(s.Config.Issuer+"/register", "application/json", strings.NewReader(metadata))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("registration answers %d: %v", response.StatusCode, err)
	}
	s.KeepSecret(got.Secret)
	return got.ID
}

// request is an authorization request of a client at editor.example.
func request(s *servertest.Site, id string) string {
	q := url.Values{"client_id": {id}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {"https://editor.example/callback"}, "state": {"a state of the app"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
	return s.Config.Issuer + "/authorize?" + q.Encode()
}
