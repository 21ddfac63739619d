package protocol

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/resource"
)

// shower is an app that shows certificates, on a site of two servers behind a proxy that passes them on.
type shower struct {
	*servertest.Client
	t *testing.T
	s *servertest.Site
}

// by has the app show this from now on.
func (a *shower) by(headers ...string) *shower {
	a.Shown = headers
	return a
}

func (a *shower) ask(path string, parameters ...string) servertest.Reply {
	return a.askWith("", path, parameters...)
}

func (a *shower) askWith(proof, path string, parameters ...string) servertest.Reply {
	a.t.Helper()
	form := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	r := a.s.AskWith(a.Client, a.s.Config.Issuer+path, form, proof)
	a.s.KeepSecret(r.AccessToken)
	a.s.KeepSecret(r.RefreshToken)
	return r
}

func (a *shower) exchange(v *servertest.Trip, code string) servertest.Reply {
	a.t.Helper()
	return a.ask("/token", "grant_type", "authorization_code", "code", code, "redirect_uri", a.OAuth.RedirectURL, "code_verifier", v.PKCE)
}

func (a *shower) refresh(token string) servertest.Reply {
	a.t.Helper()
	return a.ask("/token", "grant_type", "refresh_token", "refresh_token", token)
}

// got fails the test unless the reply is this error with the words in it or, if there are none, a good one.
func (a *shower) got(what string, r servertest.Reply, status int, fault, words string) servertest.Reply {
	a.t.Helper()
	if r.Status != status || r.Error != fault || !strings.Contains(r.Description, words) {
		a.t.Errorf("%s: %d %s (%s), want %d %s (%s)", what, r.Status, r.Error, r.Description, status, fault, words)
	}
	return r
}

// userInfo asks with a token, and shows what the app shows.
func (a *shower) userInfo(token string) (status int, told string) {
	a.t.Helper()
	return showAt(a.t, a.s.Config.Issuer+"/userinfo", token, a.Shown)
}

func showAt(t *testing.T, address, token string, shown []string) (status int, told string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer " + token}, "Client-Cert": shown}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, strings.Join(resp.Header.Values("WWW-Authenticate"), "; ")
}

// TestTLSClientAuth has a client of a user with two steps authenticate by a certificate of an authority at each endpoint, on two
// servers, with its tokens bound to it: another certificate, one that is not good any more, none, and one that is not believed
// get nothing.
func TestTLSClientAuth(t *testing.T) {
	t.Parallel()
	ca, strange := servertest.NewAuthority(t), servertest.NewAuthority(t)
	servertest.EachWith(t, ca.Trusted, func(t *testing.T, s *servertest.Site) {
		phone := servertest.NewEnrolled(t, s, 2).Phone
		now := s.Clock.Now()
		own, thief := ca.Issue(t, "bank", now), ca.Issue(t, "thief", now)
		a := &shower{s.NewClient(t, "bank", func(c *client.Client) {
			c.TokenEndpointAuthMethod, c.TLSSubjectDN, c.CertificateBound = client.AuthTLS, "CN=bank, O=Example", true
			c.GrantTypes = []string{client.GrantCode, client.GrantRefresh, client.GrantDevice}
		}), t, s}
		s.Clock.Advance(servertest.Step)
		v := a.by(own.Header()).Begin("scope", "openid offline_access", "prompt", "consent").Push()
		code := v.Code(s.NewBrowser(t).Open(v.Address).At("login", "initial").GiveName("ana", servertest.Password).GiveCode(phone.Code(0)).Allow())

		for _, tt := range []struct {
			name  string
			shown []string
			want  string
		}{
			{"no certificate", nil, "comes without one"},
			{"of somebody else", []string{thief.Header()}, "another client's"},
			{"of a strange authority", []string{strange.Issue(t, "bank", now).Header()}, "no authority"},
			{"signed by itself", []string{(*servertest.ClientCertificate)(nil).Issue(t, "bank", now).Header()}, "no authority"},
			{"of yesterday", []string{ca.Issue(t, "bank", now.Add(-25*time.Hour)).Header()}, "expired"},
			{"of tomorrow", []string{ca.Issue(t, "bank", now.Add(25*time.Hour)).Header()}, "not valid yet"},
			{"the authority", []string{ca.Header()}, "not for the authentication of clients"},
		} {
			a.got("/token, "+tt.name, a.by(tt.shown...).exchange(v, code), 401, "invalid_client", tt.want)
		}
		a.got("a certificate, twice", a.by(own.Header(), own.Header()).exchange(v, code), 400, "invalid_request", "sent twice")
		a.got("no certificate, but a text", a.by("bank").exchange(v, code), 400, "invalid_request", "not in the format")
		a.by(own.Header())
		a.got("a secret beside it", a.ask("/token", "grant_type", "authorization_code", "code", code, "client_secret", "x"), 401, "invalid_client", "registered to authenticate by tls_client_auth")
		a.got("an assertion beside it", a.ask("/token", "grant_type", "authorization_code", "code", code, "client_assertion_type", "x"), 401, "invalid_client", "client_assertion_type")
		tokens := a.got("its own", a.exchange(v, code), 200, "", "")
		if tokens.Type != "Bearer" {
			t.Errorf("the token is of type %s", tokens.Type)
		}

		a.everywhere(own, thief, tokens)
		a.renews(ca, tokens)
		if events := s.Events(t, "", audit.EventCertificateRefused); len(events) != 1 || events[0].Client != "bank" || events[0].Detail["reason"] != "subject" ||
			events[0].Detail["certificate"] != certificate.Thumbprint(thief.Certificate) {
			t.Errorf("recorded are %+v", events)
		}
		a.unbelieved(own)
	})
}

// everywhere holds all other endpoints to the same.
func (a *shower) everywhere(own, thief *servertest.ClientCertificate, tokens servertest.Reply) {
	a.t.Helper()
	for _, path := range []string{"/introspect", "/revoke", "/par", "/device_authorization"} {
		a.got(path+" by another", a.by(thief.Header()).ask(path, "token", tokens.AccessToken), 401, "invalid_client", "another client's")
		a.got(path+" by nobody", a.by().ask(path, "token", tokens.AccessToken), 401, "invalid_client", "comes without one")
	}
	a.got("a device", a.by(own.Header()).ask("/device_authorization", "scope", "openid"), 200, "", "")
	a.got("a token of nobody", a.ask("/revoke", "token", "x"), 200, "", "")
	if r := a.ask("/introspect", "token", tokens.AccessToken); r.Bound.Certificate != certificate.Thumbprint(own.Certificate) || r.Bound.Key != "" || r.Type != "Bearer" {
		a.t.Errorf("introspection says %+v", r)
	}
	if r := a.ask("/introspect", "token", tokens.RefreshToken); r.Bound.Certificate != "" { // its client is known by its own
		a.t.Errorf("introspection says of a refresh token %+v", r)
	}
	for _, tt := range []struct {
		name   string
		shown  []string
		status int
		want   string
	}{
		{"with it", []string{own.Header()}, 200, ""},
		{"with another", []string{thief.Header()}, 401, `error="invalid_token", error_description="The access token is bound to a certificate`},
		{"without", nil, 401, `error="invalid_token"`},
		{"twice", []string{own.Header(), own.Header()}, 400, `error="invalid_request"`},
	} {
		if status, told := a.by(tt.shown...).userInfo(tokens.AccessToken); status != tt.status || !strings.Contains(told, tt.want) {
			a.t.Errorf("userinfo %s: %d %s, want %d %s", tt.name, status, told, tt.status, tt.want)
		}
	}
	if found := a.s.Events(a.t, "", audit.EventTokenKeyRefused); len(found) != 1 || found[0].Detail["token"] != "access token" {
		a.t.Errorf("of stolen tokens is recorded %+v", found)
	}
}

// renews has the client come with another certificate of its name, and with a proof beside it.
func (a *shower) renews(ca *servertest.ClientCertificate, tokens servertest.Reply) {
	a.t.Helper()
	newer := ca.Issue(a.t, "bank", a.s.Clock.Now())
	key := a.s.NewProofKey(a.t)
	a.by(newer.Header())
	a.got("a proof beside it", a.askWith(key.Proof("POST", a.s.Config.Issuer+"/token"), "/token", "grant_type", "refresh_token", "refresh_token", tokens.RefreshToken), 400, "invalid_request", "leave out the DPoP proof")
	a.got("a request for a code that is bound to a key", a.ask("/par", "response_type", "code", "redirect_uri", a.OAuth.RedirectURL, "scope", "openid", "dpop_jkt", key.Thumbprint), 400, "invalid_request", "dpop_jkt")
	renewed := a.got("a newer certificate", a.refresh(tokens.RefreshToken), 200, "", "")
	if status, told := a.userInfo(renewed.AccessToken); status != 200 {
		a.t.Errorf("userinfo with the newer: %d %s", status, told)
	}
	a.useAtAPI(newer)
}

// useAtAPI holds an API behind the guard, and behind a proxy, to the certificate.
func (a *shower) useAtAPI(own *servertest.ClientCertificate) {
	a.t.Helper()
	guard := a.s.NewAPI(a.t, func(c *resource.Config) {
		c.Certificate = certificate.Reader{Format: certificate.RFC9440, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}.Read
	})
	api := httptest.NewServer(guard.Require(resource.Rule{Scopes: []string{"report"}}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	a.t.Cleanup(api.Close)
	a.s.ChangeClient(a.t, "bank", func(c *client.Client) {
		c.GrantTypes, c.Scopes, c.AccessTokenFormat = append(c.GrantTypes, client.GrantClient), append(c.Scopes, "report"), client.FormatJWT
	})
	a.s.Clock.Advance(10 * time.Second)
	a.got("a token for itself without a certificate", a.by().ask("/token", "grant_type", client.GrantClient), 401, "invalid_client", "")
	r := a.got("a token for itself", a.by(own.Header()).ask("/token", "grant_type", client.GrantClient, "resource", servertest.ResourceOf("api")), 200, "", "")
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(r.AccessToken+"..", ".")[1])
	if err != nil || !strings.Contains(string(body), `"cnf":{"x5t#S256":"`+certificate.Thumbprint(own.Certificate)+`"}`) {
		a.t.Errorf("the token says %s, %v", body, err)
	}
	for name, tt := range map[string]struct {
		shown  []string
		status int
	}{"with it": {[]string{own.Header()}, 200}, "without": {nil, 401}, "twice": {[]string{own.Header(), own.Header()}, 400}} {
		if status, told := showAt(a.t, api.URL, r.AccessToken, tt.shown); status != tt.status {
			a.t.Errorf("an API %s: %d %s, want %d", name, status, told, tt.status)
		}
	}
}

// unbelieved has the same header come from an address that is no proxy any more, and with the whole of it off.
func (a *shower) unbelieved(own *servertest.ClientCertificate) {
	a.t.Helper()
	a.s.Config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	a.s.Start(1)
	a.got("of no proxy", a.by(own.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "comes without one")
	a.got("of no proxy, and malformed", a.by("x", "y").ask("/introspect", "token", "x"), 401, "invalid_client", "comes without one")
	a.s.Config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	a.s.Config.ClientCertificateFormat, a.s.Config.ClientCertificateCAFile = "", ""
	a.s.Start(1)
	a.got("where clients show none", a.by(own.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "comes without one")
}

// TestSelfSignedTLSClientAuth: a client is known by a certificate that it has signed itself and registered, or by its key.
func TestSelfSignedTLSClientAuth(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.NewAuthority(t).Trusted)
	var nobody *servertest.ClientCertificate
	now := s.Clock.Now()
	own, other := nobody.Issue(t, "bank", now), nobody.Issue(t, "bank", now)
	old := nobody.Issue(t, "bank", now.Add(-25*time.Hour))
	served := own.JWKS(false)
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(served) }))
	t.Cleanup(host.Close)
	add := func(id string, change func(*client.Client)) *shower {
		return &shower{s.NewClient(t, id, func(c *client.Client) { c.TokenEndpointAuthMethod = client.AuthSelfSignedTLS; change(c) }), t, s}
	}
	for _, a := range []*shower{
		add("whole", func(c *client.Client) { c.JWKS = own.JWKS(true) }),
		add("key", func(c *client.Client) { c.JWKS = own.JWKS(false) }),
		add("fetched", func(c *client.Client) { c.JWKSURI = host.URL }),
	} {
		id := a.OAuth.ClientID
		a.got(id+" by its own", a.by(own.Header()).ask("/introspect", "token", "x"), 200, "", "")
		a.got(id+" by another of its name", a.by(other.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "not among the keys")
		a.got(id+" by none", a.by().ask("/introspect", "token", "x"), 401, "invalid_client", "comes without one")
	}
	late := add("late", func(c *client.Client) { c.JWKS = old.JWKS(true) })
	late.got("an old one", late.by(old.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "expired")
	served = other.JWKS(true)
	s.Clock.Advance(time.Minute)
	fetched := &shower{s.Discover(t, client.Client{ID: "fetched", RedirectURIs: []string{servertest.ReturnURI}}, ""), t, s}
	fetched.got("the next, after it was published", fetched.by(other.Header()).ask("/introspect", "token", "x"), 200, "", "")
	fetched.got("the one before", fetched.by(own.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "not among the keys")

	secret := &shower{s.NewClient(t, "secret"), t, s}
	secret.got("a certificate beside a secret", secret.by(own.Header()).ask("/introspect", "token", "x"), 200, "", "")
	secret.OAuth.ClientSecret = ""
	secret.got("a certificate in the place of a secret", secret.ask("/introspect", "token", "x"), 401, "invalid_client", "secret is missing")
	signs := &shower{s.NewClient(t, "signs", byKey(servertest.NewClientKey(t, "one"))), t, s}
	signs.got("a certificate in the place of an assertion", signs.by(own.Header()).ask("/introspect", "token", "x"), 401, "invalid_client", "private_key_jwt")
}

// TestCertificateBoundPublicClient: nobody knows it by a secret, so that its refresh tokens too are bound to what it shows.
func TestCertificateBoundPublicClient(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.NewAuthority(t).Trusted)
	phone := servertest.NewEnrolled(t, s, 2).Phone
	var nobody *servertest.ClientCertificate
	own, thief := nobody.Issue(t, "phone", s.Clock.Now()).Header(), nobody.Issue(t, "phone", s.Clock.Now()).Header()
	a := &shower{s.NewClient(t, "phone", func(c *client.Client) {
		c.Public, c.CertificateBound, c.RedirectURIs = true, true, []string{"http://127.0.0.1:39217/callback"}
	}), t, s}
	s.Clock.Advance(servertest.Step)
	v := a.BeginOffline()
	code := v.Code(v.SignIn(s.NewBrowser(t), "ana").GiveCode(phone.Code(0)).Allow())
	a.got("a code without a certificate", a.by().exchange(v, code), 400, "invalid_request", "comes without one")
	one := a.got("a code with one", a.by(own).exchange(v, code), 200, "", "")
	a.got("a refresh with another", a.by(thief).refresh(one.RefreshToken), 400, "invalid_grant", "bound to a certificate")
	a.got("a refresh without", a.by().refresh(one.RefreshToken), 400, "invalid_grant", "bound to a certificate")
	two := a.got("a refresh with it", a.by(own).refresh(one.RefreshToken), 200, "", "")
	s.ChangeClient(t, "phone", func(c *client.Client) { c.CertificateBound = false })
	s.Clock.Advance(10 * time.Second)
	a.got("a refresh with another, when new ones are not bound any more", a.by(thief).refresh(two.RefreshToken), 400, "invalid_grant", "bound to a certificate")
	three := a.got("a refresh with it", a.by(own).refresh(two.RefreshToken), 200, "", "")
	if status, told := a.by(thief).userInfo(three.AccessToken); status != 401 {
		t.Errorf("userinfo with another: %d %s", status, told)
	}
	if status, told := a.by(own).userInfo(three.AccessToken); status != 200 {
		t.Errorf("userinfo with it: %d %s", status, told)
	}
	if found := s.Events(t, "", audit.EventTokenKeyRefused); len(found) != 3 {
		t.Errorf("of stolen tokens is recorded %+v", found)
	}
}

// TestTLSClient is an unmodified x/oauth2 that shows its certificate in TLS to a proxy, at the second address which it finds in
// the metadata, for an issuer with a path.
func TestTLSClient(t *testing.T) {
	t.Parallel()
	ca := servertest.NewAuthority(t)
	var s *servertest.Site
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site, err := url.Parse(s.Origin())
		if err != nil {
			t.Error(err)
			return
		}
		(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(site)
			r.Out.Header.Del("X-Cert")
			if shown := r.In.TLS.PeerCertificates; len(shown) > 0 {
				r.Out.Header.Set("X-Cert", base64.StdEncoding.EncodeToString(shown[0].Raw))
			}
		}}).ServeHTTP(w, r)
	}))
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	s = servertest.New(t, servertest.SQLite(t), ca.Trusted, servertest.Below("/id"), func(c *config.Config) {
		c.ClientCertificateFormat, c.ClientCertificateHeader, c.MTLSOrigin = "base64", "X-Cert", proxy.URL
	})
	phone := servertest.NewEnrolled(t, s, 1).Phone
	c := s.NewClient(t, "bank", func(c *client.Client) {
		c.TokenEndpointAuthMethod, c.TLSSubjectDN, c.CertificateBound = client.AuthTLS, "CN=bank,O=Example", true
	})
	var metadata struct {
		Methods []string          `json:"token_endpoint_auth_methods_supported"`
		Bound   bool              `json:"tls_client_certificate_bound_access_tokens"`
		Aliases map[string]string `json:"mtls_endpoint_aliases"`
	}
	if err := c.Provider.Claims(&metadata); err != nil || !metadata.Bound || len(metadata.Aliases) != 6 || !strings.Contains(fmt.Sprint(metadata.Methods), "private_key_jwt tls_client_auth self_signed_tls_client_auth") {
		t.Fatalf("the metadata say %+v, %v", metadata, err)
	}
	for name, address := range metadata.Aliases {
		var all map[string]any
		if err := c.Provider.Claims(&all); err != nil || address != strings.Replace(fmt.Sprint(all[name]), s.Origin(), proxy.URL, 1) {
			t.Errorf("the alias of %s is %s, %v", name, address, err)
		}
	}

	shows := func(own *servertest.ClientCertificate) *http.Client {
		trust := x509.NewCertPool()
		trust.AddCert(proxy.Certificate())
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust, Certificates: []tls.Certificate{own.TLS()}}}}
	}
	own, thief := shows(ca.Issue(t, "bank", s.Clock.Now())), shows(ca.Issue(t, "thief", s.Clock.Now()))
	c.OAuth.Endpoint.TokenURL, c.OAuth.Endpoint.AuthStyle = metadata.Aliases["token_endpoint"], oauth2.AuthStyleInParams
	s.Clock.Advance(servertest.Step)
	v := c.BeginOffline()
	code := v.Code(v.SignIn(s.NewBrowser(t), "ana").GiveCode(phone.Code(0)).Allow())
	exchange := func(h *http.Client) (*oauth2.Token, error) {
		return c.OAuth.Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, h), code, oauth2.VerifierOption(v.PKCE))
	}
	if _, err := exchange(thief); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("the thief gets %v", err)
	}
	tokens, err := exchange(own)
	if err != nil {
		t.Fatal(err)
	}
	s.KeepSecret(tokens.AccessToken)
	s.KeepSecret(tokens.RefreshToken)
	for h, want := range map[*http.Client]int{own: 200, thief: 401} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", metadata.Aliases["userinfo_endpoint"], nil)
		if err != nil {
			t.Fatal(err)
		}
		tokens.SetAuthHeader(r)
		resp, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var who struct{ Sub string }
		err = json.NewDecoder(resp.Body).Decode(&who)
		resp.Body.Close()
		if resp.StatusCode != want || err != nil || (who.Sub != "") != (want == 200) {
			t.Errorf("userinfo: %d %+v, %v; want %d", resp.StatusCode, who, err, want)
		}
	}
	dpopAtAlias(t, s, c, own, metadata.Aliases["token_endpoint"])
}

// dpopAtAlias has a client that authenticates by its certificate bind its tokens by a proof, which is for the address that it
// knows.
func dpopAtAlias(t *testing.T, s *servertest.Site, c *servertest.Client, h *http.Client, address string) {
	t.Helper()
	s.ChangeClient(t, "bank", func(c *client.Client) {
		c.CertificateBound, c.GrantTypes, c.Scopes = false, append([]string{client.GrantClient}, client.DefaultGrantTypes...), append(c.Scopes, "report")
	})
	s.Clock.Advance(10 * time.Second)
	key := s.NewProofKey(t)
	for htu, want := range map[string]string{address: "DPoP", s.Config.Issuer + "/token": "DPoP", "https://elsewhere.example/id/token": "invalid_dpop_proof"} {
		form := url.Values{"grant_type": {client.GrantClient}, "client_id": {c.OAuth.ClientID}}
		r, err := http.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Dpop": {key.Proof("POST", htu)}}
		resp, err := h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply := servertest.ReadReply(resp)
		resp.Body.Close()
		s.KeepSecret(reply.AccessToken)
		if got := reply.Type + reply.Error; got != want {
			t.Errorf("a proof for %s: %s (%s), want %s", htu, got, reply.Description, want)
		}
	}
}
