package protocol

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// everyClaim has all claims of OIDC Core 5.1 filled.
func everyClaim(a *account.Account) {
	a.Groups = []string{"finance", "staff"}
	a.Attributes = servertest.EveryAttribute()
}

// theClaims are those of everyClaim by scope, as JSON has them.
func theClaims(a account.Account) map[string]map[string]any {
	return map[string]map[string]any{
		"profile": {
			"name": a.Name, "given_name": "Ana", "family_name": "Lima", "middle_name": "Sofia", "nickname": "Nana", "gender": "female",
			"preferred_username": a.Username, "profile": "https://example.com/ana", "picture": "https://example.com/ana.png",
			"website": "https://ana.example", "birthdate": "1990-02-28", "zoneinfo": "Europe/Lisbon", "locale": "pt-PT",
			"updated_at": float64(a.Updated.Unix()),
		},
		"email":   {"email": a.Email, "email_verified": true},
		"address": {"address": map[string]any{"street_address": "Rua A 1", "locality": "Lisboa", "country": "Portugal"}},
		"phone":   {"phone_number": "+351 21 000 0000", "phone_number_verified": true},
		"groups":  {"groups": []any{"finance", "staff"}},
	}
}

// told is all that a client is told of a user whose claims are filled, and who has an authenticator.
type told struct {
	*servertest.Client
	user  account.Account
	phone servertest.Phone
}

var everyScope = []string{"openid", "profile", "email", "address", "phone", "groups", "offline_access"}

// newTold is a client that may ask for everything.
func newTold(t *testing.T, s *servertest.Site, change ...func(*client.Client)) *told {
	t.Helper()
	c := &told{user: s.AddUser("ana", everyClaim)}
	c.Client = s.NewClient(t, "shop", append([]func(*client.Client){func(c *client.Client) { c.Scopes = everyScope }}, change...)...)
	c.phone, _ = s.NewBrowser(t).Enrol("ana")
	return c
}

// toConsent signs ana in, in a new browser, with password and code.
func (c *told) toConsent(v *servertest.Trip) *servertest.Page {
	c.T.Helper()
	c.Site.Clock.Advance(servertest.Step)
	return v.SignIn(c.Site.NewBrowser(c.T), "ana").At("totp", "initial").GiveCode(c.phone.Code(0)).At("consent", "initial")
}

// tells checks what the ID token says of the user, and what userinfo does.
func (c *told) tells(r servertest.Tokens, idToken, userInfo map[string]any) {
	c.T.Helper()
	got := c.inIDToken(r.Token)
	for _, name := range inEveryIDToken {
		if _, has := got[name]; !has {
			c.T.Errorf("the ID token has no %s", name)
		}
		delete(got, name)
	}
	if !reflect.DeepEqual(got, idToken) {
		c.T.Errorf("the ID token says %v of the user, want %v", got, idToken)
	}
	want := maps.Clone(userInfo)
	want["sub"] = c.user.Subject
	if got := c.atUserInfo(r.Token); !reflect.DeepEqual(got, want) {
		c.T.Errorf("userinfo says %v, want %v", got, want)
	}
}

var inEveryIDToken = []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "jti", "at_hash"}

func (c *told) inIDToken(token *oauth2.Token) map[string]any {
	c.T.Helper()
	id, err := c.Verifier.Verify(c.T.Context(), token.Extra("id_token").(string))
	all := map[string]any{}
	if err == nil {
		err = id.Claims(&all)
	}
	if err != nil {
		c.T.Fatal(err)
	}
	return all
}

func (c *told) atUserInfo(token *oauth2.Token) map[string]any {
	c.T.Helper()
	response, err := c.OAuth.Client(c.T.Context(), token).Get(c.Site.Config.Issuer + "/userinfo")
	if err != nil {
		c.T.Fatal(err)
	}
	defer response.Body.Close()
	all := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil || response.StatusCode != http.StatusOK {
		c.T.Fatalf("userinfo: %d, %v", response.StatusCode, err)
	}
	return all
}

// TestScopesGiveClaims is what the certification asks of the scopes profile, email, address, phone and of all of them.
func TestScopesGiveClaims(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s)
		says := map[string]string{
			"profile": "See your name, username and the rest of your profile", "email": "See your email address: ana@example.com",
			"address": "See your postal address", "phone": "See your phone number", "groups": "See which groups you are in",
		}
		for _, scopes := range [][]string{{}, {"profile"}, {"email"}, {"address"}, {"phone"}, {"groups"}, {"profile", "email", "address", "phone", "groups"}} {
			v := c.Begin("scope", strings.Join(append([]string{"openid"}, scopes...), " "), "prompt", "consent")
			p := c.toConsent(v)
			want := map[string]any{}
			for scope, text := range says {
				if asked := slices.Contains(scopes, scope); asked != strings.Contains(p.Text(), text) {
					t.Errorf("with the scopes %q the page of consent says %q: %v", scopes, text, !asked)
				}
				if slices.Contains(scopes, scope) {
					maps.Copy(want, theClaims(c.user)[scope])
				}
			}
			c.tells(v.Finish(p.Allow()), map[string]any{}, want)
		}
	})
}

// TestEmptyClaimsAreLeftOut is a user of whom little is known (OIDC Core 5.3.2).
func TestEmptyClaimsAreLeftOut(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := &told{Client: s.NewClient(t, "shop", func(c *client.Client) { c.Scopes = everyScope })}
	c.user = s.AddUser("ben", func(a *account.Account) { a.Name, a.Email, a.EmailVerified = "", "", false })
	v := c.Begin("scope", "openid profile email address phone groups")
	c.tells(v.Finish(v.SignIn(s.NewBrowser(t), "ben").Allow()), map[string]any{},
		map[string]any{"preferred_username": "ben", "updated_at": float64(c.user.Updated.Unix())})
}

// TestClaimsParameter asks for claims one by one (OIDC Core 5.5): the user allows what the scopes would show.
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s)
		for _, tt := range []struct {
			claims            string
			idToken, userInfo map[string]any
			says              string
		}{
			{`{"userinfo":{"phone_number":{"essential":true}}}`, map[string]any{}, map[string]any{"phone_number": "+351 21 000 0000"}, "See your phone number"},
			{`{"id_token":{"email":null,"given_name":{"essential":true}}}`, map[string]any{"email": "ana@example.com", "given_name": "Ana"}, map[string]any{}, "See your email address: ana@example.com"},
			{`{"id_token":{"groups":{"value":"staff"}},"userinfo":{"locale":{"values":["de","pt-PT"]}}}`, map[string]any{"groups": []any{"finance", "staff"}}, map[string]any{"locale": "pt-PT"}, "See which groups you are in"},
			{`{"id_token":{"groups":{"value":"admins"}},"userinfo":{"locale":{"value":"de"}}}`, map[string]any{}, map[string]any{}, "See which groups you are in"},
			{`{"userinfo":{"shoe_size":{"essential":true},"sub":null,"amr":null},"id_token":{"auth_time":{"essential":true},"http://example.info/claims/groups":null},"more":1}`, map[string]any{}, map[string]any{}, "will not see your personal data"},
		} {
			v := c.Begin("scope", "openid", "prompt", "consent", "claims", tt.claims)
			p := c.toConsent(v).Says(tt.says)
			c.tells(v.Finish(p.Allow()), tt.idToken, tt.userInfo)
		}
		for _, raw := range []string{`x`, `[]`, `{"userinfo":{"email":"ana@example.com"}}`, `{"id_token":{"email":{"values":"x"}}}`} {
			v := c.Begin("scope", "openid", "claims", raw)
			v.Refused(s.NewBrowser(t).Open(v.Address), "invalid_request")
		}
	})
}

// TestClaimsNeedConsent remembers what was allowed, and gives nothing that was not.
func TestClaimsNeedConsent(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s)
		b := s.NewBrowser(t)
		s.Clock.Advance(servertest.Step)
		ask := func(claims string) *servertest.Trip { return c.Begin("scope", "openid", "claims", claims) }
		silent := func(claims string) *servertest.Trip {
			return c.Begin("scope", "openid", "claims", claims, "prompt", "none")
		}
		const phone, both = `{"userinfo":{"phone_number":null}}`, `{"userinfo":{"phone_number":null,"address":null}}`

		v := ask(phone)
		p := v.SignIn(b, "ana").GiveCode(c.phone.Code(0)).At("consent", "initial")
		v.Refused(p.Press("Don’t allow"), "access_denied")
		v = silent(phone)
		v.Refused(b.Open(v.Address), "consent_required")
		v = ask(phone)
		c.tells(v.Finish(b.Open(v.Address).Allow()), map[string]any{}, map[string]any{"phone_number": "+351 21 000 0000"})
		v = silent(phone)
		c.tells(v.Finish(b.Open(v.Address)), map[string]any{}, map[string]any{"phone_number": "+351 21 000 0000"})
		v = silent(both)
		v.Refused(b.Open(v.Address), "consent_required")
		v = ask(both)
		r := v.Finish(b.Open(v.Address).Says("See your postal address").Allow())
		c.tells(r, map[string]any{}, map[string]any{"phone_number": "+351 21 000 0000", "address": theClaims(c.user)["address"]["address"]})
		v = c.Begin("scope", "openid", "prompt", "none") // what was allowed is not given unasked
		c.tells(v.Finish(b.Open(v.Address)), map[string]any{}, map[string]any{})

		if err := s.Store.RevokeAccess(t.Context(), c.user.Subject, "shop", s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if status := s.UserInfo(r.Token.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d once the consent is taken back", status)
		}
		v = silent(phone)
		v.Refused(b.Open(v.Address), "consent_required")
	})
}

// TestClaimsBeyondTheClient are asked for by a client that has not registered their scopes, or not any more.
func TestClaimsBeyondTheClient(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s, func(c *client.Client) { c.Scopes = []string{"openid", "email"} })
		const all = `{"userinfo":{"phone_number":null,"name":null,"email":null},"id_token":{"groups":null,"email":null}}`
		v := c.Begin("scope", "openid phone", "claims", all)
		p := c.toConsent(v)
		if strings.Contains(p.Text(), "See your phone number") || strings.Contains(p.Text(), "See which groups") {
			t.Error("the page of consent offers what the client may not ask for")
		}
		email := map[string]any{"email": "ana@example.com"}
		c.tells(v.Finish(p.Allow()), email, email)

		v = c.Begin("scope", "openid", "claims", all, "prompt", "consent")
		p = c.toConsent(v)
		code := v.Code(p.Allow())
		fewer := []string{"openid"}
		c.update(func(c *client.Client) { c.Scopes = fewer })
		tokens, err := v.Exchange(code)
		if err != nil {
			t.Fatal(err)
		}
		c.tells(c.Read(tokens), map[string]any{}, map[string]any{})
	})
}

// update changes the client as an operator does.
func (c *told) update(change func(*client.Client)) {
	c.T.Helper()
	o := operator.New(c.Site.Store, c.Site.Store, "test")
	o.Now = c.Site.Clock.Now
	if _, err := o.UpdateClient(c.T.Context(), c.OAuth.ClientID, change); err != nil {
		c.T.Fatal(err)
	}
}

// change changes the user as an operator does.
func (c *told) change(change operator.UserChange) {
	c.T.Helper()
	o := operator.New(c.Site.Store, c.Site.Store, "test")
	o.Now = c.Site.Clock.Now
	if err := o.UpdateUser(c.T.Context(), c.user, change); err != nil {
		c.T.Fatal(err)
	}
}

// TestIDTokenTellsOfUser is a client that never asks the userinfo endpoint, as Auth.js is, and passport.
func TestIDTokenTellsOfUser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s, func(c *client.Client) { c.IDTokenClaims = []string{"profile", "email", "groups"} })
		of := theClaims(c.user)
		v := c.Begin("scope", "openid email phone offline_access")
		all := maps.Clone(of["email"])
		maps.Copy(all, of["phone"])
		r := v.Finish(c.toConsent(v).Allow())
		c.tells(r, of["email"], all)

		fresh := "new@example.com"
		c.change(operator.UserChange{Email: &fresh})
		renewed, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.inIDToken(renewed); got["email"] != fresh || got["email_verified"] != false || got["name"] != nil || got["phone_number"] != nil {
			t.Errorf("the ID token of a refresh says %v", got)
		}
		a := s.Token(c.Client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {renewed.RefreshToken}, "scope": {"openid phone"}})
		if got := c.inIDToken((&oauth2.Token{}).WithExtra(map[string]any{"id_token": a.IDToken})); got["email"] != nil {
			t.Errorf("the ID token of a refresh for less says %v", got)
		}

		v = c.Begin("scope", "openid email", "prompt", "consent")
		code := v.Code(c.toConsent(v).Allow())
		yes := true
		c.change(operator.UserChange{Disabled: &yes})
		if _, err := v.Exchange(code); err == nil {
			t.Error("a client got an ID token of a user who was shut out")
		}
	})
}

// TestClaimsOfAccountsKeptElsewhere is a server whose users another program keeps, with attributes or without.
func TestClaimsOfAccountsKeptElsewhere(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ben")
		for _, tt := range []struct {
			id     string
			change func(*account.Account)
			want   map[string]any
		}{
			{"without", func(a *account.Account) { a.Attributes, a.Groups, a.Updated = nil, nil, time.Time{} }, map[string]any{"name": "Ben Lima", "preferred_username": "ben"}},
			{"with", func(a *account.Account) {
				a.Updated = time.Unix(1790000000, 0)
				a.Attributes = map[string]string{"family_name": "Lima", "sub": "eve", "name": "Eve", "x": "y", "address.country": "PT"}
			}, map[string]any{"name": "Ben Lima", "preferred_username": "ben", "family_name": "Lima", "updated_at": 1790000000.0, "address": map[string]any{"country": "PT"}}},
		} {
			s.Accounts = directory{&account.Directory{Store: s.Store, Hasher: &account.Hasher{Memory: 64, Passes: 1}}, tt.change}
			s.Start(1)
			c := &told{Client: s.NewClient(t, tt.id, func(c *client.Client) {
				c.Scopes, c.IDTokenClaims = everyScope, []string{"profile", "address"}
			})}
			v := c.Begin("scope", "openid profile address phone groups")
			r := v.Finish(v.SignIn(s.NewBrowser(t), "ben").Allow())
			c.user.Subject = r.Subject
			c.tells(r, tt.want, tt.want)
		}
	})
}

// directory is where another program keeps users.
type directory struct {
	account.Accounts
	change func(*account.Account)
}

// Account implements account.Accounts.
func (d directory) Account(ctx context.Context, subject string) (account.Account, error) {
	a, err := d.Accounts.Account(ctx, subject)
	d.change(&a)
	return a, err
}

// TestDiscoveryTellsWhatIsOn compares the metadata with all that a client can get.
func TestDiscoveryTellsWhatIsOn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := newTold(t, s, func(c *client.Client) { c.Scopes = append(slices.Clone(everyScope), "orders:write") })
	var metadata struct {
		Scopes    []string `json:"scopes_supported"`
		Claims    []string `json:"claims_supported"`
		Parameter bool     `json:"claims_parameter_supported"`
	}
	if err := c.Provider.Claims(&metadata); err != nil || !metadata.Parameter {
		t.Fatalf("metadata %+v, %v", metadata, err)
	}
	v := c.Begin("scope", strings.Join(metadata.Scopes, " "))
	r := v.Finish(c.toConsent(v).Allow())
	if got := sorted(strings.Fields(r.Token.Extra("scope").(string))); !slices.Equal(got, sorted(metadata.Scopes)) || !slices.Equal(got, sorted(everyScope)) {
		t.Errorf("scopes_supported is %q, and %q are granted", metadata.Scopes, got)
	}
	all := c.inIDToken(r.Token)
	maps.Copy(all, c.atUserInfo(r.Token))
	if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, sorted(metadata.Claims)) {
		t.Errorf("claims_supported is\n%q, and a client gets\n%q", sorted(metadata.Claims), got)
	}
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// TestEssentialMethods asks for a second factor by amr, as others ask by acr.
func TestEssentialMethods(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := newTold(t, s)
		s.AddUser("ben")
		methods := func(values string) *servertest.Trip {
			return c.Begin("claims", `{"id_token":{"amr":{"essential":true,`+values+`}}}`)
		}
		v := methods(`"values":["otp"]`)
		r := v.Finish(c.toConsent(v).Allow())
		r.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		b := s.NewBrowser(t)
		v = methods(`"value":["pwd","mfa"]`)
		v.SignIn(b, "ben").At("setup", "initial")
		v = methods(`"values":["pwd","mfa"]`) // the password alone will do
		v.Finish(v.SignIn(s.NewBrowser(t), "ben").Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		v = methods(`"values":["face","iris"]`)
		v.Refused(s.NewBrowser(t).Open(v.Address), assurance.ErrorUnmet)
		v = methods(`"values":[1]`)
		v.Refused(s.NewBrowser(t).Open(v.Address), "invalid_request")
	})
}
