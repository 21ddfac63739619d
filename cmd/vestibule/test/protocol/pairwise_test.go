package protocol

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// sectors are clients that know one user with a second factor.
type sectors struct {
	*servertest.Site
	t                        *testing.T
	user                     account.Account
	browser                  *servertest.Browser
	api                      *servertest.Inspector
	public, shop, till       *servertest.Client // the last two are one sector
	bank, tv                 *servertest.Client // each by itself
	hearsOfShop, hearsOfBank *servertest.LogoutListener
}

// pairwise has a client know users so, answered there.
func pairwise(uri string) func(*client.Client) {
	return func(c *client.Client) {
		c.SubjectType, c.RedirectURIs, c.PostLogoutRedirectURIs = client.SubjectPairwise, []string{uri}, []string{signedOutURI}
	}
}

func newSectors(t *testing.T, s *servertest.Site) *sectors {
	t.Helper()
	public := servertest.NewEnrolledAs(t, s, "public", "ana")
	s.Clock.Advance(servertest.Step)
	x := &sectors{Site: s, t: t, user: s.Account(t, "ana"), browser: s.NewBrowser(t), api: s.NewInspectorAs(t, "api"), public: public.Client}
	x.hearsOfShop, x.hearsOfBank = s.NewLogoutListener(t), s.NewLogoutListener(t)
	x.shop = s.NewClient(t, "shop", hears(x.hearsOfShop), pairwise("https://shop.example/cb"))
	x.till = s.NewClient(t, "till", pairwise("https://shop.example/till"))
	x.bank = s.NewClient(t, "bank", hears(x.hearsOfBank), pairwise("https://bank.example/cb"), func(c *client.Client) {
		c.AccessTokenFormat, c.UserInfoAlg, c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = client.FormatJWT, client.ES256, "https://bank.example/out", true
	})
	x.tv = s.NewClient(t, "tv", servertest.OnDevice, func(c *client.Client) { c.SubjectType = client.SubjectPairwise })
	v := x.public.Begin()
	v.Finish(v.SignIn(x.browser, "ana").GiveCode(public.Phone.Code(0)).Allow())
	return x
}

// signIn has the user allow the client what it asks for.
func (x *sectors) signIn(c *servertest.Client, parameters ...string) servertest.Tokens {
	x.t.Helper()
	v := c.Begin(append([]string{"scope", "openid email offline_access", "prompt", "consent"}, parameters...)...)
	return v.Finish(x.browser.Open(v.Address).Allow())
}

// subject is by which sub the client, and an API of its, know the user everywhere; the test fails unless that is one.
func (x *sectors) subject(c *servertest.Client) (sub, sid string) {
	x.t.Helper()
	r := x.signIn(c)
	c.For(x.api)
	atAPI := x.signIn(c)
	c.Resource = ""
	renewed, err := c.Refresh(r.Token.RefreshToken)
	if err != nil {
		x.t.Fatal(err)
	}
	c.Read(renewed).Same(x.t, r)
	atAPI.Same(x.t, r)
	found := map[string]string{
		"userinfo":           x.userInfo(renewed),
		"introspection":      c.Inspector().Ask(x.t, renewed.AccessToken).Subject,
		"refresh token":      c.Inspector().Ask(x.t, renewed.RefreshToken).Subject,
		"introspection, API": x.api.Ask(x.t, atAPI.Token.AccessToken).Subject,
	}
	if strings.Count(renewed.AccessToken, ".") == 2 {
		found["JWT"] = payload(x.t, renewed.AccessToken)["sub"].(string)
	}
	for where, got := range found {
		if got != r.Subject {
			x.t.Errorf("%s: %s has the subject %q, the ID token %q", c.OAuth.ClientID, where, got, r.Subject)
		}
	}
	return r.Subject, r.Session
}

// userInfo is the sub of userinfo, signed or not.
func (x *sectors) userInfo(token *oauth2.Token) string {
	x.t.Helper()
	got := ask(x.t, x.Site, "/userinfo", nil, bearer(token.AccessToken))
	if got.kind == "application/jwt" {
		return payload(x.t, got.body)["sub"].(string)
	}
	var told struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal([]byte(got.body), &told); err != nil {
		x.t.Fatal(err)
	}
	return told.Subject
}

// payload is what a JWT says.
func payload(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || json.Unmarshal(data, &claims) != nil {
		t.Fatalf("%s is no JWT", token)
	}
	return claims
}

// TestPairwiseSubjects has one user sign in to clients of several sectors, with a second factor and consent in the way: nothing
// that two of them learn has anything in common, and each is understood in its own words.
func TestPairwiseSubjects(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		x := newSectors(t, s)
		public, session := x.subject(x.public)
		shop, shopSession := x.subject(x.shop)
		till, tillSession := x.subject(x.till)
		bank, bankSession := x.subject(x.bank)
		if public != x.user.Subject || shop != till || shopSession != tillSession {
			t.Errorf("the subjects are %q, public; %q and %q in one sector", public, shop, till)
		}
		d := x.tv.NewDevice(t, "openid")
		d.Enter(x.browser).Allow().At("device-done", "initial")
		tv := x.tv.Read(wants(t, "the device", d.Poll(), "").Tokens())
		seen := map[string]string{}
		for who, one := range map[string][2]string{"public": {public, session}, "shop": {shop, shopSession}, "bank": {bank, bankSession}, "tv": {tv.Subject, tv.Session}} {
			for _, name := range one {
				if other, ok := seen[name]; ok || name == "" {
					t.Errorf("%s and %s know user or session by %q", who, other, name)
				}
				seen[name] = who
			}
		}
		var metadata struct {
			Types []string `json:"subject_types_supported"`
		}
		if err := x.shop.Provider.Claims(&metadata); err != nil || strings.Join(metadata.Types, " ") != "public pairwise" {
			t.Errorf("the metadata says %v, %v", metadata.Types, err)
		}
		x.hints(shop, bank)
		s.Start(1) // with what another process has made
		if again, _ := x.subject(x.shop); again != shop {
			t.Errorf("after a restart the user is %q, was %q", again, shop)
		}
		for _, id := range []string{"public", "shop", "bank", "tv"} { // operators know one user
			if !hasClient(s.Events(t, x.user.Subject, audit.EventConsent), id) {
				t.Errorf("the audit log does not tell that the user has allowed %s something", id)
			}
		}
		x.signOut(map[string][2]string{"shop": {shop, shopSession}, "bank": {bank, bankSession}})
	})
}

func hasClient(events []audit.Recorded, id string) bool {
	for _, e := range events {
		if e.Client == id {
			return true
		}
	}
	return false
}

// hints has clients name the user: each by what it knows, and by what it does not.
func (x *sectors) hints(shop, bank string) {
	x.t.Helper()
	named := func(sub string) string {
		data, _ := json.Marshal(map[string]any{"id_token": map[string]any{"sub": map[string]any{"value": sub}}})
		return string(data)
	}
	ofShop, ofBank, ofPublic := x.signIn(x.shop).IDToken(), x.signIn(x.bank).IDToken(), x.signIn(x.public).IDToken()
	for _, tt := range []struct {
		what, name, value string
		from              *servertest.Client
		want              string
	}{
		{"its own hint", "id_token_hint", ofShop, x.shop, ""},
		{"a hint of its sector", "id_token_hint", ofShop, x.till, ""},
		{"another's hint", "id_token_hint", ofBank, x.shop, "invalid_request"},
		{"a public client's hint", "id_token_hint", ofPublic, x.shop, "invalid_request"},
		{"a public client with the hint of a pairwise one", "id_token_hint", ofShop, x.public, "invalid_request"},
		{"its own sub", "claims", named(shop), x.shop, ""},
		{"the other's sub", "claims", named(bank), x.shop, "login_required"},
		{"the user's own sub", "claims", named(x.user.Subject), x.shop, "login_required"},
		{"a public client with the user's own sub", "claims", named(x.user.Subject), x.public, ""},
		{"a public client with another's sub", "claims", named(shop), x.public, "login_required"},
	} {
		v := tt.from.Begin("scope", "openid email", "prompt", "none", tt.name, tt.value)
		if p := x.browser.Open(v.Address); tt.want != "" {
			v.Refused(p, tt.want)
		} else if p.Left == nil || p.Left.Query().Get("error") != "" {
			x.t.Errorf("%s: the answer is %v", tt.what, p.Left)
		}
	}
	v := x.shop.Begin("prompt", "none", "id_token_hint", ofShop, "claims", named(bank))
	v.Refused(x.browser.Open(v.Address), "invalid_request")
}

// signOut ends the session at the wish of a client, by its hint: each hears of user and session by what it knows them by.
func (x *sectors) signOut(known map[string][2]string) {
	x.t.Helper()
	hint := x.signIn(x.shop).IDToken()
	form := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {signedOutURI}}
	p := x.browser.Open("/end-session?"+form.Encode()).At("logged-out", "apps")
	want := "https://bank.example/out?" + url.Values{"iss": {x.Config.Issuer}, "sid": {known["bank"][1]}}.Encode()
	if got := frames(p); len(got) != 1 || got[0] != want {
		x.t.Errorf("the frames are %q, want %s", got, want)
	}
	x.TellLogouts(x.t)
	for id, l := range map[string]*servertest.LogoutListener{"shop": x.hearsOfShop, "bank": x.hearsOfBank} {
		heard := l.Heard()
		if len(heard) != 1 || heard[0].Claim("sub") != known[id][0] || heard[0].Claim("sid") != known[id][1] {
			x.t.Errorf("%s hears %v, want of %q", id, heard, known[id])
		}
	}
}
