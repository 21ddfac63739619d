package protocol

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
)

const signedOutURI = "https://shop.example/signed-out"

// signOuts is a site with a user who signs in with a password and a code, and a shop that wants to sign users out.
type signOuts struct {
	t        *testing.T
	site     *servertest.Site
	shop     *servertest.Client
	phone    servertest.Phone
	endpoint string
}

func afterLogout(uris ...string) func(*client.Client) {
	return func(c *client.Client) { c.PostLogoutRedirectURIs = uris }
}

func newSignOuts(t *testing.T, s *servertest.Site) *signOuts {
	t.Helper()
	o := &signOuts{t: t, site: s}
	s.AddUser("ana")
	o.phone, _ = s.NewBrowser(t).Enrol("ana")
	o.shop = s.NewClient(t, "shop", afterLogout(signedOutURI, "https://shop.example/bye?from=id"))
	var metadata struct {
		Endpoint string `json:"end_session_endpoint"`
	}
	if err := o.shop.Provider.Claims(&metadata); err != nil || metadata.Endpoint != s.Config.Issuer+"/end-session" {
		t.Fatalf("oidcc-rp-initiated-logout-discovery-endpoint-verification: %q, %v", metadata.Endpoint, err)
	}
	o.endpoint = metadata.Endpoint
	return o
}

// supports fails the test unless the metadata says that clients hear of sign-outs by the channel, and of which session.
func (o *signOuts) supports(t *testing.T, channel string) {
	t.Helper()
	metadata := map[string]any{}
	err := o.shop.Provider.Claims(&metadata)
	for _, name := range []string{channel + "_logout_supported", channel + "_logout_session_supported"} {
		if err != nil || metadata[name] != true {
			t.Errorf("oidcc-%s-logout-discovery-endpoint-verification: %s is %v (%v)", channel, name, metadata[name], err)
		}
	}
}

// visit is a browser that has signed in to the shop, and what the shop learnt.
type visit struct {
	*signOuts
	t       *testing.T
	browser *servertest.Browser
	tokens  servertest.Tokens
	hint    string
}

func (o *signOuts) signIn(t *testing.T, c *servertest.Client) *visit {
	t.Helper()
	o.site.Clock.Advance(servertest.Step) // the last code is used
	v := &visit{signOuts: o, t: t, browser: o.site.NewBrowser(t)}
	trip := c.Begin("prompt", "consent")
	v.tokens = trip.Finish(trip.SignIn(v.browser, "ana").GiveCode(o.phone.Code(0)).Allow())
	v.hint = v.tokens.IDToken()
	return v
}

// asks sends the browser to the end session endpoint, with parameters as name and value in turn.
func (v *visit) asks(parameters ...string) *servertest.Page {
	v.t.Helper()
	return v.browser.Open(v.endpoint + "?" + query(parameters...).Encode())
}

func query(parameters ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Add(parameters[i], parameters[i+1])
	}
	return q
}

// end is where a browser has come to after a request to sign out.
func end(p *servertest.Page) string {
	if p.Left != nil {
		return p.Left.String()
	}
	return p.End()
}

// wants fails the test unless the browser has come there, and the session lives on or has ended.
func (v *visit) wants(p *servertest.Page, want string, ended bool) {
	v.t.Helper()
	if got := end(p); got != want {
		v.t.Errorf("the browser is at %q, want %q", got, want)
	}
	if got := v.ended(); got != ended {
		v.t.Errorf("the session has ended: %t, want %t", got, ended)
	}
	if ended && v.tokens.Token != nil && v.site.UserInfo(v.tokens.Token.AccessToken) != http.StatusUnauthorized {
		v.t.Error("an access token that rests on the session outlives it")
	}
}

// ended reports what the shop learns of the session without a page.
func (v *visit) ended() bool {
	v.t.Helper()
	trip := v.shop.Begin("prompt", "none")
	answer := trip.Answer(v.browser.Open(trip.Address))
	return answer.Get("error") == "login_required"
}

// TestRPInitiatedLogout asks what the certification of an OpenID Provider for RP-Initiated Logout asks, and what else can be
// wrong with a request. Nothing but a good one leads back to the app.
func TestRPInitiatedLogout(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		const refused, asked, askedByApp = "error sign-out 400", "logout initial 200", "logout app 200"
		for _, tt := range []struct {
			name  string
			ask   func(v *visit) []string
			want  string
			ended bool
		}{
			{"oidcc-rp-initiated-logout", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1"}
			}, signedOutURI + "?state=s1", true},
			{"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", "https://shop.example/elsewhere", "state", "s1"}
			}, refused, false},
			{"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI + "?more=1", "state", "s1"}
			}, refused, false},
			{"oidcc-rp-initiated-logout-modified-id-token-hint", func(v *visit) []string {
				return []string{"id_token_hint", modified(v.hint), "post_logout_redirect_uri", signedOutURI, "state", "s1"}
			}, refused, false},
			{"oidcc-rp-initiated-logout-bad-id-token-hint", func(v *visit) []string {
				return []string{"id_token_hint", unsigned(v.hint), "post_logout_redirect_uri", signedOutURI, "state", "s1"}
			}, refused, false},
			{"oidcc-rp-initiated-logout-no-id-token-hint", func(*visit) []string {
				return []string{"post_logout_redirect_uri", signedOutURI, "state", "s1"}
			}, refused, false},
			{"oidcc-rp-initiated-logout-no-params", func(*visit) []string { return nil }, asked, false},
			{"oidcc-rp-initiated-logout-only-state", func(*visit) []string { return []string{"state", "s1"} }, asked, false},
			{"oidcc-rp-initiated-logout-no-post-logout-redirect-uri", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "state", "s1"}
			}, "logged-out app 200", true},
			{"oidcc-rp-initiated-logout-no-state", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI}
			}, signedOutURI, true},

			{"query that is registered", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", "https://shop.example/bye?from=id", "state", "a b&c"}
			}, "https://shop.example/bye?from=id&state=a+b%26c", true},
			{"hint and its client_id", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "client_id", "shop", "post_logout_redirect_uri", signedOutURI}
			}, signedOutURI, true},
			{"hint and another client_id", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "client_id", "kiosk", "post_logout_redirect_uri", "https://kiosk.example/bye"}
			}, refused, false},
			{"redirect URI of another client", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", "https://kiosk.example/bye"}
			}, refused, false},
			{"redirect URI of sign-ins", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", servertest.ReturnURI}
			}, refused, false},
			{"client_id alone", func(*visit) []string { return []string{"client_id", "shop"} }, askedByApp, false},
			{"client_id and its redirect URI", func(*visit) []string {
				return []string{"client_id", "shop", "post_logout_redirect_uri", signedOutURI, "state", "s1"}
			}, askedByApp, false},
			{"client_id and a bad redirect URI", func(*visit) []string {
				return []string{"client_id", "shop", "post_logout_redirect_uri", "https://evil.example/"}
			}, refused, false},
			{"unknown client_id", func(*visit) []string { return []string{"client_id", "nobody"} }, refused, false},
			{"strange hint", func(*visit) []string { return []string{"id_token_hint", "x.y.z"} }, refused, false},
			{"hint that another server has signed", func(v *visit) []string {
				return []string{"id_token_hint", foreign(t, v.hint), "post_logout_redirect_uri", signedOutURI}
			}, refused, false},
			{"repeated state", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1", "state", "s2"}
			}, refused, false},
			{"repeated redirect URI", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "post_logout_redirect_uri", signedOutURI}
			}, refused, false},
			{"long state", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", strings.Repeat("s", 2049)}
			}, refused, false},
			{"large request", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "unknown", strings.Repeat("x", 17<<10)}
			}, refused, false},
			{"parameters for people, and unknown ones", func(v *visit) []string {
				return []string{"id_token_hint", v.hint, "logout_hint", "ben", "ui_locales", "de en", "more", "1", "post_logout_redirect_uri", signedOutURI}
			}, signedOutURI, true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				v := o.signIn(t, o.shop)
				v.wants(v.asks(tt.ask(v)...), tt.want, tt.ended)
			})
		}
	})
}

// modified is the hint for another user, with the signature of the first.
func modified(hint string) string {
	parts := strings.Split(hint, ".")
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), `"sub":"`, `"sub":"x`, 1)))
	return strings.Join(parts, ".")
}

// unsigned is the hint with the algorithm none.
func unsigned(hint string) string {
	parts := strings.Split(hint, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
}

// foreign is the hint as somebody else would sign it, who names our key.
func foreign(t *testing.T, hint string) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(hint, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(hint, ".")[1])
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))},
		(&jose.SignerOptions{}).WithHeader("kid", parsed.Headers[0].KeyID).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSignOutThatTheUserConfirms goes on from the question, to the app or to the page that says that it is done.
func TestSignOutThatTheUserConfirms(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		v := o.signIn(t, o.shop)
		other := o.signIn(t, o.shop)
		p := v.asks("client_id", "shop", "post_logout_redirect_uri", signedOutURI, "state", "s1").
			At("logout", "app").Says("The shop asks to sign you out").Says("You are signed in as ana")
		form := p.Form("Sign out")
		v.wants(form.Send(), signedOutURI+"?state=s1", true)
		v.wants(form.Send(), signedOutURI+"?state=s1", true) // the second of two clicks
		v.wants(v.browser.Open(p.Address.String()), signedOutURI+"?state=s1", true)
		if other.ended() {
			t.Error("the user's other browser is signed out too")
		}
		events := s.Events(t, v.tokens.Subject, "session.ended")
		if len(events) != 1 || events[0].Client != "shop" || events[0].Session != v.tokens.Session {
			t.Errorf("the log says %+v, want one sign-out for the shop", events)
		}

		v = o.signIn(t, o.shop)
		v.wants(v.asks().At("logout", "initial").Press("Sign out"), "logged-out initial 200", true)
		v.wants(v.asks(), "logged-out initial 200", true)
		v = o.signIn(t, o.shop)
		p = v.asks("id_token_hint", v.hint, "state", "s1").At("logged-out", "app")
		if !strings.Contains(p.Body, `href="`+signedOutURI+`"`) {
			t.Errorf("the page does not lead back to the shop:\n%s", p.Body)
		}
		v = o.signIn(t, o.shop)
		v.wants(v.asks("client_id", "shop", "post_logout_redirect_uri", "https://evil.example/").At("error", "sign-out").
			Click("Sign out").At("logout", "initial").Press("Sign out"), "logged-out initial 200", true)

		// What was registered when the user was asked need not be by now.
		v = o.signIn(t, o.shop)
		p = v.asks("client_id", "shop", "post_logout_redirect_uri", "https://shop.example/bye?from=id").At("logout", "app")
		s.ChangeClient(t, "shop", func(c *client.Client) { c.PostLogoutRedirectURIs = []string{signedOutURI} })
		s.Clock.Advance(10 * time.Second) // clients are remembered for a moment
		v.wants(p.Press("Sign out"), "logged-out initial 200", true)
	})
}

// TestHints are good as long as they say something true: expired, or signed with a key that signs no more. A hint of another
// session or user proves nothing about this one, and the user is asked.
func TestHints(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		back := []string{"post_logout_redirect_uri", signedOutURI}
		with := func(v *visit, hint string) *servertest.Page { return v.asks(append(back, "id_token_hint", hint)...) }

		earlier, v := o.signIn(t, o.shop), o.signIn(t, o.shop)
		v.wants(with(v, earlier.hint), "logout app 200", false)
		s.Clock.Advance(45 * time.Minute)
		v.wants(with(v, v.hint), signedOutURI, true)
		stranger := &visit{signOuts: o, t: t, browser: s.NewBrowser(t)}
		stranger.wants(with(stranger, earlier.hint), signedOutURI, true) // there is nothing to end in this browser
		if earlier.ended() {
			t.Error("a hint ends a session that the browser does not have")
		}

		s.AddUser("ben")
		ben := &visit{signOuts: o, t: t, browser: s.NewBrowser(t)}
		trip := o.shop.Begin()
		trip.Finish(trip.SignIn(ben.browser, "ben").Allow())
		p := with(ben, v.hint).At("logout", "other").Says("another account").Says("You are signed in as ben")
		ben.wants(p, "logout other 200", false)
		ben.wants(p.Press("Sign out"), signedOutURI, true)

		v = o.signIn(t, o.shop)
		replaceSigningKeys(t, s)
		v.wants(with(v, v.hint), signedOutURI, true)

		v = o.signIn(t, o.shop)
		if err := s.Store.DeleteClient(t.Context(), "shop", s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(10 * time.Second)
		if got := end(with(v, v.hint)); got != "error sign-out 400" {
			t.Errorf("the hint of a client that is gone leads to %q", got)
		}
		o.shop = s.NewClient(t, "shop", afterLogout(signedOutURI))
		v.wants(with(v, v.hint), "error sign-out 400", false) // who has the id now inherits nothing
		v.wants(v.asks().Press("Sign out"), "logged-out initial 200", true)
	})
}

func replaceSigningKeys(t *testing.T, s *servertest.Site) {
	t.Helper()
	if _, err := s.Operator().RotateSigningKeys(t.Context(), nil, jwks.MinAnnounce); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(jwks.MinAnnounce)
	if err := s.First().Do(t.Context(), "signing keys"); err != nil {
		t.Fatal(err)
	}
}

// TestEndSessionByPost takes the request as a form of the app sends it, which is another site: without the cookies.
func TestEndSessionByPost(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		v := o.signIn(t, o.shop)
		request := func(address string, parameters ...string) *http.Request {
			t.Helper()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(query(parameters...).Encode()))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Origin", "https://shop.example")
			request.Header.Set("Sec-Fetch-Site", "cross-site")
			return request
		}
		post := func(v *visit, address string, parameters ...string) *servertest.Page {
			t.Helper()
			return v.browser.Follow(request(address, parameters...))
		}
		// Whoever has no ID token brings up the question, and no answer to it.
		v.wants(post(v, o.endpoint, "client_id", "shop"), "logout app 200", false)
		v.wants(post(v, s.Config.Issuer+"/logout", "client_id", "shop"), "error cross-site 403", false)
		v.wants(post(v, o.endpoint+"?state=s1", "id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1"), "error sign-out 400", false)
		v.wants(post(v, o.endpoint, "unknown", strings.Repeat("x", 17<<10)), "error sign-out 400", false)
		v.wants(post(v, o.endpoint, "id_token_hint", modified(v.hint), "post_logout_redirect_uri", signedOutURI), "error sign-out 400", false)
		v.wants(post(v, o.endpoint, "id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1"), signedOutURI+"?state=s1", true)
		v = o.signIn(t, o.shop)
		_, sealed := v.browser.Once(request(o.endpoint, "id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI))
		if sealed == nil || sealed.Path != "/end-session" || strings.Contains(sealed.RawQuery, "hint") || strings.Contains(sealed.RawQuery, v.hint) {
			t.Fatalf("a request that came by POST goes on at %s", sealed)
		}
		ben := s.NewBrowser(t)
		if got := end(ben.Open(sealed.String())); got != signedOutURI { // it is about a session that this browser does not have
			t.Errorf("another browser is led to %s", got)
		}
		if v.ended() {
			t.Error("another browser has ended the session")
		}
		late := &visit{signOuts: o, t: t, browser: v.browser}
		s.Clock.Advance(5 * time.Minute)
		late.wants(v.browser.Open(sealed.String()), "logout initial 200", false) // it is over, and the user is asked
		v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
		for _, text := range []string{"x", "x.y", "."} { // what does not open is not known
			v.wants(v.asks("sealed", text, "client_id", "shop", "post_logout_redirect_uri", signedOutURI), signedOutURI, true)
		}
	})
}

// TestStateComesBack whole, whatever is in it.
func TestStateComesBack(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	o := newSignOuts(t, s)
	v := &visit{signOuts: o, t: t, browser: s.NewBrowser(t)}
	var printable strings.Builder
	for c := ' '; c <= '~'; c++ {
		printable.WriteRune(c)
	}
	for _, state := range []string{printable.String(), strings.Repeat("s", 2048), "\u00e9\u6f22\U0001f600", "\xff", "a%26b=c#d"} {
		p := v.asks("client_id", "shop", "post_logout_redirect_uri", signedOutURI, "state", state)
		if p.Left == nil || p.Left.Query().Get("state") != state {
			t.Errorf("state %q comes back at %v", state, end(p))
		}
	}
}
