package protocol

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/resource"
)

// bound is an app that binds its tokens to a key, on a site of two servers which answer in turn.
type bound struct {
	*servertest.Client
	t   *testing.T
	s   *servertest.Site
	b   *servertest.Browser
	ana account.Account
	key *servertest.ProofKey
}

// newBound registers the app and has ana, who has an authenticator, sign in to it with all steps. The trip is before its code
// is exchanged.
func newBound(t *testing.T, s *servertest.Site, change ...func(*client.Client)) (a *bound, v *servertest.Trip, code string) {
	t.Helper()
	ana := s.AddUser("ana")
	phone, _ := s.NewBrowser(t).Enrol("ana")
	s.Clock.Advance(servertest.Step)
	a = &bound{Client: s.NewClient(t, "shop", change...), t: t, s: s, b: s.NewBrowser(t), ana: ana, key: s.NewProofKey(t)}
	s.Start(2)
	v = a.Begin("scope", "openid profile email offline_access", "dpop_jkt", a.key.Thumbprint)
	p := a.b.Open(v.Address).At("login", "initial").GiveName("ana", servertest.Password)
	return a, v, v.Code(p.At("totp", "initial").GiveCode(phone.Code(0)).At("consent", "initial").Allow())
}

// again has ana allow the app the same once more. The code is bound to no key.
func (a *bound) again() (*servertest.Trip, string) {
	a.t.Helper()
	v := a.BeginOffline()
	p := a.b.Open(v.Address)
	if p.Left == nil {
		p = p.At("consent", "initial").Allow()
	}
	return v, v.Code(p)
}

func (a *bound) tokenAddress() string { return a.s.Config.Issuer + "/token" }

// proof is one for the token endpoint.
func (a *bound) proof(key *servertest.ProofKey, claims ...any) string {
	return key.Proof("POST", a.tokenAddress(), claims...)
}

func (a *bound) exchange(v *servertest.Trip, code, proof string) servertest.Reply {
	return a.s.AskWith(a.Client, a.tokenAddress(), url.Values{"grant_type": {"authorization_code"}, "code": {code},
		"redirect_uri": {a.OAuth.RedirectURL}, "code_verifier": {v.PKCE}}, proof)
}

func (a *bound) refresh(token, proof string) servertest.Reply {
	return a.s.AskWith(a.Client, a.tokenAddress(), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, proof)
}

// got fails the test unless the reply is tokens that are bound to a key, or this error.
func (a *bound) got(what string, r servertest.Reply, want string) servertest.Reply {
	a.t.Helper()
	a.s.KeepSecret(r.AccessToken)
	a.s.KeepSecret(r.RefreshToken)
	if got := r.Error + r.Type; got != want {
		a.t.Errorf("%s: %d %q (%s), want %q", what, r.Status, got, r.Description, want)
	}
	return r
}

// userInfo asks with the token by the scheme, and returns the status and the challenges.
func (a *bound) userInfo(scheme, token, proof string) (int, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), "GET", a.s.Config.Issuer+"/userinfo", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", scheme+" "+token)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, strings.Join(resp.Header.Values("WWW-Authenticate"), ", ") + resp.Header.Get("DPoP-Nonce")
}

// TestBoundTokens: a code, a refresh token and an access token that are bound to a key are nothing without it, whichever
// server is asked.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		a, v, code := newBound(t, s, func(c *client.Client) {
			c.Public, c.RedirectURIs = true, []string{"http://127.0.0.1:39217/callback"}
		})
		thief := s.NewProofKey(t)

		a.got("a code with another key", a.exchange(v, code, a.proof(thief)), "invalid_grant")
		a.got("a code without a proof", a.exchange(v, code, ""), "invalid_grant")
		a.got("a proof that is not of now", a.exchange(v, code, a.proof(a.key, "iat", a.key.Ahead(-2*time.Minute))), "invalid_dpop_proof")
		a.got("a proof by a clock that is fast", a.exchange(v, code, a.proof(a.key, "iat", a.key.Ahead(2*time.Minute))), "invalid_dpop_proof")
		a.got("a proof for another endpoint", a.exchange(v, code, a.key.Proof("POST", s.Config.Issuer+"/userinfo")), "invalid_dpop_proof")
		used := a.proof(a.key, "iat", a.key.Ahead(-50*time.Second))
		one := a.got("a code with its key", a.exchange(v, code, used), "DPoP")
		a.got("the same request again, at the other server", a.exchange(v, code, used), "invalid_dpop_proof")
		a.got("the code again with another key", a.exchange(v, code, a.proof(thief)), "invalid_grant")
		if id := a.Read((&oauth2.Token{AccessToken: one.AccessToken}).WithExtra(map[string]any{"id_token": one.IDToken})); id.ACR != "aal2" {
			t.Errorf("the ID token says %q, want aal2", id.ACR)
		}

		free, code := a.again()
		a.got("a code of nobody with a proof that was used", a.exchange(free, code, used), "invalid_dpop_proof")
		proof := a.proof(a.key)
		lent := a.got("a code of nobody with a key", a.exchange(free, code, proof), "DPoP")
		a.got("the same request again", a.exchange(free, code, proof), "invalid_dpop_proof")
		lent = a.got("a refresh that nobody has ended", a.refresh(lent.RefreshToken, a.proof(a.key)), "DPoP")
		a.got("the code again with its key", a.exchange(free, code, a.proof(a.key)), "invalid_grant")
		a.got("a refresh after that", a.refresh(lent.RefreshToken, a.proof(a.key)), "invalid_grant")

		two := a.got("a refresh with its key", a.refresh(one.RefreshToken, a.proof(a.key)), "DPoP")
		a.got("a refresh with another key", a.refresh(two.RefreshToken, a.proof(thief)), "invalid_grant")
		a.got("a refresh without a proof", a.refresh(two.RefreshToken, ""), "invalid_grant")
		s.Clock.Advance(time.Minute)
		a.got("a refresh of the first token by somebody else", a.refresh(one.RefreshToken, a.proof(thief)), "invalid_grant")
		three := a.got("a refresh after that", a.refresh(two.RefreshToken, a.proof(a.key)), "DPoP")
		a.useStolen(three.AccessToken, thief)
		a.useAtAPI(thief)
		a.recorded()
	})
}

// useStolen holds userinfo to who may use the token.
func (a *bound) useStolen(token string, thief *servertest.ProofKey) {
	a.t.Helper()
	address := a.s.Config.Issuer + "/userinfo"
	used := a.key.ProofWith(token, "GET", address)
	for _, tt := range []struct {
		name, scheme, proof string
		status              int
		want                string
	}{
		{"with its key", "DPoP", used, 200, ""},
		{"with a proof that was used, at the other server", "dpop", used, 401, `DPoP realm="userinfo", error="invalid_dpop_proof"`},
		{"as Bearer", "Bearer", "", 401, `Bearer realm="userinfo", error="invalid_token"`},
		{"as Bearer, with a proof", "Bearer", a.key.ProofWith(token, "GET", address), 401, `, DPoP realm="userinfo", algs="ES256 PS256 RS256 EdDSA"`},
		{"with another key", "DPoP", thief.ProofWith(token, "GET", address), 401, `DPoP realm="userinfo", error="invalid_token"`},
		{"without a proof", "DPoP", "", 401, `error="invalid_dpop_proof"`},
		{"with a proof for no token", "DPoP", a.key.Proof("GET", address), 401, `error="invalid_dpop_proof"`},
		{"with a proof for another token", "DPoP", a.key.ProofWith("other", "GET", address), 401, `error="invalid_dpop_proof"`},
		{"with a proof for another method", "DPoP", a.key.ProofWith(token, "POST", address), 401, `error="invalid_dpop_proof"`},
		{"with its key again", "DPoP", a.key.ProofWith(token, "GET", address), 200, ""},
	} {
		if status, told := a.userInfo(tt.scheme, token, tt.proof); status != tt.status || !strings.Contains(told, tt.want) {
			a.t.Errorf("userinfo %s: %d %s, want %d %s", tt.name, status, told, tt.status, tt.want)
		}
	}
}

// useAtAPI holds an API behind the guard to the same.
func (a *bound) useAtAPI(thief *servertest.ProofKey) {
	a.t.Helper()
	const address = "https://api.example/bank"
	guard := a.s.NewAPI(a.t, func(c *resource.Config) { c.Address = address })
	a.Resource = servertest.ResourceOf("api")
	v, code := a.again()
	token := a.got("a code for the API", a.exchange(v, code, a.proof(a.key)), "DPoP").AccessToken
	api := http.StripPrefix("/transfer", guard.Require(resource.Rule{Scopes: []string{"openid"}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, _ := resource.FromContext(r.Context())
		fmt.Fprint(w, t.Key)
	})))
	used := a.key.ProofWith(token, "POST", address+"/transfer/1")
	for _, tt := range []struct {
		name, scheme, proof string
		want                string
	}{
		{"with its key", "DPoP", used, a.key.Thumbprint},
		{"with a proof that was used", "DPoP", used, "used before"},
		{"as Bearer", "Bearer", "", "bound to a key"},
		{"with another key", "DPoP", thief.ProofWith(token, "POST", address+"/transfer/1"), "bound to a key"},
		{"with a proof for another address", "DPoP", a.key.ProofWith(token, "POST", address+"/transfer/2"), "htu"},
	} {
		r := httptest.NewRequestWithContext(a.t.Context(), "POST", "http://internal/transfer/1?x=y", nil)
		r.Header.Set("Authorization", tt.scheme+" "+token)
		if tt.proof != "" {
			r.Header.Set("DPoP", tt.proof)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), tt.want) || (w.Code == 200) != (tt.want == a.key.Thumbprint) {
			a.t.Errorf("an API %s: %d %s, want %q", tt.name, w.Code, w.Body, tt.want)
		}
	}
}

// recorded holds the audit log to one event for each code and token that came without its key.
func (a *bound) recorded() {
	a.t.Helper()
	var tokens []string
	for _, e := range a.s.Events(a.t, a.ana.Subject, audit.EventTokenKeyRefused) {
		tokens = append(tokens, e.Detail["token"])
	}
	if got := strings.Join(tokens, ", "); got != "access token, refresh token, refresh token, code" {
		a.t.Errorf("the audit log has %s", got)
	}
}

// TestBoundConfidentialClient: it is known by its secret, so that its refresh tokens come with any key, and what it is told of
// a token names the key of that.
func TestBoundConfidentialClient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	a, v, code := newBound(t, s, func(c *client.Client) { c.BoundTokens = true })
	other := s.NewProofKey(t)
	one := a.got("a code with its key", a.exchange(v, code, a.proof(a.key)), "DPoP")
	a.got("a refresh without a proof, which the client must send", a.refresh(one.RefreshToken, ""), "invalid_dpop_proof")
	two := a.got("a refresh with another key", a.refresh(one.RefreshToken, a.proof(other)), "DPoP")
	a.got("the same again with the first key", a.refresh(one.RefreshToken, a.proof(a.key)), "invalid_grant")
	address := s.Config.Issuer + "/userinfo"
	for key, want := range map[*servertest.ProofKey]int{a.key: 401, other: 200} {
		if status, told := a.userInfo("DPoP", two.AccessToken, key.ProofWith(two.AccessToken, "GET", address)); status != want {
			t.Errorf("userinfo: %d %s, want %d", status, told, want)
		}
	}
	for token, want := range map[string]string{two.AccessToken: "DPoP " + other.Thumbprint, two.RefreshToken: " "} {
		r := s.Ask(a.Client, s.Config.Issuer+"/introspect", url.Values{"token": {token}})
		if got := r.Type + " " + r.Bound.Key; got != want {
			t.Errorf("introspection says %q, want %q", got, want)
		}
	}
	free, code := a.again()
	a.got("a code without a proof, which the client must send", a.exchange(free, code, ""), "invalid_dpop_proof")
	s.ChangeClient(t, "shop", func(c *client.Client) { c.BoundTokens = false })
	s.Clock.Advance(10 * time.Second)
	bearer := a.got("without a proof, which it need not send any more", a.exchange(free, code, ""), "Bearer")
	if status, told := a.userInfo("DPoP", bearer.AccessToken, a.key.ProofWith(bearer.AccessToken, "GET", address)); status != 401 || !strings.Contains(told, "invalid_token") {
		t.Errorf("userinfo with a token that is bound to nothing, by DPoP: %d %s", status, told)
	}
	if found := s.Events(t, a.ana.Subject, audit.EventTokenKeyRefused); len(found) != 1 { // that of the token which was shown with another key
		t.Errorf("the audit log has %d tokens that came without their key, want 1: the other one has none", len(found))
	}
	if status := s.UserInfo(bearer.AccessToken); status != 200 {
		t.Errorf("userinfo as Bearer: %d", status)
	}
	for _, bad := range []string{"abc", strings.Repeat("a", 44), a.key.Thumbprint[:42] + "="} {
		v := a.Begin("dpop_jkt", bad)
		v.Refused(a.b.Open(v.Address), "invalid_request")
	}
}

// TestProofNonce: where a nonce is needed, both servers know those of each other, for some minutes.
func TestProofNonce(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.DPoPNonce, c.DPoPAlgorithms = true, []string{"ES256"} })
	a, v, code := newBound(t, s)
	refused := a.got("no nonce", a.exchange(v, code, a.proof(a.key)), "use_dpop_nonce")
	nonce := refused.Nonce
	if refused.Status != 400 || nonce == "" {
		t.Fatalf("%d, DPoP-Nonce %q", refused.Status, nonce)
	}
	s.Clock.Advance(30 * time.Second)
	one := a.got("with the nonce, at the other server", a.exchange(v, code, a.proof(a.key, "nonce", nonce)), "DPoP")
	if one.Nonce == "" {
		t.Error("a good answer brings no nonce for the next proof")
	}
	address := s.Config.Issuer + "/userinfo"
	if status, told := a.userInfo("DPoP", one.AccessToken, a.key.ProofWith(one.AccessToken, "GET", address, "nonce", nonce)); status != 200 {
		t.Errorf("userinfo with a nonce: %d %s", status, told)
	}
	if status, told := a.userInfo("DPoP", one.AccessToken, a.key.ProofWith(one.AccessToken, "GET", address)); status != 401 || !strings.Contains(told, `error="use_dpop_nonce"`) {
		t.Errorf("userinfo without a nonce: %d %s", status, told)
	}
	s.Clock.Advance(6 * time.Minute)
	a.got("a nonce of long ago", a.refresh(one.RefreshToken, a.proof(a.key, "nonce", nonce)), "use_dpop_nonce")
	var metadata struct {
		Algorithms []string `json:"dpop_signing_alg_values_supported"`
	}
	c := s.Discover(t, client.Client{ID: "shop", RedirectURIs: []string{servertest.ReturnURI}}, "")
	if err := c.Provider.Claims(&metadata); err != nil || len(metadata.Algorithms) != 1 {
		t.Errorf("the metadata say %v, %v", metadata, err)
	}
}

// TestNodeBindsTokens is an unmodified openid-client that binds its tokens to a key, with nonces and without.
func TestNodeBindsTokens(t *testing.T) {
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	t.Parallel()
	script, err := os.ReadFile(filepath.Join("testdata", "node", "dpop.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, public := range []bool{false, true} {
		s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) { c.DPoPNonce = public })
		s.Clock.Advance(time.Since(s.Clock.Now())) // the program has a clock of its own
		ana := s.AddUser("ana")
		c := s.NewClient(t, "shop", func(c *client.Client) {
			if c.Public = public; public {
				c.RedirectURIs = []string{"http://127.0.0.1:39217/callback"}
			}
		})
		c.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		program := startScript(t, modules, nodeSettings(c), "main.mjs", string(script))
		var begin struct{ Address string }
		program.read(&begin)
		p := s.NewBrowser(t).Open(begin.Address).At("login", "initial").GiveName("ana", servertest.Password).Allow()
		program.write(map[string]string{"address": p.Left.String()})
		var end struct {
			Type, Sub, StolenCode, AsBearer, OtherKey, StolenRefresh string
			UserInfo, Again                                          struct{ Sub string }
		}
		program.read(&end)
		if !strings.EqualFold(end.Type, "DPoP") || end.Sub != ana.Subject || end.UserInfo.Sub != ana.Subject || end.Again.Sub != ana.Subject {
			t.Errorf("public %t: the program learns %+v", public, end)
		}
		refresh := map[bool]string{false: "dpop", true: "invalid_grant"}[public] // a secret says who refreshes, else the key does
		if end.StolenCode != "invalid_grant" || end.AsBearer != "invalid_token" || end.OtherKey != "invalid_token" || end.StolenRefresh != refresh {
			t.Errorf("public %t: with another key or none the program gets %+v", public, end)
		}
	}
}

// TestBoundByPush: the proof of a pushed request binds the code.
func TestBoundByPush(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	a, _, _ := newBound(t, s)
	par, thief := s.Config.Issuer+"/par", s.NewProofKey(t)
	push := func(v *servertest.Trip, key *servertest.ProofKey, jkt string) servertest.Reply {
		begin, err := url.Parse(v.Address)
		if err != nil {
			t.Fatal(err)
		}
		form := begin.Query()
		if jkt != "" {
			form.Set("dpop_jkt", jkt)
		}
		return s.AskWith(a.Client, par, form, key.Proof("POST", par))
	}
	a.got("a request that names another key", push(a.Begin(), a.key, thief.Thumbprint), "invalid_request")
	v := a.Begin()
	pushed := a.got("a request with a proof", push(v, a.key, ""), "")
	p := a.b.Open(s.Config.Issuer + "/authorize?" + url.Values{"client_id": {"shop"}, "request_uri": {pushed.RequestURI}}.Encode())
	code := v.Code(p)
	a.got("its code with another key", a.exchange(v, code, a.proof(thief)), "invalid_grant")
	a.got("its code with its key", a.exchange(v, code, a.proof(a.key)), "DPoP")
}

// TestBoundForItself: a client that acts for itself binds its tokens as others do, and a JWT says to which key.
func TestBoundForItself(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	a := &bound{Client: s.NewClient(t, "nightly", func(c *client.Client) {
		c.GrantTypes, c.Scopes, c.AccessTokenFormat, c.BoundTokens = []string{client.GrantClient}, []string{"report"}, client.FormatJWT, true
	}), t: t, s: s, key: s.NewProofKey(t)}
	ask := func(proof string) servertest.Reply {
		return s.AskWith(a.Client, a.tokenAddress(), url.Values{"grant_type": {"client_credentials"}}, proof)
	}
	a.got("no proof, which the client must send", ask(""), "invalid_dpop_proof")
	proof := a.proof(a.key)
	got := a.got("a proof", ask(proof), "DPoP")
	a.got("the same proof", ask(proof), "invalid_dpop_proof")
	parts := strings.Split(got.AccessToken, ".")
	if body, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || !strings.Contains(string(body), `"cnf":{"jkt":"`+a.key.Thumbprint+`"}`) {
		t.Errorf("the token says %s, %v", body, err)
	}
}
