package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
)

// during sends a form to the first server and calls meanwhile as soon as that has sent the query to its database for the
// nth time. cancel is the browser going away. It returns the page that the answer leads to, or nil if there is no answer.
func (b *browser) during(query string, nth int, address string, form url.Values, meanwhile func(cancel func())) *page {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	app := b.site.first()
	var seen atomic.Int64
	app.Observe(func(trip storage.Trip) {
		if strings.Contains(trip.Queries[0], query) && seen.Add(1) == int64(nth) {
			meanwhile(cancel)
		}
	})
	defer app.Observe(nil)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.site.config.Issuer)
	for _, c := range b.http.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if seen.Load() < int64(nth) {
		b.t.Errorf("%s asks %q %d times, want %d", r.URL.Path, query, seen.Load(), nth)
	}
	b.http.Jar.SetCookies(r.URL, w.Result().Cookies())
	if ctx.Err() != nil || w.Header().Get("Location") == "" {
		return nil
	}
	return b.open(w.Header().Get("Location"))
}

// countsGuess begins the query that counts a guess: at a password from an unknown browser one for the address and then one
// for the account.
const countsGuess = "INSERT INTO guess"

// stranger is the address that during sends from.
const stranger = "192.0.2.1"

// TestGivenUp has the browser go away as soon as a guess is counted: what was compared is recorded all the same, and what
// was right does not stay counted.
func TestGivenUp(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		ana := mustSubject(t, s, "ana")
		member := s.newBrowser(t)
		member.open("/account/security").giveName("ana", password).giveCode(c.phone.code(0)).at("security", "on")
		remove := "/account/authenticators/" + s.authenticators(t, ana)[0] + "/remove"
		for name, tt := range map[string]struct {
			page   func() *page
			nth    int
			button string
			fields []string
			want   string
		}{
			"password":                     {func() *page { return s.newBrowser(t).open("/login") }, 1, "Sign in", []string{"username", "ana", "password", "wrong one"}, audit.EventPasswordFailed},
			"right password":               {func() *page { return s.newBrowser(t).open("/login") }, 1, "Sign in", []string{"username", "ana", "password", password}, audit.EventPassword},
			"code":                         {func() *page { return c.begin().signIn(s.newBrowser(t), "ana") }, 1, "Continue", []string{"code", c.phone.wrong()}, audit.EventTOTPFailed},
			"recovery code":                {func() *page { return c.begin().signIn(s.newBrowser(t), "ana").click("Use a recovery code") }, 1, "Continue", []string{"recovery", "AAAAA-BBBBB-CCCC2"}, audit.EventRecoveryFailed},
			"code of a set-up":             {func() *page { return member.open("/account/authenticators/new") }, 1, "Continue", []string{"code", c.phone.wrong()}, audit.EventTOTPFailed},
			"password for a removal":       {func() *page { return member.open(remove) }, 1, "Remove", []string{"password", "wrong one", "code", "123456"}, audit.EventPasswordFailed},
			"recovery code for a removal":  {func() *page { return member.open(remove + "?with=recovery") }, 2, "Remove", []string{"password", password, "recovery", "AAAAA-BBBBB-CCCC3"}, audit.EventRecoveryFailed},
			"right password for a removal": {func() *page { return member.open(remove) }, 1, "Remove", []string{"password", password, "code", "123456"}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				p := tt.page()
				for _, owner := range []string{ana, stranger} {
					if err := s.store.Unlock(t.Context(), owner); err != nil {
						t.Fatal(err)
					}
				}
				before := len(s.events(t, ana, tt.want))
				address, form := p.fill(tt.button, tt.fields...)
				p.during(countsGuess, tt.nth, address, form, func(cancel func()) { cancel() })
				if got := len(s.events(t, ana, tt.want)) - before; got != 1 && tt.want != "" {
					t.Errorf("%d events %s, want 1", got, tt.want)
				}
				if strings.HasPrefix(name, "right") {
					s.noGuesses(t, ana)
				}
			})
		}
	})
}

// noGuesses fails the test if guesses at the user's password, or from the address of during, are counted.
func (s *site) noGuesses(t *testing.T, subject string) {
	t.Helper()
	for _, owner := range []string{subject, stranger, "127.0.0.1"} {
		budgets, err := s.store.Budgets(t.Context(), owner, s.clock.now())
		if err != nil || len(budgets) > 0 {
			t.Errorf("guesses of %s are counted: %+v (%v)", owner, budgets, err)
		}
	}
}

// TestRightPasswordThatChangesNothing: a right password whose sign-in another click has brought on is recorded, and does
// not stay counted.
func TestRightPasswordThatChangesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana").Subject
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		b.open("/account/security").giveName("ana", password).at("security", "off")
		s.clock.advance(time.Second)
		before := len(s.events(t, ana, audit.EventPassword))
		p := b.open(c.begin("prompt", "login").address).at("login", "initial")
		address, form := p.fill("Sign in", "password", password)
		p.during("FROM authenticator", 1, address, form, func(func()) { // asked once the password is known to be right
			if err := b.send(address, form); err != nil {
				t.Error(err)
			}
		}).at("consent", "initial")
		if got := len(s.events(t, ana, audit.EventPassword)) - before; got != 2 {
			t.Errorf("%d right passwords are recorded, want 2", got)
		}
		s.noGuesses(t, ana)
	})
}

// TestFaultIsNoGuess: where nothing could be compared, nothing is counted.
func TestFaultIsNoGuess(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana").Subject
		if err := s.store.ChangePassword(t.Context(), ana, "not a hash", s.clock.now()); err != nil {
			t.Fatal(err)
		}
		s.newBrowser(t).open("/login").giveName("ana", password).at("error", "server")
		s.noGuesses(t, ana)
	})
}

// TestPasswordOfAnotherUserIsRecorded: a client that names a user must not become a way to try passwords unseen.
func TestPasswordOfAnotherUserIsRecorded(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana").Subject
		v := s.newClient(t, "shop").begin("claims", `{"id_token":{"sub":{"value":"somebody"}}}`)
		v.refused(v.signIn(s.newBrowser(t), "ana"), "login_required")
		if found := s.events(t, ana, audit.EventPassword); len(found) != 1 || found[0].Client != "shop" {
			t.Errorf("recorded are %+v, want one right password at the shop", found)
		}
		s.noGuesses(t, ana)
	})
}

// TestRefusedCodesAtOnce gives wrong codes at once in one sign-in, and then a used one beside the right one: each that was
// compared is recorded, however the sign-in has changed meanwhile.
func TestRefusedCodesAtOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		ana := mustSubject(t, s, "ana")
		p := c.begin().signIn(s.newBrowser(t), "ana").click("Use a recovery code")
		atOnce(4, func(i int) error {
			address, form := p.fill("Continue", "recovery", fmt.Sprintf("AAAAA-BBBBB-CCCC%d", i+2))
			return p.send(address, form)
		})
		if got := len(s.events(t, ana, audit.EventRecoveryFailed)); got != 4 {
			t.Errorf("%d wrong recovery codes are recorded, want 4", got)
		}

		used := c.phone.code(0)
		c.begin().signIn(s.newBrowser(t), "ana").giveCode(used)
		s.clock.advance(oneStep)
		p = c.begin().signIn(s.newBrowser(t), "ana").at("totp", "initial")
		address, form := p.fill("Continue", "code", used)
		right, rightForm := p.fill("Continue", "code", c.phone.code(0))
		p.during(countsGuess, 1, address, form, func(func()) {
			for range 2 { // the second is a double click, and no guess
				if err := p.send(right, rightForm); err != nil {
					t.Error(err)
				}
			}
		}).at("consent", "initial")
		if got := len(s.events(t, ana, audit.EventTOTPFailed)); got != 1 {
			t.Errorf("%d used codes are recorded, want 1", got)
		}
	})
}

// TestDoubleClickIsNoGuess sends a right code again while it is compared: nobody has guessed.
func TestDoubleClickIsNoGuess(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		ana := mustSubject(t, s, "ana")
		p := c.begin().signIn(s.newBrowser(t), "ana").at("totp", "initial")
		address, form := p.fill("Continue", "code", c.phone.code(0))
		p.during(countsGuess, 1, address, form, func(func()) {
			if err := p.send(address, form); err != nil {
				t.Error(err)
			}
		}).at("consent", "initial")
		if found := s.events(t, ana, audit.EventTOTPFailed); len(found) > 0 {
			t.Errorf("recorded are %+v", found)
		}
	})
}

// TestFactorGoneAtCodePage: whose last authenticator is removed while the page of the code is open has proved all that
// there is to prove, and is signed in like everybody.
func TestFactorGoneAtCodePage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		ana := mustSubject(t, s, "ana")
		b := s.newBrowser(t)
		v := c.begin()
		p := v.signIn(b, "ana").at("totp", "initial")
		if _, err := s.store.Reset(t.Context(), ana); err != nil {
			t.Fatal(err)
		}
		had, err := s.store.Sessions(t.Context(), ana)
		if err != nil {
			t.Fatal(err)
		}
		before := len(s.events(t, ana, audit.EventSignedIn))
		p = p.giveCode("123456").at("consent", "initial")
		sessions, err := s.store.Sessions(t.Context(), ana)
		if opened := len(s.events(t, ana, audit.EventSignedIn)) - before; err != nil || len(sessions) != len(had)+1 || opened != 1 {
			t.Errorf("%d sessions more, %d recorded (%v), want 1", len(sessions)-len(had), opened, err)
		}
		v.finish(p.allow())
		b.open("/account/security").at("security", "off")
	})
}

// TestRecoveryCodeInTheFieldForCodes: on the page that removes an authenticator it is welcome, and recorded as what it is.
func TestRecoveryCodeInTheFieldForCodes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		ana := mustSubject(t, s, "ana")
		b := s.newBrowser(t)
		b.open("/account/security").giveName("ana", password).giveCode(c.phone.code(0)).at("security", "on")
		p := b.open("/account/authenticators/"+s.authenticators(t, ana)[0]+"/remove").at("remove", "initial")
		p = p.press("Remove", "password", password, "code", "AAAAA-BBBBB-CCCC2").at("remove", "wrong").says("recovery code")
		if failed, totp := s.events(t, ana, audit.EventRecoveryFailed), s.events(t, ana, audit.EventTOTPFailed); len(failed) != 1 || len(totp) > 0 {
			t.Errorf("recorded are %+v and %+v, want one wrong recovery code", failed, totp)
		}
		p.click("Use a code from an authenticator app").press("Remove", "password", password, "code", c.codes[0]).at("security", "off")
		if found := s.events(t, ana, audit.EventRecoveryUsed); len(found) != 1 || found[0].Detail["left"] != "9" {
			t.Errorf("recorded are %+v, want one with 9 left", found)
		}
	})
}

func (s *site) authenticators(t *testing.T, subject string) (ids []string) {
	t.Helper()
	factors, err := s.store.Factors(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range factors.Authenticators {
		ids = append(ids, a.ID)
	}
	return ids
}

// TestTwoRemovals removes both authenticators at once. Whoever would unknowingly remove the last one is told, and the
// record says that it was the last.
func TestTwoRemovals(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		ana := mustSubject(t, s, "ana")
		b := s.newBrowser(t)
		b.open("/account/security").giveName("ana", password).giveCode(c.phone.code(0)).at("security", "on")
		p := b.open("/account/authenticators/new").at("setup", "initial")
		second := p.phone()
		p.press("Continue", "code", second.code(0), "name", "Second").at("security", "on")
		s.clock.advance(oneStep)
		ids := s.authenticators(t, ana)
		removal := func(id, code string) (string, url.Values) {
			return b.open("/account/authenticators/"+id+"/remove").at("remove", "initial").
				fill("Remove", "password", password, "code", code)
		}
		other, otherForm := removal(ids[1], second.code(0))
		address, form := removal(ids[0], c.phone.code(0))
		p = b.during("UPDATE guess SET tries", 1, address, form, func(func()) { // the right password is taken back
			b.post(other, otherForm).at("security", "on")
		}).at("remove", "last").says("The other authenticator was just removed").says("Two-step verification will be off")
		if left := s.authenticators(t, ana); len(left) != 1 {
			t.Fatalf("%d authenticators are left, want 1", len(left))
		}
		p.press("Remove", "password", password, "code", c.phone.code(0)).at("security", "off")
		found := s.events(t, ana, audit.EventFactorRemoved)
		if len(found) != 2 || found[0].Detail["last"] != "yes" || found[1].Detail["last"] != "no" {
			t.Errorf("recorded are %+v, want the second to be the last", found)
		}
	})
}

// TestNotNowIsOneUsers: that a user does not care to set an authenticator up says nothing about the next one.
func TestNotNowIsOneUsers(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana")
		s.addUser("ben")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		login := b.open(c.begin("acr_values", "aal2").address).at("login", "initial")
		login.giveName("ana", password).at("setup", "initial").press("Not now").at("consent", "initial")
		login.giveName("ben", password).at("setup", "initial") // the form was gone back to

		b = s.newBrowser(t)
		consent := b.open(c.begin("acr_values", "aal2").address).giveName("ana", password).press("Not now").at("consent", "initial")
		if err := s.store.EndAccess(t.Context(), ana.Subject); err != nil {
			t.Fatal(err)
		}
		consent.press("Allow").giveName("ben", password).at("setup", "initial")
	})
}
