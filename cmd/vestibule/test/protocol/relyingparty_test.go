package protocol

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/client"
)

// TestGoRelyingParty signs in to an unmodified go-oidc and x/oauth2.
func TestGoRelyingParty(t *testing.T) {
	t.Parallel()
	eachKindOfClient(t, func(t *testing.T, s *servertest.Site, c *servertest.Client) {
		ana := s.AddUser("ana")
		v := c.BeginOffline()
		r := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow())
		if r.Subject != ana.Subject {
			t.Errorf("sub is %q, want %q", r.Subject, ana.Subject)
		}
		checkUserInfo(t, c, r.Token, ana)

		renewed, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		c.Read(renewed).Same(t, r)
		checkUserInfo(t, c, renewed, ana)
	})
}

// TestNodeRelyingParty signs in to an unmodified openid-client of npm.
func TestNodeRelyingParty(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	eachKindOfClient(t, func(t *testing.T, s *servertest.Site, c *servertest.Client) {
		ana := s.AddUser("ana")
		program := startNode(t, modules, c)
		var begin struct{ Address string }
		program.read(&begin)
		p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
		if p.Left == nil {
			t.Fatalf("the browser is at %s, want the client", p.Address)
		}
		program.write(map[string]string{"address": p.Left.String()})

		var end struct {
			Claims, Renewed servertest.Claims
			UserInfo        struct{ Sub, Email string } `json:"userinfo"`
			Scope           string
			Refused         string // the error of a refresh after the revocation
		}
		program.read(&end)
		got := servertest.Tokens{Claims: end.Claims}.Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		servertest.Tokens{Claims: end.Renewed}.Same(t, got)
		if end.UserInfo.Sub != ana.Subject || end.UserInfo.Email != ana.Email {
			t.Errorf("userinfo says %+v, want %q and %q", end.UserInfo, ana.Subject, ana.Email)
		}
		if end.Refused != "invalid_grant" {
			t.Errorf("a refresh after the revocation gets %q, want invalid_grant", end.Refused)
		}
	})
}

// TestNodePrivateKeyJWT signs in to an unmodified openid-client that authenticates by a key, and signs its request with it.
func TestNodePrivateKeyJWT(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	s := servertest.New(t, servertest.SQLite(t))
	phone := servertest.NewEnrolled(t, s, 1).Phone
	for _, key := range []*servertest.ClientKey{servertest.NewClientKey(t, "p-256"), servertest.NewEd25519ClientKey(t, "ed25519")} {
		s.Clock.Advance(servertest.Step)
		c := s.NewClient(t, "bank-"+key.ID(), byKey(key), func(c *client.Client) { c.RequireSignedRequestObject = true })
		settings := nodeSettings(c)
		settings["authentication"], settings["key"], settings["signedRequest"] = "key", key.Private(), "yes"
		script, err := os.ReadFile(filepath.Join("testdata", "node", "relying-party.mjs"))
		if err != nil {
			t.Fatal(err)
		}
		program := startScript(t, modules, settings, "main.mjs", string(script))
		var begin struct{ Address string }
		program.read(&begin)
		p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).GiveCode(phone.Code(0)).Allow()
		program.write(map[string]string{"address": p.Left.String()})
		var end struct {
			Claims, Renewed servertest.Claims
			Refused         string
		}
		program.read(&end)
		got := servertest.Tokens{Claims: end.Claims}.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		servertest.Tokens{Claims: end.Renewed}.Same(t, got)
		if end.Refused != "invalid_grant" {
			t.Errorf("a refresh after the revocation gets %q, want invalid_grant", end.Refused)
		}
	}
}

// TestNodeReadsTheIDToken is an unmodified openid-client that shows its user what the ID token says, as Auth.js does.
func TestNodeReadsTheIDToken(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	s := servertest.New(t, servertest.SQLite(t))
	ana := s.AddUser("ana", everyClaim)
	c := s.NewClient(t, "shop", func(c *client.Client) { c.IDTokenClaims = []string{"profile", "email"} })
	c.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	program := startNode(t, modules, c)
	var begin struct{ Address string }
	program.read(&begin)
	p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
	program.write(map[string]string{"address": p.Left.String()})

	type person struct{ Sub, Name, Email, Picture string }
	var end struct{ Claims, Renewed, UserInfo person }
	program.read(&end)
	want := person{ana.Subject, ana.Name, ana.Email, "https://example.com/ana.png"}
	if end.Claims != want || end.Renewed != want || end.UserInfo != want {
		t.Errorf("the program learns %+v, want %+v in each place", end, want)
	}
}

// TestNodeFormPost signs in to an unmodified openid-client that is answered in a form: with a code, and with an ID token alone.
func TestNodeFormPost(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	s := servertest.New(t, servertest.SQLite(t))
	ana := s.AddUser("ana")
	script, err := os.ReadFile(filepath.Join("testdata", "node", "relying-party.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range client.ResponseTypes {
		c := s.NewClient(t, "shop-"+kind, func(c *client.Client) { c.ResponseTypes = []string{kind} })
		c.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		settings := nodeSettings(c)
		settings["mode"], settings["type"] = "form_post", kind
		program := startScript(t, modules, settings, "main.mjs", string(script))
		var begin struct{ Address string }
		program.read(&begin)
		p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
		if !p.Posted {
			t.Fatalf("%s: the answer came in the address %s", kind, p.Left)
		}
		form := p.Left.RawQuery
		p.Left.RawQuery = ""
		program.write(map[string]string{"address": p.Left.String(), "form": form})
		var end struct{ Claims servertest.Claims }
		program.read(&end)
		if end.Claims.Subject != ana.Subject {
			t.Errorf("%s: sub is %q, want %q", kind, end.Claims.Subject, ana.Subject)
		}
	}
}

// TestNodePushes signs in to an unmodified openid-client that pushes its requests, and has the answers signed.
func TestNodePushes(t *testing.T) {
	t.Parallel()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.RequirePushedRequests = true })
	ana := s.AddUser("ana")
	script, err := os.ReadFile(filepath.Join("testdata", "node", "relying-party.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		style  oauth2.AuthStyle
		signed string
		change func(c *client.Client)
	}{
		"basic":  {oauth2.AuthStyleInHeader, "", func(*client.Client) {}},
		"signed": {oauth2.AuthStyleInParams, "yes", func(c *client.Client) { c.AnswerAlg = client.PS256 }},
		"public": {oauth2.AuthStyleInParams, "yes", func(c *client.Client) {
			c.Public, c.RedirectURIs = true, []string{"http://127.0.0.1:39217/callback"}
		}},
	} {
		c := s.NewClient(t, name, tt.change)
		c.OAuth.Endpoint.AuthStyle = tt.style
		settings := nodeSettings(c)
		settings["pushed"], settings["signed"] = "yes", tt.signed
		program := startScript(t, modules, settings, "main.mjs", string(script))
		var begin struct{ Address string }
		program.read(&begin)
		p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
		if signed := p.Left.Query().Has("response"); signed != (tt.signed != "") {
			t.Errorf("%s: the answer is %s", name, p.Left)
		}
		program.write(map[string]string{"address": p.Left.String()})
		var end struct{ Claims servertest.Claims }
		program.read(&end)
		if end.Claims.Subject != ana.Subject {
			t.Errorf("%s: sub is %q, want %q", name, end.Claims.Subject, ana.Subject)
		}
	}
}

// eachKindOfClient runs the test with every way to authenticate a client and every algorithm.
func eachKindOfClient(t *testing.T, test func(t *testing.T, s *servertest.Site, c *servertest.Client)) {
	for _, tt := range []struct {
		name   string
		style  oauth2.AuthStyle
		change func(*client.Client)
	}{
		{"basic RS256", oauth2.AuthStyleInHeader, func(c *client.Client) {}},
		{"basic PS256", oauth2.AuthStyleInHeader, func(c *client.Client) { c.IDTokenAlg = client.PS256 }},
		{"basic EdDSA", oauth2.AuthStyleInHeader, func(c *client.Client) { c.IDTokenAlg = client.EdDSA }},
		{"post ES256", oauth2.AuthStyleInParams, func(c *client.Client) { c.IDTokenAlg = client.ES256 }},
		{"public ES256", oauth2.AuthStyleInParams, func(c *client.Client) {
			c.Public, c.IDTokenAlg = true, client.ES256
			c.RedirectURIs = []string{"http://127.0.0.1:39217/callback"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := servertest.New(t, servertest.SQLite(t))
			c := s.NewClient(t, "shop", tt.change)
			c.OAuth.Endpoint.AuthStyle = tt.style
			test(t, s, c)
		})
	}
}

func checkUserInfo(t *testing.T, c *servertest.Client, tokens *oauth2.Token, want account.Account) {
	t.Helper()
	info, err := c.Provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tokens))
	if err != nil {
		t.Fatalf("userinfo: %v", err)
	}
	var names struct {
		Name     string
		Username string `json:"preferred_username"`
	}
	if err := info.Claims(&names); err != nil {
		t.Fatalf("userinfo: %v", err)
	}
	if info.Subject != want.Subject || info.Email != want.Email || !info.EmailVerified || names.Name != want.Name || names.Username != want.Username {
		t.Errorf("userinfo says %+v and %+v, want %+v", info, names, want)
	}
}

// node is a program under way that speaks JSON lines.
type node struct{ *servertest.Node }

func startNode(t *testing.T, modules string, c *servertest.Client) *node {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "node", "relying-party.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	return startScript(t, modules, nodeSettings(c), "main.mjs", string(script))
}

// startScript runs a script beside those of testdata/node and gives it the client's settings.
func startScript(t *testing.T, modules string, settings map[string]string, name, script string) *node {
	t.Helper()
	n := &node{servertest.StartNode(t, modules, filepath.Join("testdata", "node"), name, script)}
	n.write(settings)
	return n
}

// settings are what an administrator gives the program.
func nodeSettings(c *servertest.Client) map[string]string {
	authentication := map[oauth2.AuthStyle]string{oauth2.AuthStyleInHeader: "basic", oauth2.AuthStyleInParams: "post"}[c.OAuth.Endpoint.AuthStyle]
	if c.OAuth.ClientSecret == "" {
		authentication = "none"
	}
	return map[string]string{
		"issuer": c.Site.Config.Issuer, "client": c.OAuth.ClientID, "secret": c.OAuth.ClientSecret,
		"authentication": authentication, "algorithm": c.Algorithm, "redirect": c.OAuth.RedirectURL,
		"scope": "openid profile email offline_access",
	}
}

func (n *node) write(value any) {
	n.T.Helper()
	n.Write(value)
}

func (n *node) read(value any) {
	n.T.Helper()
	n.Read(value)
}

// TestServerAlgorithm signs with the algorithm of the settings for clients that have no wish.
func TestServerAlgorithm(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.SigningAlgorithm = client.ES256 })
	s.AddUser("ana")
	c := s.NewClient(t, "shop", func(c *client.Client) { c.IDTokenAlg = "" })
	c.Verifier = c.Provider.Verifier(&oidc.Config{ClientID: "shop", Now: s.Clock.Now, SupportedSigningAlgs: []string{"ES256"}})
	v := c.Begin()
	v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow())
}

// TestMetadata reads the discovery document as a client's author does.
func TestMetadata(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := s.NewClient(t, "shop")
	var got struct {
		Issuer     string   `json:"issuer"`
		ACR        []string `json:"acr_values_supported"`
		PKCE       []string `json:"code_challenge_methods_supported"`
		Scopes     []string `json:"scopes_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		ISS        bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := c.Provider.Claims(&got); err != nil {
		t.Fatalf("discovery: %v", err)
	}
	if got.Issuer != s.Config.Issuer || !got.ISS {
		t.Errorf("the metadata say issuer %q, iss parameter %t; want %q, true", got.Issuer, got.ISS, s.Config.Issuer)
	}
	for _, tt := range []struct {
		name      string
		got, want []string
	}{
		{"code_challenge_methods_supported", got.PKCE, []string{"S256"}},
		{"acr_values_supported", got.ACR, []string{
			"aal1", "http://idmanagement.gov/ns/assurance/aal/1", "1",
			"aal2", "https://refeds.org/profile/mfa", "http://idmanagement.gov/ns/assurance/aal/2",
			"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "2",
		}},
		{"scopes_supported", got.Scopes, []string{"openid", "profile", "email", "address", "phone", "groups", "offline_access"}},
		{"id_token_signing_alg_values_supported", got.Algorithms, []string{"RS256", "ES256", "PS256", "EdDSA"}},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s is %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
