package protocol

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// registered is what the registration endpoints answer with.
type registered struct {
	status  int
	header  http.Header
	members map[string]any
}

func (r registered) text(name string) string {
	text, _ := r.members[name].(string)
	return text
}

// register sends a document, or whatever it is, with a bearer token if there is one.
func register(t *testing.T, s *servertest.Site, method, address, token string, document any) registered {
	t.Helper()
	data, isText := document.(string)
	if !isText {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		data = string(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err) // from any goroutine
		return registered{}
	}
	defer response.Body.Close()
	got := registered{status: response.StatusCode, header: response.Header}
	if response.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(response.Body).Decode(&got.members); err != nil {
			t.Errorf("%s %s answers %d without JSON: %v", method, address, response.StatusCode, err)
		}
	}
	for _, name := range []string{"client_secret", "registration_access_token"} {
		if secret := got.text(name); secret != "" {
			s.KeepSecret(secret)
		}
	}
	return got
}

func endpoint(s *servertest.Site) string { return s.Config.Issuer + "/register" }

// ok fails the test unless the client was registered, and returns it as a relying party.
func (r registered) ok(t *testing.T, s *servertest.Site) *servertest.Client {
	t.Helper()
	if r.status != http.StatusCreated {
		t.Fatalf("the registration is answered with %d, %v", r.status, r.members)
	}
	uris, _ := r.members["redirect_uris"].([]any)
	return s.Discover(t, client.Client{ID: r.text("client_id"), RedirectURIs: []string{uris[0].(string)}, IDTokenAlg: r.text("id_token_signed_response_alg")}, r.text("client_secret"))
}

// TestRegistrationWithAllMetadata has a client register all that it can, sign in a user with two steps, who is told that it
// registered itself, read, change and remove what it has registered; with that all ends.
func TestRegistrationWithAllMetadata(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OpenRegistration, func(t *testing.T, s *servertest.Site) {
		user := servertest.NewEnrolled(t, s, 2)
		s.Clock.Advance(servertest.Step)
		document := map[string]any{
			"redirect_uris": []string{servertest.ReturnURI, "https://shop.example/other"}, "client_name": "Corner Shop", "application_type": "web",
			"grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}, "token_endpoint_auth_method": "client_secret_post",
			"id_token_signed_response_alg": "RS256", "post_logout_redirect_uris": []string{"https://shop.example/bye"}, "request_uris": []string{"https://shop.example/request#x"},
			"jwks_uri": "https://shop.example/keys", "scope": "openid email offline_access payments",
		}
		more := map[string]any{"two_steps": "required", "consent": "never", "public": true, "client_id": "mine", "client_secret": "mine", "registered_by": "", "wishes": 3, "logo#ja": "x", "contacts": nil}
		for name, value := range document {
			more[name] = value
		}
		first := register(t, s, http.MethodPost, endpoint(s), "", more)
		c := first.ok(t, s)
		want := map[string]any{"client_secret_expires_at": 0.0, "client_id_issued_at": float64(s.Clock.Now().Unix()), "registration_client_uri": endpoint(s) + "/" + c.OAuth.ClientID,
			"client_id": c.OAuth.ClientID, "client_secret": c.OAuth.ClientSecret, "registration_access_token": first.text("registration_access_token"), "scope": "openid email offline_access"}
		for name, value := range document {
			if want[name] == nil {
				want[name] = value
			}
		}
		sameJSON(t, "the answer", first.members, want)
		if first.header.Get("Cache-Control") != "no-store" || len(c.OAuth.ClientSecret) < 40 {
			t.Errorf("header %v, secret of %d characters", first.header, len(c.OAuth.ClientSecret))
		}
		c.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		b := s.NewBrowser(t)
		v := c.Begin("scope", "openid email offline_access")
		consent := v.SignIn(b, user.User).GiveCode(user.Phone.Code(0)).At("consent", "initial")
		if text := consent.Text(); !strings.Contains(text, "Corner Shop") || !strings.Contains(text, "registered itself") || strings.Contains(text, "your organisation") {
			t.Errorf("the consent page says %s", text)
		}
		r := v.Finish(consent.Press("Allow")).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

		managed(t, s, c, first, document, want, b, r)
	})
}

// managed has the client read, change and remove what it has registered.
func managed(t *testing.T, s *servertest.Site, c *servertest.Client, first registered, document, want map[string]any, b *servertest.Browser, r servertest.Tokens) {
	t.Helper()
	address, token := first.text("registration_client_uri"), first.text("registration_access_token")
	delete(want, "client_secret")
	sameJSON(t, "what it reads", register(t, s, http.MethodGet, address, token, "").members, want)
	document["client_id"], document["redirect_uris"], document["client_name"] = c.OAuth.ClientID, []string{"https://shop.example/other"}, "Shop of Others"
	delete(document, "request_uris")
	changed := register(t, s, http.MethodPut, address, token, document)
	if changed.status != http.StatusOK || changed.text("client_name") != "Shop of Others" || changed.members["request_uris"] != nil || changed.members["client_secret"] != nil {
		t.Errorf("the change is answered with %d, %v", changed.status, changed.members)
	}
	if got, err := s.Store.Client(t.Context(), c.OAuth.ClientID); err != nil || got.RegisteredBy != client.ByItself || got.Consent != client.ConsentAsk || got.TwoSteps != "" || got.Public {
		t.Errorf("the client is %+v, %v", got, err)
	}
	s.Clock.Advance(4 * time.Second) // until the other server has read it
	if page := b.Open(c.Begin("prompt", "none").Address); page.Left != nil || page.State != "request" {
		t.Errorf("the old redirect URI leads to page %q, state %q, %v", page.Name, page.State, page.Left)
	}
	c.OAuth.RedirectURL = "https://shop.example/other"
	tokens, err := c.Refresh(r.Token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh after the change: %v", err)
	}
	s.KeepSecret(tokens.AccessToken)
	s.KeepSecret(tokens.RefreshToken)
	removed(t, s, c, first, document, tokens)
}

// removed has the client remove itself, and all that has come of it.
func removed(t *testing.T, s *servertest.Site, c *servertest.Client, first registered, document map[string]any, tokens *oauth2.Token) {
	t.Helper()
	address, token := first.text("registration_client_uri"), first.text("registration_access_token")
	if got := register(t, s, http.MethodDelete, address, token, ""); got.status != http.StatusNoContent {
		t.Errorf("its end is answered with %d, %v", got.status, got.members)
	}
	if code := s.UserInfo(tokens.AccessToken); code != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d to a client that is gone", code)
	}
	s.Clock.Advance(4 * time.Second)
	if _, err := c.Refresh(tokens.RefreshToken); err == nil {
		t.Error("a client that is gone can refresh")
	}
	if _, err := s.Store.Client(t.Context(), c.OAuth.ClientID); err == nil {
		t.Error("the client is there")
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if got := register(t, s, method, address, token, document); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s of a client that is gone: %d, %v", method, got.status, got.members)
		}
	}
	for _, kind := range []string{"client.registered", "client.changed", "client.removed"} {
		if !slices.ContainsFunc(s.Events(t, "", kind), func(e audit.Recorded) bool {
			return e.Client == c.OAuth.ClientID && e.Actor == "client" && e.Address != ""
		}) {
			t.Errorf("there is no %s of the client", kind)
		}
	}
}

// sameJSON compares two values as their JSON.
func sameJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) {
		t.Errorf("%s is\n%s\nwant\n%s", what, a, b)
	}
}

// TestRegistrationIsRefused: each fault has its code, its field, and nothing is registered.
func TestRegistrationIsRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration, func(c *config.Config) {
		c.RegistrationRedirects = []string{"shop.example", "*.shop.example", "localhost", "vscode:"}
		c.RegistrationAuthMethods = []string{"client_secret_basic", "private_key_jwt", "none"}
	})
	uri := func(uri string) string {
		return `{"token_endpoint_auth_method": "none", "redirect_uris": ["` + uri + `"]}`
	}
	with := func(member string) string { return `{"redirect_uris": ["https://shop.example/cb"], ` + member + `}` }
	for document, want := range map[string]string{
		uri("https://shop.example/cb#frag"):       "invalid_redirect_uri redirect_uris",
		uri("https://shop.example/cb?code=x"):     "invalid_redirect_uri redirect_uris",
		uri("https://*.shop.example/cb"):          "invalid_redirect_uri wildcard",
		uri("http://shop.example/cb"):             "invalid_redirect_uri must be https",
		uri("javascript:alert(1)"):                "invalid_redirect_uri browser would run",
		uri("data:text/html,x"):                   "invalid_redirect_uri browser would run",
		uri("https://elsewhere.example/cb"):       "invalid_redirect_uri another address",
		uri("https://shop.example.attacker.test"): "invalid_redirect_uri another address",
		uri("cursor://x/cb"):                      "invalid_redirect_uri another address",
		`{"redirect_uris": ["vscode://x/cb"]}`:    "invalid_redirect_uri public clients only",
		`{}`:                                      "invalid_redirect_uri redirect_uris: a client needs at least one",
		with(`"application_type": "web", "redirect_uris": ["http://localhost/cb"]`): "invalid_client_metadata application_type: redirect URI",
		`{"redirect_uris": "https://shop.example/cb"}`:                              "invalid_redirect_uri redirect_uris: it must be a list",
		`{"redirect_uris": ["https://shop.example/cb"`:                              "invalid_client_metadata JSON object",
		`[]`:                              "invalid_client_metadata JSON object",
		with(`"client_name": 7`):          "invalid_client_metadata client_name: it must be a text",
		with(`"client_name": "a\u202eb"`): "invalid_client_metadata client_name",
		with(`"grant_types": ["client_credentials"]`):                                              "invalid_client_metadata grant_types: client_credentials",
		with(`"grant_types": ["implicit"]`):                                                        "invalid_client_metadata grant_types",
		with(`"response_types": ["token"]`):                                                        "invalid_client_metadata response_types",
		with(`"token_endpoint_auth_method": "client_secret_post"`):                                 "invalid_client_metadata token_endpoint_auth_method",
		with(`"token_endpoint_auth_method": "private_key_jwt"`):                                    "invalid_client_metadata token_endpoint_auth_method: a client that authenticates by private_key_jwt needs its public keys",
		with(`"id_token_signed_response_alg": "none"`):                                             "invalid_client_metadata id_token_signed_response_alg",
		with(`"jwks": {"keys": []}`):                                                               "invalid_client_metadata jwks",
		with(`"jwks_uri": "http://shop.example/keys"`):                                             "invalid_client_metadata jwks_uri",
		with(`"jwks_uri": "https://shop.example/k", "jwks": {"keys": [{"kty":"oct","k":"AAAA"}]}`): "invalid_client_metadata jwks",
		with(`"request_uris": ["ftp://shop.example/r"]`):                                           "invalid_client_metadata request_uris",
		with(`"post_logout_redirect_uris": ["https://elsewhere.example/"]`):                        "invalid_client_metadata post_logout_redirect_uris",
		with(`"frontchannel_logout_uri": "https://elsewhere.example/out"`):                         "invalid_client_metadata frontchannel_logout_uri",
		with(`"scope": "payments"`):                                                                "invalid_client_metadata scope",
		with(`"application_type": "desktop"`):                                                      "invalid_client_metadata application_type",
		with(`"contacts": ["` + strings.Repeat("a", 40<<10) + `"]`):                                "invalid_client_metadata 32 KiB",
	} {
		got := register(t, s, http.MethodPost, endpoint(s), "", document)
		code, text, _ := strings.Cut(want, " ")
		if len(document) > 200 {
			document = document[:200]
		}
		if got.status/100 != 4 || got.text("error") != code || !strings.Contains(got.text("error_description"), text) {
			t.Errorf("%s: %d %v, want %s", document, got.status, got.members, want)
		}
	}
	if all, err := s.Store.Clients(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("%d clients are registered, %v", len(all), err)
	}
	for _, document := range []string{uri("https://a.shop.example/cb?a=b"), uri("http://localhost:7777/cb"), uri("vscode://x/cb")} {
		if got := register(t, s, http.MethodPost, endpoint(s), "", document); got.status != http.StatusCreated || got.members["client_secret"] != nil || got.members["client_secret_expires_at"] != nil {
			t.Errorf("%s: %d %v", document, got.status, got.members)
		}
	}
	if got := register(t, s, http.MethodPost, endpoint(s), "wrong", uri("https://shop.example/cb")); got.status != http.StatusUnauthorized || got.text("error") != "invalid_token" {
		t.Errorf("with a wrong token: %d %v", got.status, got.members)
	}
}

// TestManagementIsTheClientsOwn: a token opens its own client, and a change cannot take what is not the client's to say.
func TestManagementIsTheClientsOwn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}}
	one := register(t, s, http.MethodPost, endpoint(s), "", document)
	other := register(t, s, http.MethodPost, endpoint(s), "", document)
	shop := s.NewClient(t, "shop") // which has registered nothing itself
	address, token := one.text("registration_client_uri"), one.text("registration_access_token")
	for name, got := range map[string]registered{
		"of another client": register(t, s, http.MethodGet, address, other.text("registration_access_token"), ""),
		"a client secret":   register(t, s, http.MethodGet, address, one.text("client_secret"), ""),
		"none":              register(t, s, http.MethodGet, address, "", ""),
		"an operator's":     register(t, s, http.MethodDelete, endpoint(s)+"/"+shop.OAuth.ClientID, token, ""),
		"of nobody":         register(t, s, http.MethodDelete, endpoint(s)+"/nobody", token, ""),
	} {
		if got.status != http.StatusUnauthorized || got.text("error") != "invalid_token" {
			t.Errorf("%s: %d %v", name, got.status, got.members)
		}
	}
	if _, err := operator.New(s.Store, s.Store, "cli:1").UpdateClient(t.Context(), one.text("client_id"), func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired }); err != nil {
		t.Fatal(err)
	}
	for name, member := range map[string][2]any{
		"client_id":                 {"client_id", "other"},
		"client_secret":             {"client_secret", "another one of my own choice, long as it may be"},
		"registration_access_token": {"registration_access_token", token},
	} {
		document["client_id"] = one.text("client_id")
		before := document[member[0].(string)]
		document[member[0].(string)] = member[1]
		if got := register(t, s, http.MethodPut, address, token, document); got.text("error") != "invalid_client_metadata" || !strings.Contains(got.text("error_description"), name) {
			t.Errorf("a change with %s: %d %v", name, got.status, got.members)
		}
		document[member[0].(string)] = before
	}
	document["client_id"], document["client_secret"], document["two_steps"], document["token_endpoint_auth_method"] = one.text("client_id"), one.text("client_secret"), "", "none"
	if got := register(t, s, http.MethodPut, address, token, document); got.status != http.StatusOK || got.members["client_secret_expires_at"] != nil {
		t.Errorf("it becomes public: %d %v", got.status, got.members)
	}
	if c, err := s.Store.Client(t.Context(), one.text("client_id")); err != nil || c.TwoSteps != client.TwoStepsRequired || !c.Public || c.SecretHash != "" {
		t.Errorf("the client is %+v, %v", c, err)
	}
	delete(document, "client_secret")
	delete(document, "token_endpoint_auth_method")
	if got := register(t, s, http.MethodPut, address, token, document); got.status != http.StatusOK || got.text("client_secret") == "" || got.text("client_secret") == one.text("client_secret") {
		t.Errorf("it has a secret again: %d %v", got.status, got.members)
	}
}

// TestRegistrationLimit has fifty come at once to two servers, where twenty may.
func TestRegistrationLimit(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OpenRegistration, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		counts := map[int]int{}
		for _, got := range servertest.AtOnce(50, func(int) registered {
			return register(t, s, http.MethodPost, endpoint(s), "", map[string]any{"redirect_uris": []string{servertest.ReturnURI}})
		}) {
			counts[got.status]++
			if got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") == "" {
				t.Error("nobody is told when to come again")
			}
		}
		if counts[http.StatusCreated] != s.Config.RegistrationPerHour || counts[http.StatusTooManyRequests] != 50-s.Config.RegistrationPerHour {
			t.Errorf("answers by status: %v", counts)
		}
	})
}

// TestInitialAccessToken: where one is wanted nobody registers without, and it is good so often.
func TestInitialAccessToken(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.Registration = "token" }, func(t *testing.T, s *servertest.Site) {
		o := operator.New(s.Store, s.Store, "cli:1")
		o.Now = s.Clock.Now
		_, token, err := o.MakeInitialToken(t.Context(), 3, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(token)
		document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}}
		if got := register(t, s, http.MethodPost, endpoint(s), "", document); got.status != http.StatusUnauthorized {
			t.Errorf("without a token: %d %v", got.status, got.members)
		}
		bad := register(t, s, http.MethodPost, endpoint(s), token, map[string]any{"redirect_uris": []string{"https://shop.example/#"}})
		good := 0
		for _, got := range servertest.AtOnce(12, func(int) registered { return register(t, s, http.MethodPost, endpoint(s), token, document) }) {
			if got.status == http.StatusCreated {
				good++
			}
		}
		if bad.status != http.StatusBadRequest || good != 3 {
			t.Errorf("a bad document is answered with %d, and a token for three was good for %d", bad.status, good)
		}
		all, err := s.Store.Clients(t.Context())
		if err != nil || len(all) != 3 || all[0].RegisteredBy != client.ByInitialToken {
			t.Errorf("the clients are %+v, %v", all, err)
		}
		if err := s.First().Do(t.Context(), "unused registrations"); err != nil {
			t.Error(err)
		}
		s.Clock.Advance(s.Config.RegistrationUnused + time.Second)
		if err := s.First().Do(t.Context(), "unused registrations"); err != nil {
			t.Error(err)
		}
		if all, err := s.Store.Clients(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("%d clients are left that nobody uses, %v", len(all), err)
		}
	})
}

// TestRegisteredKeysRotate has a client register where its keys are, authenticate with the issuer as audience, and change them.
// What it names is never asked inside, whatever is set for the clients of operators.
func TestRegisteredKeysRotate(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration, func(c *config.Config) {
		c.FetchNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	one, two := servertest.NewClientKey(t, "one"), servertest.NewClientKey(t, "two")
	var served atomic.Value
	served.Store([]byte(one.JWKS()))
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(served.Load().([]byte)) }))
	t.Cleanup(host.Close)
	document := map[string]any{"redirect_uris": []string{servertest.ReturnURI}, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": host.URL}
	done := register(t, s, http.MethodPost, endpoint(s), "", document)
	c := done.ok(t, s)
	if done.members["client_secret"] != nil {
		t.Error("it has got a secret")
	}
	push := func(what string, key *servertest.ClientKey, want int) {
		t.Helper()
		form := withAssertion(c.Assertion(key, map[string]any{"aud": s.Config.Issuer}), "response_type", "code", "redirect_uri", servertest.ReturnURI, "scope", "openid", "nonce", "n")
		if got := s.Ask(c, s.Config.Issuer+"/par", form); got.Status != want {
			t.Errorf("%s: %+v, want %d", what, got, want)
		}
	}
	push("the first key", one, http.StatusCreated)
	served.Store([]byte(two.JWKS()))
	s.Clock.Advance(time.Minute)
	push("the second key", two, http.StatusCreated)
	push("the first key after that", one, http.StatusUnauthorized)

	document["jwks_uri"], document["client_id"] = "https://10.1.2.3/keys", c.OAuth.ClientID
	if got := register(t, s, http.MethodPut, done.text("registration_client_uri"), done.text("registration_access_token"), document); got.status != http.StatusOK {
		t.Fatalf("the change: %d %v", got.status, got.members)
	}
	push("a key inside", two, http.StatusUnauthorized)
	if !strings.Contains(s.Log.String(), "the address is not allowed: 10.1.2.3") {
		t.Error("the log does not say that the address is not allowed")
	}
}

// TestStrangersHearOfSignOutsOutside: a logout token for a client that registered itself goes to no address inside.
func TestStrangersHearOfSignOutsOutside(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	s.AddUser("ana")
	told := make(chan url.Values, 1)
	host := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		told <- r.PostForm
	}))
	t.Cleanup(host.Close)
	for _, address := range []string{host.URL + "/out", "https://10.1.2.3/out"} {
		c := register(t, s, http.MethodPost, endpoint(s), "", map[string]any{"redirect_uris": []string{servertest.ReturnURI}, "backchannel_logout_uri": address}).ok(t, s)
		v := c.Begin()
		b := s.NewBrowser(t)
		v.Finish(v.SignIn(b, "ana").Allow())
		b.Open("/logout").Press("Sign out")
	}
	if err := s.First().Do(t.Context(), "logout tokens"); err != nil {
		t.Fatal(err)
	}
	select {
	case form := <-told:
		s.KeepSecret(form.Get("logout_token"))
	default:
		t.Error("this machine, which serves itself alone, was told nothing")
	}
	if !strings.Contains(s.Log.String(), "the address is not allowed: 10.1.2.3") {
		t.Error("the log does not say that the address is not allowed")
	}
}

// TestRegisteredSectors: what a client names as its sector vouches for all its redirect URIs, or it is not registered.
func TestRegisteredSectors(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OpenRegistration)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`["https://one.example/callback", "https://two.example/callback", "https://localhost:8443/callback"]`))
	}))
	t.Cleanup(host.Close)
	document := func(sector string, uris ...string) map[string]any {
		d := map[string]any{"redirect_uris": uris, "subject_type": "pairwise"}
		if sector != "" {
			d["sector_identifier_uri"] = sector
		}
		return d
	}
	developer := document(host.URL, "https://localhost:8443/callback")
	developer["application_type"] = "web"
	if done := register(t, s, http.MethodPost, endpoint(s), "", developer); done.status != http.StatusCreated {
		t.Errorf("a site on a loopback address with TLS: %d %v", done.status, done.members)
	}
	good := document(host.URL, "https://one.example/callback", "https://two.example/callback")
	done := register(t, s, http.MethodPost, endpoint(s), "", good)
	if done.status != http.StatusCreated || done.text("subject_type") != "pairwise" || done.text("sector_identifier_uri") != host.URL {
		t.Fatalf("a sector that lists all: %d %v", done.status, done.members)
	}
	for what, bad := range map[string]map[string]any{
		"two hosts and no sector":           document("", "https://one.example/callback", "https://two.example/callback"),
		"a redirect URI that is not listed": document(host.URL, "https://one.example/callback", "https://three.example/callback"),
		"a sector inside":                   document("https://10.1.2.3/sector", "https://one.example/callback"),
	} {
		got := register(t, s, http.MethodPost, endpoint(s), "", bad)
		if got.status != http.StatusBadRequest || !strings.Contains(got.text("error_description"), "sector_identifier_uri") {
			t.Errorf("%s: %d %v", what, got.status, got.members)
		}
	}
	good["client_id"], good["redirect_uris"] = done.text("client_id"), []string{"https://three.example/callback"}
	got := register(t, s, http.MethodPut, done.text("registration_client_uri"), done.text("registration_access_token"), good)
	if got.status != http.StatusBadRequest {
		t.Errorf("a change to a redirect URI that is not listed: %d %v", got.status, got.members)
	}
}
