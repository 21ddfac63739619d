package protocol

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/client"
	"vestibule/provider/resource"
)

// TestModelContextProtocol has an unmodified client of the Model Context Protocol, which knows the address of an MCP server, find
// out from the answers of the guard whom to ask and for what, sign its user in, call a tool, and refresh by itself: with a client
// id of its own, without one, so that it registers itself, or with the address of its metadata document.
func TestModelContextProtocol(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	mux := http.NewServeMux()
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	address := front.URL + "/mcp"
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration, func(c *config.Config) {
		c.RegistrationScopes, c.RegistrationAudiences = []string{"tools", "offline_access"}, []string{address}
		c.ClientMetadataDocuments = true
	})
	document := newPublisher(t, `{"client_id": "SELF", "client_name": "Editor", "redirect_uris": ["`+mcpRedirect+`"]}`)
	document.serveTLS(t)
	s.Roots = document.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	s.Start(1)
	user := s.AddUser("ana")
	_, hash := client.NewSecret()
	now := s.Clock.Now()
	api := client.Client{ID: "tools", SecretHash: hash, ResourceServer: true, ResourceURIs: []string{address}, ResourceScopes: []string{"tools"},
		AccessTokenFormat: client.FormatJWT, Created: now, Updated: now}
	if err := s.Store.CreateClient(t.Context(), api); err != nil {
		t.Fatal(err)
	}
	s.NewClient(t, "editor", func(c *client.Client) {
		c.Public, c.RedirectURIs, c.Scopes, c.Audiences = true, []string{mcpRedirect}, []string{"tools", "offline_access"}, []string{address}
	})
	guard, err := resource.New(resource.Config{Resource: address, Issuer: s.Config.Issuer, Keys: s.Config.Issuer + "/jwks",
		Scopes: []string{"tools", "offline_access"}, Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle(guard.Metadata())
	mux.Handle("/mcp", guard.Require(resource.Rule{}, http.HandlerFunc(serveTools)))
	for _, id := range []string{"editor", "", document.id()} {
		settings := map[string]string{"server": address, "client": id}
		if client.IsAddress(id) {
			settings = map[string]string{"server": address, "document": id}
		}
		got := useTool(t, s, modules, settings)
		if want := user.Subject + " of " + got.Client; got.Said != want || got.Later != want || !got.Renewed || got.Scope != "tools" || id != "" && got.Client != id {
			t.Errorf("the client %q learns %+v, want %q twice, with a renewed token for tools", id, got, want)
		}
		if c, err := s.Store.Client(t.Context(), got.Client); err != nil || c.IsStrange() != (id != "editor") {
			t.Errorf("the client is %+v, %v", c, err)
		}
	}
}

const mcpRedirect = "http://127.0.0.1:7777/callback"

// toolUse is what an MCP client has learnt.
type toolUse struct {
	Said, Later, Scope, Client string
	Renewed                    bool
}

// useTool runs an MCP client with these settings until it has called the tool of a server.
func useTool(t *testing.T, s *servertest.Site, modules string, settings map[string]string) (end toolUse) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "node", "mcp.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	settings["redirect"] = mcpRedirect
	program := startScript(t, modules, settings, "main.mjs", string(script))
	var begin struct{ Address string }
	program.read(&begin)
	p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
	if p.Left == nil {
		t.Fatalf("the browser is at %s, want the client", p.Address)
	}
	program.write(map[string]string{"address": p.Left.String()})
	program.read(&end)
	return end
}

// serveTools is an MCP server with one tool, which says who calls it.
func serveTools(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost { // it has no news to tell by itself
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var call struct {
		ID     any    `json:"id"`
		Method string `json:"method"`
		Params struct {
			Version string `json:"protocolVersion"`
		} `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	token, _ := resource.FromContext(r.Context())
	results := map[string]any{
		"initialize": map[string]any{"protocolVersion": call.Params.Version, "capabilities": map[string]any{"tools": map[string]any{}},
			"serverInfo": map[string]string{"name": "tools", "version": "1"}},
		"tools/call": map[string]any{"content": []map[string]string{{"type": "text", "text": token.Subject + " of " + token.ClientID}}},
	}
	if results[call.Method] == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": results[call.Method]})
}
