package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// crowd is how many ask at the same moment.
const crowd = 32

// atOnce calls f from many goroutines at the same moment.
func atOnce[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return results
}

// TestOneCodeOnce exchanges one authorization code many times at once, as a client does that lost the answer: all get the
// one answer. Later the code was used twice, and what came of it dies (RFC 6749 section 4.1.2).
func TestOneCodeOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		s.addUser("ana")
		c := s.newClient(t, "shop")
		v := c.beginOffline()
		code := v.code(v.signIn(s.newBrowser(t), "ana").allow())
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {returnURI}, "code_verifier": {v.pkce}}
		won := winners(t, atOnce(crowd, func(int) reply { return s.token(c, form) }), "")
		for _, a := range won {
			if a != won[0] {
				t.Fatalf("one code got %+v and %+v, want one answer", a, won[0])
			}
		}
		if status := s.userInfo(won[0].AccessToken); status != http.StatusOK {
			t.Errorf("the access token is answered with %d, want 200", status)
		}
		s.clock.advance(11 * time.Second)
		if a := s.token(c, form); a.Error != "invalid_grant" {
			t.Errorf("a code used again after 11 s gets %+v, want invalid_grant", a)
		}
		if status := s.userInfo(won[0].AccessToken); status != http.StatusUnauthorized {
			t.Errorf("the access token of a code that was used twice is answered with %d, want 401", status)
		}
		again := s.token(c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {won[0].RefreshToken}})
		if again.Error != "invalid_grant" {
			t.Errorf("the refresh token of a code that was used twice gets %+v, want invalid_grant", again)
		}
	})
}

// TestOneRefreshTokenOneChild uses one refresh token many times at once, as clients with several
// workers do: all get the one answer. Later the old token is taken for stolen.
func TestOneRefreshTokenOneChild(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		s.addUser("ana")
		c := s.newClient(t, "shop")
		v := c.beginOffline()
		r := v.finish(v.signIn(s.newBrowser(t), "ana").allow())
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {r.tokens.RefreshToken}}

		children := map[string]int{}
		access := map[string]int{}
		for _, a := range winners(t, atOnce(crowd, func(int) reply { return s.token(c, form) }), "") {
			children[a.RefreshToken]++
			access[a.AccessToken]++
		}
		if len(children) != 1 || len(access) != 1 {
			t.Fatalf("%d requests made %d refresh tokens and %d access tokens, want one of each", crowd, len(children), len(access))
		}
		child := slices.Collect(maps.Keys(children))[0]
		if status := s.userInfo(slices.Collect(maps.Keys(access))[0]); status != http.StatusOK {
			t.Errorf("the new access token is answered with %d, want 200", status)
		}

		s.clock.advance(11 * time.Second)
		if a := s.token(c, form); a.Error != "invalid_grant" {
			t.Errorf("a refresh token used again after 11 s gets %+v, want invalid_grant", a)
		}
		form.Set("refresh_token", child)
		if a := s.token(c, form); a.Error != "invalid_grant" {
			t.Errorf("the child of a stolen refresh token gets %+v, want invalid_grant", a)
		}
	})
}

// TestOneStepOnce gives one one-time code in many sign-ins at once: one of them goes on.
func TestOneStepOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		onlyOneGoesOn(t, s, c, c.phone.code(0), func(p *page, code string) (string, url.Values) {
			return p.at("totp", "initial").fill("Continue", "code", code)
		})
	})
}

// TestOneRecoveryCodeOnce does the same with a recovery code.
func TestOneRecoveryCodeOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		onlyOneGoesOn(t, s, c, c.codes[0], func(p *page, code string) (string, url.Values) {
			return p.at("totp", "initial").click("Use a recovery code").at("recovery", "initial").fill("Continue", "recovery", code)
		})
	})
}

// TestManySignInsOfOneUser gives the right password in many browsers at once, as a load test does: all get
// in, although each guess is counted before it is compared.
func TestManySignInsOfOneUser(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		s.addUser("ana")
		c := s.newClient(t, "shop")
		type form struct {
			*browser
			address string
			values  url.Values
		}
		var forms []form
		for range crowd {
			f := form{browser: s.newBrowser(t)}
			f.address, f.values = f.open(c.begin().address).at("login", "initial").fill("Sign in", "username", "ana", "password", password)
			forms = append(forms, f)
		}
		for _, err := range atOnce(crowd, func(i int) error { return forms[i].send(forms[i].address, forms[i].values) }) {
			if err != nil {
				t.Errorf("sign in: %v", err)
			}
		}
		for _, f := range forms {
			if p := f.open("/account/security"); p.name != "security" {
				t.Errorf("a right password leads to page %q in state %q", p.name, p.state)
			}
		}
	})
}

// enrolled is a client whose only user has an authenticator and recovery codes.
type enrolled struct {
	*client
	user  string
	phone phone
	codes []string
}

func enrolledClient(t *testing.T, s *site, servers int) *enrolled {
	t.Helper()
	s.start(servers)
	return enrolledClientAs(t, s, "shop", "ana")
}

func enrolledClientAs(t *testing.T, s *site, id, user string) *enrolled {
	t.Helper()
	s.addUser(user)
	c := &enrolled{client: s.newClient(t, id), user: user}
	c.phone, c.codes = s.newBrowser(t).enrol(user)
	return c
}

// onlyOneGoesOn brings many browsers to the page of the code, sends the same code from all of them at
// once, and counts those that may then go on without another.
func onlyOneGoesOn(t *testing.T, s *site, c *enrolled, code string, fill func(p *page, code string) (string, url.Values)) {
	t.Helper()
	const browsers = 16 // each costs a password hash
	type form struct {
		*browser
		trip    *trip
		address string
		values  url.Values
	}
	var forms []form
	for range browsers {
		f := form{browser: s.newBrowser(t), trip: c.begin()}
		f.address, f.values = fill(f.trip.signIn(f.browser, "ana"), code)
		forms = append(forms, f)
	}
	atOnce(browsers, func(i int) error { return forms[i].send(forms[i].address, forms[i].values) })

	var on int
	for _, f := range forms {
		id, _, _ := strings.Cut(f.values.Get("flow"), ".") // without a version, no server answers from memory
		switch p := f.open("/consent?flow=" + id); p.name {
		case "consent":
			on++
			f.trip.finish(p.press("Allow"))
		case "totp", "recovery":
		default:
			if p.left != nil || p.name != "recovery-used" {
				t.Errorf("a sign-in is at %v, page %q, state %q", p.left, p.name, p.state)
			}
			on++
		}
	}
	if on != 1 {
		t.Errorf("%d of %d sign-ins went on with one code, want 1", on, browsers)
	}
}

// send posts a form and leaves it at that.
func (b *browser) send(address string, form url.Values) error {
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.site.config.Issuer)
	response, err := b.http.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// reply is what the token endpoint says.
type reply struct {
	Status       int
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	failure      error
}

// token asks the token endpoint. It may be called from any goroutine.
func (s *site) token(c *client, form url.Values) reply {
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.oauth.Endpoint.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{failure: err}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.oauth.ClientID), url.QueryEscape(c.oauth.ClientSecret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{failure: err}
	}
	defer response.Body.Close()
	return decodeReply(response)
}

func decodeReply(response *http.Response) reply {
	a := reply{Status: response.StatusCode}
	a.failure = json.NewDecoder(response.Body).Decode(&a)
	return a
}

// userInfo returns how the userinfo endpoint answers to an access token.
func (s *site) userInfo(token string) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.config.Issuer+"/userinfo", nil)
	if err != nil {
		s.t.Fatalf("userinfo: %v", err)
	}
	(&oauth2.Token{AccessToken: token}).SetAuthHeader(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatalf("userinfo: %v", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		s.t.Fatalf("userinfo: %v", err)
	}
	return response.StatusCode
}

// winners returns the answers with tokens; all the others must have the error.
func winners(t *testing.T, answers []reply, loss string) []reply {
	t.Helper()
	var won []reply
	for _, a := range answers {
		switch {
		case a.failure != nil:
			t.Errorf("token endpoint: %v", a.failure)
		case a.Status == http.StatusOK && a.AccessToken != "":
			won = append(won, a)
		case a.Error != loss:
			t.Errorf("the token endpoint answers %+v, want tokens or %q", a, loss)
		}
	}
	return won
}
