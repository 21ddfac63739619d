package protocol

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// hears has a client hear of sign-outs there.
func hears(l *servertest.LogoutListener) func(*client.Client) {
	return func(c *client.Client) {
		c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = l.Address, true
		c.PostLogoutRedirectURIs = []string{signedOutURI}
	}
}

// TestBackChannelLogout asks what the certification of an OpenID Provider for Back-Channel Logout asks.
func TestBackChannelLogout(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		o.supports(t, "backchannel")
		for _, alg := range client.Algorithms {
			t.Run("oidcc-backchannel-rp-initiated-logout "+alg, func(t *testing.T) {
				l := s.NewLogoutListener(t)
				c := s.NewClient(t, "shop-"+alg, hears(l), func(c *client.Client) { c.IDTokenAlg = alg })
				v := o.signIn(t, c)
				v.shop = c
				v.wants(v.asks("id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1"), signedOutURI+"?state=s1", true)
				s.Clock.Advance(time.Minute) // it is made when it is sent
				s.TellLogouts(t)
				checkLogoutToken(t, s, l.Heard(), v, alg)
				s.TellLogouts(t)
				if again := l.Heard(); len(again) > 0 {
					t.Errorf("the client is told again: %v", again)
				}
			})
		}
	})
}

// checkLogoutToken checks a logout token as section 2.6 tells the client to.
func checkLogoutToken(t *testing.T, s *servertest.Site, heard []servertest.LogoutToken, v *visit, alg string) {
	t.Helper()
	if len(heard) != 1 {
		t.Fatalf("%d logout tokens came, want 1", len(heard))
	}
	token, now := heard[0], float64(s.Clock.Now().Unix())
	issued, _ := token.Claims["iat"].(float64)
	expires, _ := token.Claims["exp"].(float64)
	for what, ok := range map[string]bool{
		"typ": token.Header.ExtraHeaders["typ"] == "logout+jwt", "alg": token.Header.Algorithm == alg,
		"iss": token.Claim("iss") == s.Config.Issuer, "aud": fmt.Sprint(token.Claims["aud"]) == "["+v.shop.OAuth.ClientID+"]",
		"iat": issued == now, "exp": expires > now && expires <= now+120, "jti": len(token.Claim("jti")) > 20,
		"sub": token.Claim("sub") == v.tokens.Subject, "sid": token.Claim("sid") == v.tokens.Session && v.tokens.Session != "",
		"events": fmt.Sprint(token.Claims["events"]) == "map[http://schemas.openid.net/event/backchannel-logout:map[]]",
		"nonce":  token.Claims["nonce"] == nil,
	} {
		if !ok {
			t.Errorf("%s is wrong in the logout token %v %v", what, token.Header.ExtraHeaders, token.Claims)
		}
	}
	if got := token.Claims; len(got) != 8 {
		t.Errorf("the logout token has the claims %v", got)
	}
}

// apps are two clients of a user's session, and others that have no part in it.
type apps struct {
	*signOuts
	t                  *testing.T
	user               account.Account
	first, second      *servertest.LogoutListener // of clients that the session has
	others             []*servertest.LogoutListener
	one                *servertest.Client
	browser, elsewhere *servertest.Browser
	hint, sid          string
}

// newApps has the user sign in in two browsers, the second of which is only for the first client.
func newApps(t *testing.T, s *servertest.Site, name string) *apps {
	t.Helper()
	a := &apps{t: t, signOuts: &signOuts{t: t, site: s}, user: s.AddUser(name), first: s.NewLogoutListener(t), second: s.NewLogoutListener(t)}
	a.browser, a.elsewhere = s.NewBrowser(t), s.NewBrowser(t)
	a.phone, _ = s.NewBrowser(t).Enrol(name)
	a.one = s.NewClient(t, name+"-one", hears(a.first))
	two := s.NewClient(t, name+"-two", hears(a.second), func(c *client.Client) { c.ResponseTypes = []string{client.ResponseIDToken} })
	strange := func(suffix string) *servertest.Client {
		l := s.NewLogoutListener(t)
		a.others = append(a.others, l)
		return s.NewClient(t, name+suffix, hears(l))
	}
	strange("-unused")
	a.signInTo(a.browser)
	a.hint = a.signInTo(a.elsewhere).IDToken()
	tokens := a.signInTo(a.browser)
	a.hint, a.sid = tokens.IDToken(), tokens.Session
	a.browser.Open(two.Begin("response_type", "id_token", "response_mode", "form_post").Address).Allow()
	begun := strange("-begun").Begin()
	begun.Code(a.browser.Open(begun.Address).Allow()) // which it does not exchange
	gone := strange("-gone")
	trip := gone.Begin()
	trip.Finish(a.browser.Open(trip.Address).Allow())
	if err := s.Store.DeleteClient(t.Context(), gone.OAuth.ClientID, s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.NewClient(t, gone.OAuth.ClientID, hears(a.others[len(a.others)-1])) // who has the id now inherits nothing
	return a
}

// signInTo has the browser sign in to the first client, with all that the user has if there is no session.
func (a *apps) signInTo(b *servertest.Browser) servertest.Tokens {
	a.t.Helper()
	a.site.Clock.Advance(servertest.Step) // the last code is used
	trip := a.one.BeginOffline()
	p := b.Open(trip.Address)
	if p.Name == "login" {
		p = p.GiveName(a.user.Username, servertest.Password).GiveCode(a.phone.Code(0))
	}
	if p.Name == "consent" {
		p = p.Allow()
	}
	return trip.Finish(p)
}

// heard is how many tokens came to the first client, the second and all others. Those to the second are of the one session
// that it was in.
func (a *apps) heard() [3]int {
	a.t.Helper()
	var n [3]int
	for i, l := range append([]*servertest.LogoutListener{a.first, a.second}, a.others...) {
		heard := l.Heard()
		n[min(i, 2)] += len(heard)
		for _, token := range heard {
			if token.Claim("sub") != a.user.Subject || i == 1 && token.Claim("sid") != a.sid {
				a.t.Errorf("client %d hears of session %s of %s", i, token.Claim("sid"), token.Claim("sub"))
			}
		}
	}
	return n
}

// TestEachEndingTellsEachClient goes through what ends sessions: each client that has got an ID token in one that ends hears of
// it once, and no other.
func TestEachEndingTellsEachClient(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		operate := func(do func(ctx context.Context, o *operator.Operator, a *apps) error) func(*apps) {
			return func(a *apps) {
				if err := do(a.t.Context(), s.Operator(), a); err != nil {
					a.t.Fatal(err)
				}
			}
		}
		yes, password := true, "a new password of some length"
		for i, tt := range []struct {
			name string
			end  func(a *apps)
			want [3]int
		}{
			{"sign-out", func(a *apps) { a.browser.Open("/logout").Press("Sign out") }, [3]int{1, 1}},
			{"sign-out that an app asks for", func(a *apps) {
				a.browser.Open(s.Config.Issuer+"/end-session?"+query("id_token_hint", a.hint).Encode()).At("logged-out", "app")
			}, [3]int{1, 1}},
			{"sign-out everywhere else", func(a *apps) { a.elsewhere.Open("/account/security").Press("Sign out everywhere else") }, [3]int{1, 1}},
			{"user sign-out", operate(func(ctx context.Context, o *operator.Operator, a *apps) error {
				_, err := o.EndAccess(ctx, a.user.Subject, "a stolen laptop")
				return err
			}), [3]int{2, 1}},
			{"user update --disable", operate(func(ctx context.Context, o *operator.Operator, a *apps) error {
				return o.UpdateUser(ctx, s.Account(a.t, a.user.Username), operator.UserChange{Disabled: &yes})
			}), [3]int{2, 1}},
			{"new password", operate(func(ctx context.Context, o *operator.Operator, a *apps) error {
				return o.UpdateUser(ctx, s.Account(a.t, a.user.Username), operator.UserChange{Password: &password})
			}), [3]int{2, 1}},
			{"user totp reset", func(a *apps) {
				if err := s.ResetFactors(a.t.Context(), a.user); err != nil {
					a.t.Fatal(err)
				}
			}, [3]int{2, 1}},
			{"the access of an app removed", func(a *apps) { // which ends no session
				a.browser.Open("/account/apps/remove?client="+a.one.OAuth.ClientID).Press("Remove access").At("apps", "removed")
			}, [3]int{}},
			{"another user in the same browser", func(a *apps) {
				s.AddUser(a.user.Username + "-other")
				trip := a.one.Begin("prompt", "login")
				trip.Finish(a.browser.Open(trip.Address).Press("Use a different account").GiveName(a.user.Username+"-other", servertest.Password).Allow())
			}, [3]int{1, 1}},
			{"its time", func(a *apps) { // which is no ending: nobody has signed out
				s.Clock.Advance(s.Config.SessionLifetime + time.Minute)
				if err := s.First().Do(a.t.Context(), "purge"); err != nil {
					a.t.Fatal(err)
				}
			}, [3]int{}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				a := newApps(t, s, fmt.Sprint("user", i))
				s.TellLogouts(t)
				if got := a.heard(); got != [3]int{} {
					t.Errorf("before the end %v are told", got)
				}
				tt.end(a)
				s.TellLogouts(t)
				s.TellLogouts(t)
				if got := a.heard(); got != tt.want {
					t.Errorf("%v hear of it, want %v", got, tt.want)
				}
			})
		}
	})
}

// TestAnswersToLogoutTokens is what becomes of each answer: sent, tried again, or given up.
func TestAnswersToLogoutTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		l := s.NewLogoutListener(t)
		o.shop = s.NewClient(t, "till", hears(l))
		for _, tt := range []struct {
			code   int
			result string
			again  bool
			events int
		}{
			{200, "sent", false, 0}, {204, "sent", false, 0}, {400, "refused", false, 1}, {302, "failed", true, 0}, {404, "failed", true, 0}, {500, "failed", true, 0}, {503, "failed", true, 0},
		} {
			t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
				before := count(t, s, tt.result)
				v := o.signIn(t, o.shop)
				l.Answer(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", l.Address)
					w.WriteHeader(tt.code)
				})
				tries := l.Tries()
				v.asks("id_token_hint", v.hint)
				s.TellLogouts(t)
				if got := l.Tries() - tries; got != 1 || count(t, s, tt.result) != before+1 {
					t.Errorf("%d requests, and %d of result %s", got, count(t, s, tt.result)-before, tt.result)
				}
				s.TellLogouts(t)
				if l.Tries() != tries+1 {
					t.Error("the client is asked again at once")
				}
				l.Answer(nil)
				s.Clock.Advance(5 * time.Second)
				s.TellLogouts(t)
				heard := l.Heard()
				if (len(heard) == 1) != tt.again {
					t.Errorf("later %d tokens come", len(heard))
				}
				events := slices.DeleteFunc(s.Events(t, v.tokens.Subject, audit.EventLogoutFailed), func(e audit.Recorded) bool { return e.Session != v.tokens.Session })
				if len(events) != tt.events || tt.events > 0 && (events[0].Detail["reason"] != "refused" || events[0].Client != "till") {
					t.Errorf("the log has %+v", events)
				}
			})
		}
	})
}

// TestAnswerIsOfOneToken: a client that does not take one token hears of the others, and is asked about that one again.
func TestAnswerIsOfOneToken(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		l := s.NewLogoutListener(t)
		o.shop = s.NewClient(t, "till", hears(l))
		for _, tt := range []struct{ code, heard int }{{401, 2}, {404, 2}, {500, 2}, {429, 0}, {502, 0}, {503, 0}} {
			for range 3 {
				v := o.signIn(t, o.shop)
				v.asks("id_token_hint", v.hint)
			}
			l.Answer(func(w http.ResponseWriter, _ *http.Request) {
				l.Answer(nil)
				w.WriteHeader(tt.code)
			})
			s.TellLogouts(t)
			if got := len(l.Heard()); got != tt.heard {
				t.Errorf("after one answer of %d the client hears %d others, want %d", tt.code, got, tt.heard)
			}
			s.Clock.Advance(5 * time.Second)
			s.TellLogouts(t)
			if got := len(l.Heard()); got != 3-tt.heard {
				t.Errorf("five seconds after an answer of %d it hears %d, want %d", tt.code, got, 3-tt.heard)
			}
		}
	})
}

// count is how many logout tokens had that result; of the result waiting it is how many wait.
func count(t *testing.T, s *servertest.Site, result string) (n int) {
	t.Helper()
	name := fmt.Sprintf("vestibule_logout_tokens_total{result=%q} ", result)
	if result == "waiting" {
		name = "vestibule_logout_tokens_waiting "
	}
	for _, line := range s.First().Metrics(t) {
		if value, ok := strings.CutPrefix(line, name); ok {
			fmt.Sscan(value, &n)
		}
	}
	return n
}

// TestLogoutTokenIsGivenUp tries a client that is dead with growing pauses, for as long as the settings say. The others are told
// at once.
func TestLogoutTokenIsGivenUp(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		dead, alive := s.NewLogoutListener(t), s.NewLogoutListener(t)
		dead.Answer(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
		o.shop = s.NewClient(t, "dead", hears(dead))
		other := s.NewClient(t, "alive", hears(alive))
		for range 3 {
			v := o.signIn(t, o.shop)
			trip := other.Begin()
			p := v.browser.Open(trip.Address)
			if p.Name == "consent" {
				p = p.Allow()
			}
			trip.Finish(p)
			v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
		}
		s.TellLogouts(t)
		if got, tries := len(alive.Heard()), dead.Tries(); got != 3 || tries != 1 {
			t.Errorf("the other client hears %d, want 3; the dead one is asked %d times, want once for all", got, tries)
		}
		if got := count(t, s, "waiting"); got != 3 {
			t.Errorf("%d wait, want 3", got)
		}
		began, last := s.Clock.Now(), 1
		var pauses []time.Duration
		for since := began; s.Clock.Now().Sub(began) < s.Config.LogoutTokenRetry+time.Hour; {
			s.Clock.Advance(5 * time.Second)
			if gap := s.Clock.Now().Sub(since); gap > 2*time.Minute {
				s.Clock.Advance(5 * time.Minute)
			}
			s.TellLogouts(t)
			if now := dead.Tries(); now > last {
				pauses, since, last = append(pauses, s.Clock.Now().Sub(since)), s.Clock.Now(), now
			}
		}
		if len(pauses) < 20 || len(pauses) > 500 || pauses[0] > 10*time.Second || pauses[len(pauses)-1] < 10*time.Minute {
			t.Errorf("it was tried %d times, with the pauses %v", len(pauses), pauses)
		}
		if got := count(t, s, "waiting"); got != 0 {
			t.Errorf("%d wait, want none", got)
		}
		events := s.Events(t, "", audit.EventLogoutFailed)
		if len(events) != 3 || events[0].Detail["reason"] != "unreachable" || events[0].Client != "dead" || events[0].Actor != "system" {
			t.Errorf("the log has %+v", events)
		}
	})
}

// TestSlowClientHoldsUpNobody: a client that does not answer has its own time, the user and other clients go on.
func TestSlowClientHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	o := newSignOuts(t, s)
	slow, quick := s.NewLogoutListener(t), s.NewLogoutListener(t)
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	slow.Answer(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	o.shop = s.NewClient(t, "slow", hears(slow))
	v := o.signIn(t, o.shop)
	v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
	var all sync.WaitGroup
	all.Go(func() { s.TellLogouts(t) })
	<-arrived
	o.shop = s.NewClient(t, "quick", hears(quick))
	v = o.signIn(t, o.shop)
	v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
	s.TellLogouts(t) // as the next second has it, beside the first
	if got := len(quick.Heard()); got != 1 || slow.Tries() != 1 {
		t.Errorf("the quick client hears %d, want 1; the slow one is asked %d times, want once", got, slow.Tries())
	}
	close(release)
	all.Wait()
	if got := count(t, s, "waiting"); got != 0 {
		t.Errorf("%d wait, want none", got)
	}
}

// TestLogoutTokensAfterAKill: what was to be told when a server ended is told by the next one, also if it had begun to.
func TestLogoutTokensAfterAKill(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		l := s.NewLogoutListener(t)
		o.shop = s.NewClient(t, "till", hears(l))
		v := o.signIn(t, o.shop)
		v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
		s.Start(1)
		s.TellLogouts(t)
		if got := len(l.Heard()); got != 1 {
			t.Errorf("after a kill %d tokens come, want 1", got)
		}
		v = o.signIn(t, o.shop)
		v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
		waiting, err := s.Store.DueLogouts(t.Context(), "till", s.Clock.Now(), 10)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("%v wait, %v", waiting, err)
		}
		now := s.Clock.Now() // one server takes it, and is killed before it is sent
		if err := s.Store.MoveLogout(t.Context(), waiting[0], now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		s.Start(1)
		s.TellLogouts(t)
		if got := len(l.Heard()); got != 0 {
			t.Errorf("what another server has taken is sent %d times", got)
		}
		s.Clock.Advance(time.Minute)
		s.TellLogouts(t)
		if got := len(l.Heard()); got != 1 {
			t.Errorf("after a kill of whoever had it %d tokens come, want 1", got)
		}
	})
}

// TestServersTellOnce: of several servers one tells a client of a session.
func TestServersTellOnce(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database)
		o := newSignOuts(t, s)
		l := s.NewLogoutListener(t)
		o.shop = s.NewClient(t, "till", hears(l))
		const sessions = 6
		for range sessions {
			v := o.signIn(t, o.shop)
			v.asks("id_token_hint", v.hint)
		}
		servers := []*servertest.Instance{s.First()}
		if !servertest.OnSQLite(database) { // which one process serves
			servers = append(servers, s.NewServer(), s.NewServer())
		}
		var all sync.WaitGroup
		for _, server := range slices.Concat(servers, servers) {
			all.Go(func() {
				if err := server.Do(t.Context(), "logout tokens"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		told := map[string]int{}
		for _, token := range l.Heard() {
			told[token.Claim("sid")]++
		}
		for sid, n := range told {
			if n != 1 {
				t.Errorf("session %s is told %d times", sid, n)
			}
		}
		if len(told) != sessions {
			t.Errorf("%d sessions are told, want %d", len(told), sessions)
		}
	})
}

// TestClientThatHearsNothingMore: one that was removed, or has taken its address back, is told nothing.
func TestClientThatHearsNothingMore(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	o := newSignOuts(t, s)
	l := s.NewLogoutListener(t)
	end := func(id string) {
		o.shop = s.NewClient(t, id, hears(l))
		v := o.signIn(t, o.shop)
		v.wants(v.asks("id_token_hint", v.hint), "logged-out app 200", true)
	}
	end("removed")
	if err := s.Store.DeleteClient(t.Context(), "removed", s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.NewClient(t, "removed", hears(l))
	end("silent")
	s.ChangeClient(t, "silent", func(c *client.Client) { c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = "", false })
	s.Clock.Advance(10 * time.Second) // clients are remembered for a moment
	s.TellLogouts(t)
	if got := l.Tries(); got != 0 || count(t, s, "waiting") != 0 || count(t, s, "dropped") != 2 {
		t.Errorf("%d requests came, %d wait and %d were dropped; want 0, 0, 2", got, count(t, s, "waiting"), count(t, s, "dropped"))
	}
}

// TestRefreshTokensAfterASignOut is the row of the table of endings: a sign-out that tells clients ends what the session gave
// them, but for refresh tokens, which are for a user who is away.
func TestRefreshTokensAfterASignOut(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	a := newApps(t, s, "ana")
	offline := a.signInTo(a.browser)
	trip := a.one.Begin("scope", "openid")
	online := trip.Finish(a.browser.Open(trip.Address))
	a.browser.Open("/logout").Press("Sign out")
	if s.UserInfo(online.Token.AccessToken) != http.StatusUnauthorized {
		t.Error("an access token without offline_access outlives the session")
	}
	if online.Token.RefreshToken != "" {
		t.Error("there is a refresh token without offline_access")
	}
	if _, err := a.one.Refresh(offline.Token.RefreshToken); err != nil {
		t.Errorf("a refresh token with offline_access: %v", err)
	}
	trip = a.one.Begin("prompt", "none")
	trip.Refused(a.browser.Open(trip.Address), "login_required")
}

// TestBackChannelOfANewAddress signs a user out in the moment in which the app has registered where it wants to hear of that:
// a server that remembers the app from before must not take it for one that hears nothing.
func TestBackChannelOfANewAddress(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		b, l := s.NewBrowser(t), s.NewLogoutListener(t)
		v := c.Begin()
		v.Finish(v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).Allow())
		s.ChangeClient(t, c.OAuth.ClientID, func(c *client.Client) { c.BackchannelLogoutURI = l.Address })
		b.Open("/logout").Press("Sign out")
		s.TellLogouts(t)
		if heard := l.Heard(); len(heard) != 1 {
			t.Errorf("the app heard of %d sign-outs, want one", len(heard))
		}
	})
}
