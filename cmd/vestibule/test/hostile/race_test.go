package hostile

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// crowd is how many ask at the same moment.
const crowd = 32

// TestOneCodeOnce exchanges one authorization code many times at once: one request at most gets an answer, and what came of the
// code dies, since it was used twice (RFC 6749 section 4.1.2).
func TestOneCodeOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		v := c.BeginOffline()
		code := v.Code(v.SignIn(s.NewBrowser(t), "ana").Allow())
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {servertest.ReturnURI}, "code_verifier": {v.PKCE}}
		won := winners(t, servertest.AtOnce(crowd, func(int) servertest.Reply { return s.Token(c, form) }), "invalid_grant")
		if len(won) != 1 {
			t.Fatalf("one code was answered %d times, want once", len(won))
		}
		if status := s.UserInfo(won[0].AccessToken); status != http.StatusUnauthorized {
			t.Errorf("the access token of a code that was used twice is answered with %d, want 401", status)
		}
		again := s.Token(c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {won[0].RefreshToken}})
		if again.Error != "invalid_grant" {
			t.Errorf("the refresh token of a code that was used twice gets %+v, want invalid_grant", again)
		}
	})
}

// TestOneRefreshTokenOneChild uses one refresh token many times at once, as clients with several
// workers do: all get the one answer. Later the old token is taken for stolen.
func TestOneRefreshTokenOneChild(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		v := c.BeginOffline()
		r := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow())
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.Token.RefreshToken}}

		children := map[string]int{}
		access := map[string]int{}
		for _, a := range winners(t, servertest.AtOnce(crowd, func(int) servertest.Reply { return s.Token(c, form) }), "") {
			children[a.RefreshToken]++
			access[a.AccessToken]++
		}
		if len(children) != 1 || len(access) != 1 {
			t.Fatalf("%d requests made %d refresh tokens and %d access tokens, want one of each", crowd, len(children), len(access))
		}
		child := slices.Collect(maps.Keys(children))[0]
		if status := s.UserInfo(slices.Collect(maps.Keys(access))[0]); status != http.StatusOK {
			t.Errorf("the new access token is answered with %d, want 200", status)
		}

		s.Clock.Advance(11 * time.Second)
		if a := s.Token(c, form); a.Error != "invalid_grant" {
			t.Errorf("a refresh token used again after 11 s gets %+v, want invalid_grant", a)
		}
		form.Set("refresh_token", child)
		if a := s.Token(c, form); a.Error != "invalid_grant" {
			t.Errorf("the child of a stolen refresh token gets %+v, want invalid_grant", a)
		}
	})
}

// TestOneRefreshTokenWithoutGrace does the same where no answer is given again: one request gets one, and nothing is left of it.
func TestOneRefreshTokenWithoutGrace(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.RefreshTokenGrace = 0 }, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		v := c.BeginOffline()
		r := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow())
		next, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {next.RefreshToken}}
		won := winners(t, servertest.AtOnce(8, func(int) servertest.Reply { return s.Token(c, form) }), "invalid_grant")
		if len(won) != 1 {
			t.Fatalf("one refresh token was answered %d times, want once", len(won))
		}
		if status := s.UserInfo(won[0].AccessToken); status != http.StatusUnauthorized {
			t.Errorf("the access token of a refresh token that was used twice is answered with %d, want 401", status)
		}
		form.Set("refresh_token", won[0].RefreshToken)
		if a := s.Token(c, form); a.Error != "invalid_grant" {
			t.Errorf("the child of a refresh token that was used twice gets %+v, want invalid_grant", a)
		}

		// The same token comes to a server whose clock is behind that of the one which has answered it.
		v = c.BeginOffline()
		r = v.Finish(v.SignIn(s.NewBrowser(t), "ana"))
		if next, err = c.Refresh(r.Token.RefreshToken); err != nil {
			t.Fatalf("refresh: %v", err)
		}
		s.Clock.Advance(-time.Second)
		form.Set("refresh_token", r.Token.RefreshToken)
		if a := s.Token(c, form); a.Error != "invalid_grant" {
			t.Errorf("a refresh token used again gets %+v, want invalid_grant", a)
		}
		if status := s.UserInfo(next.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("the access token of a refresh token that was used twice is answered with %d, want 401", status)
		}
	})
}

// TestOneStepOnce gives one one-time code in many sign-ins at once: one of them goes on.
func TestOneStepOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		onlyOneGoesOn(t, s, c, c.Phone.Code(0), func(p *servertest.Page, code string) (string, url.Values) {
			return p.At("totp", "initial").Fill("Continue", "code", code)
		})
	})
}

// TestOneRecoveryCodeOnce does the same with a recovery code.
func TestOneRecoveryCodeOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		onlyOneGoesOn(t, s, c, c.Codes[0], func(p *servertest.Page, code string) (string, url.Values) {
			return p.At("totp", "initial").Click("Use a recovery code").At("recovery", "initial").Fill("Continue", "recovery", code)
		})
	})
}

// TestManySignInsOfOneUser gives the right password in many browsers at once, as a load test does: all get
// in, although each guess is counted before it is compared.
func TestManySignInsOfOneUser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		type form struct {
			*servertest.Browser
			address string
			values  url.Values
		}
		var forms []form
		for range crowd {
			f := form{Browser: s.NewBrowser(t)}
			f.address, f.values = f.Open(c.Begin().Address).At("login", "initial").Fill("Sign in", "username", "ana", "password", servertest.Password)
			forms = append(forms, f)
		}
		for _, err := range servertest.AtOnce(crowd, func(i int) error { return forms[i].TrySend(forms[i].address, forms[i].values) }) {
			if err != nil {
				t.Errorf("sign in: %v", err)
			}
		}
		for _, f := range forms {
			if p := f.Open("/account/security"); p.Name != "security" {
				t.Errorf("a right password leads to page %q in state %q", p.Name, p.State)
			}
		}
	})
}

// onlyOneGoesOn brings many browsers to the page of the code, sends the same code from all of them at
// once, and counts those that may then go on without another.
func onlyOneGoesOn(t *testing.T, s *servertest.Site, c *servertest.Enrolled, code string, fill func(p *servertest.Page, code string) (string, url.Values)) {
	t.Helper()
	const browsers = 16 // each costs a password hash
	type form struct {
		*servertest.Browser
		trip    *servertest.Trip
		address string
		values  url.Values
	}
	var forms []form
	for range browsers {
		f := form{Browser: s.NewBrowser(t), trip: c.Begin()}
		f.address, f.values = fill(f.trip.SignIn(f.Browser, "ana"), code)
		forms = append(forms, f)
	}
	servertest.AtOnce(browsers, func(i int) error { return forms[i].TrySend(forms[i].address, forms[i].values) })

	var on int
	for _, f := range forms {
		id, _, _ := strings.Cut(f.values.Get("flow"), ".") // without a version, no server answers from memory
		switch p := f.Open("/consent?flow=" + id); p.Name {
		case "consent":
			on++
			f.trip.Finish(p.Press("Allow"))
		case "totp", "recovery":
		default:
			if p.Left != nil || p.Name != "recovery-used" {
				t.Errorf("a sign-in is at %v, page %q, state %q", p.Left, p.Name, p.State)
			}
			on++
		}
	}
	if on != 1 {
		t.Errorf("%d of %d sign-ins went on with one code, want 1", on, browsers)
	}
}

// winners returns the answers with tokens; all the others must have the error.
func winners(t *testing.T, answers []servertest.Reply, loss string) []servertest.Reply {
	t.Helper()
	var won []servertest.Reply
	for _, a := range answers {
		switch {
		case a.Failure != nil:
			t.Errorf("token endpoint: %v", a.Failure)
		case a.Status == http.StatusOK && a.AccessToken != "":
			won = append(won, a)
		case a.Error != loss:
			t.Errorf("the token endpoint answers %+v, want tokens or %q", a, loss)
		}
	}
	return won
}
