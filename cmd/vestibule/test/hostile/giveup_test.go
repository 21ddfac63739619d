package hostile

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
)

// TestGivenUp has the browser go away as soon as a guess is counted: what was compared is recorded all the same, and what
// was right does not stay counted.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		ana := s.Account(t, "ana").Subject
		member := s.NewBrowser(t)
		member.Open("/account/security").GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).At("security", "on")
		remove := "/account/authenticators/" + s.Authenticators(t, ana)[0] + "/remove"
		for name, tt := range map[string]struct {
			page   func() *servertest.Page
			nth    int
			button string
			fields []string
			want   string
		}{
			"password":                     {func() *servertest.Page { return s.NewBrowser(t).Open("/login") }, 1, "Sign in", []string{"username", "ana", "password", "wrong one"}, audit.EventPasswordFailed},
			"right password":               {func() *servertest.Page { return s.NewBrowser(t).Open("/login") }, 1, "Sign in", []string{"username", "ana", "password", servertest.Password}, audit.EventPassword},
			"code":                         {func() *servertest.Page { return c.Begin().SignIn(s.NewBrowser(t), "ana") }, 1, "Continue", []string{"code", c.Phone.Wrong()}, audit.EventTOTPFailed},
			"recovery code":                {func() *servertest.Page { return c.Begin().SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code") }, 1, "Continue", []string{"recovery", "AAAAA-BBBBB-CCCC2"}, audit.EventRecoveryFailed},
			"code of a set-up":             {func() *servertest.Page { return member.Open("/account/authenticators/new") }, 1, "Continue", []string{"code", c.Phone.Wrong()}, audit.EventTOTPFailed},
			"password for a removal":       {func() *servertest.Page { return member.Open(remove) }, 1, "Remove", []string{"password", "wrong one", "code", "123456"}, audit.EventPasswordFailed},
			"recovery code for a removal":  {func() *servertest.Page { return member.Open(remove + "?with=recovery") }, 2, "Remove", []string{"password", servertest.Password, "recovery", "AAAAA-BBBBB-CCCC3"}, audit.EventRecoveryFailed},
			"right password for a removal": {func() *servertest.Page { return member.Open(remove) }, 1, "Remove", []string{"password", servertest.Password, "code", "123456"}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				p := tt.page()
				for _, owner := range []string{ana, servertest.Stranger} {
					if err := s.Store.Unlock(t.Context(), owner); err != nil {
						t.Fatal(err)
					}
				}
				before := len(s.Events(t, ana, tt.want))
				address, form := p.Fill(tt.button, tt.fields...)
				p.During(servertest.CountsGuess, tt.nth, address, form, func(cancel func()) { cancel() })
				if got := len(s.Events(t, ana, tt.want)) - before; got != 1 && tt.want != "" {
					t.Errorf("%d events %s, want 1", got, tt.want)
				}
				if strings.HasPrefix(name, "right") {
					noGuesses(t, s, ana)
				}
			})
		}
	})
}

// noGuesses fails the test if guesses at the user's password, or from the address of during, are counted.
func noGuesses(t *testing.T, s *servertest.Site, subject string) {
	t.Helper()
	for _, owner := range []string{subject, servertest.Stranger, "127.0.0.1"} {
		budgets, err := s.Store.Budgets(t.Context(), owner, s.Clock.Now())
		if err != nil || len(budgets) > 0 {
			t.Errorf("guesses of %s are counted: %+v (%v)", owner, budgets, err)
		}
	}
}

// TestRightPasswordThatChangesNothing: a right password whose sign-in another click has brought on is recorded, and does
// not stay counted.
func TestRightPasswordThatChangesNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana").Subject
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		b.Open("/account/security").GiveName("ana", servertest.Password).At("security", "off")
		s.Clock.Advance(time.Second)
		before := len(s.Events(t, ana, audit.EventPassword))
		p := b.Open(c.Begin("prompt", "login").Address).At("login", "initial")
		address, form := p.Fill("Sign in", "password", servertest.Password)
		p.During("FROM authenticator", 1, address, form, func(func()) { // asked once the password is known to be right
			if err := b.TrySend(address, form); err != nil {
				t.Error(err)
			}
		}).At("consent", "initial")
		if got := len(s.Events(t, ana, audit.EventPassword)) - before; got != 2 {
			t.Errorf("%d right passwords are recorded, want 2", got)
		}
		noGuesses(t, s, ana)
	})
}

// TestFaultIsNoGuess: where nothing could be compared, nothing is counted.
func TestFaultIsNoGuess(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana").Subject
		if err := s.Store.ChangePassword(t.Context(), ana, "not a hash", s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		s.NewBrowser(t).Open("/login").GiveName("ana", servertest.Password).At("error", "server")
		noGuesses(t, s, ana)
	})
}

// TestPasswordOfAnotherUserIsRecorded: a client that names a user must not become a way to try passwords unseen.
func TestPasswordOfAnotherUserIsRecorded(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana").Subject
		v := s.NewClient(t, "shop").Begin("claims", `{"id_token":{"sub":{"value":"somebody"}}}`)
		v.Refused(v.SignIn(s.NewBrowser(t), "ana"), "login_required")
		if found := s.Events(t, ana, audit.EventPassword); len(found) != 1 || found[0].Client != "shop" {
			t.Errorf("recorded are %+v, want one right password at the shop", found)
		}
		noGuesses(t, s, ana)
	})
}

// TestRefusedCodesAtOnce gives wrong codes at once in one sign-in, and then a used one beside the right one: each that was
// compared is recorded, however the sign-in has changed meanwhile.
func TestRefusedCodesAtOnce(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		ana := s.Account(t, "ana").Subject
		p := c.Begin().SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code")
		servertest.AtOnce(4, func(i int) error {
			address, form := p.Fill("Continue", "recovery", fmt.Sprintf("AAAAA-BBBBB-CCCC%d", i+2))
			return p.TrySend(address, form)
		})
		if got := len(s.Events(t, ana, audit.EventRecoveryFailed)); got != 4 {
			t.Errorf("%d wrong recovery codes are recorded, want 4", got)
		}

		used := c.Phone.Code(0)
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(used)
		s.Clock.Advance(servertest.Step)
		p = c.Begin().SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		address, form := p.Fill("Continue", "code", used)
		right, rightForm := p.Fill("Continue", "code", c.Phone.Code(0))
		p.During(servertest.CountsGuess, 1, address, form, func(func()) {
			for range 2 { // the second is a double click, and no guess
				if err := p.TrySend(right, rightForm); err != nil {
					t.Error(err)
				}
			}
		}).At("consent", "initial")
		if got := len(s.Events(t, ana, audit.EventTOTPFailed)); got != 1 {
			t.Errorf("%d used codes are recorded, want 1", got)
		}
	})
}

// TestDoubleClickIsNoGuess sends a right code again while it is compared: nobody has guessed.
func TestDoubleClickIsNoGuess(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		ana := s.Account(t, "ana").Subject
		p := c.Begin().SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		address, form := p.Fill("Continue", "code", c.Phone.Code(0))
		p.During(servertest.CountsGuess, 1, address, form, func(func()) {
			if err := p.TrySend(address, form); err != nil {
				t.Error(err)
			}
		}).At("consent", "initial")
		if found := s.Events(t, ana, audit.EventTOTPFailed); len(found) > 0 {
			t.Errorf("recorded are %+v", found)
		}
	})
}

// TestFactorGoneAtCodePage: whose last authenticator is removed while the page of the code is open has proved all that
// there is to prove, and is signed in like everybody.
func TestFactorGoneAtCodePage(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		ana := s.Account(t, "ana").Subject
		b := s.NewBrowser(t)
		v := c.Begin()
		p := v.SignIn(b, "ana").At("totp", "initial")
		if _, err := s.Store.Reset(t.Context(), ana); err != nil {
			t.Fatal(err)
		}
		had, err := s.Store.Sessions(t.Context(), ana)
		if err != nil {
			t.Fatal(err)
		}
		before := len(s.Events(t, ana, audit.EventSignedIn))
		p = p.GiveCode("123456").At("consent", "initial")
		sessions, err := s.Store.Sessions(t.Context(), ana)
		if opened := len(s.Events(t, ana, audit.EventSignedIn)) - before; err != nil || len(sessions) != len(had)+1 || opened != 1 {
			t.Errorf("%d sessions more, %d recorded (%v), want 1", len(sessions)-len(had), opened, err)
		}
		v.Finish(p.Allow())
		b.Open("/account/security").At("security", "off")
	})
}

// TestRecoveryCodeInTheFieldForCodes: on the page that removes an authenticator it is welcome, and recorded as what it is.
func TestRecoveryCodeInTheFieldForCodes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		ana := s.Account(t, "ana").Subject
		b := s.NewBrowser(t)
		b.Open("/account/security").GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).At("security", "on")
		p := b.Open("/account/authenticators/"+s.Authenticators(t, ana)[0]+"/remove").At("remove", "initial")
		p = p.Press("Remove", "password", servertest.Password, "code", "AAAAA-BBBBB-CCCC2").At("remove", "wrong").Says("recovery code")
		if failed, totp := s.Events(t, ana, audit.EventRecoveryFailed), s.Events(t, ana, audit.EventTOTPFailed); len(failed) != 1 || len(totp) > 0 {
			t.Errorf("recorded are %+v and %+v, want one wrong recovery code", failed, totp)
		}
		p.Click("Use a code from an authenticator app").Press("Remove", "password", servertest.Password, "code", c.Codes[0]).At("security", "off")
		if found := s.Events(t, ana, audit.EventRecoveryUsed); len(found) != 1 || found[0].Detail["left"] != "9" {
			t.Errorf("recorded are %+v, want one with 9 left", found)
		}
	})
}

// TestTwoRemovals removes both authenticators at once. Whoever would unknowingly remove the last one is told, and the
// record says that it was the last.
func TestTwoRemovals(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		ana := s.Account(t, "ana").Subject
		b := s.NewBrowser(t)
		b.Open("/account/security").GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).At("security", "on")
		p := b.Open("/account/authenticators/new").At("setup", "initial")
		second := p.Phone()
		p.Press("Continue", "code", second.Code(0), "name", "Second").At("security", "on")
		s.Clock.Advance(servertest.Step)
		ids := s.Authenticators(t, ana)
		removal := func(id, code string) (string, url.Values) {
			return b.Open("/account/authenticators/"+id+"/remove").At("remove", "initial").
				Fill("Remove", "password", servertest.Password, "code", code)
		}
		other, otherForm := removal(ids[1], second.Code(0))
		address, form := removal(ids[0], c.Phone.Code(0))
		p = b.During("UPDATE guess SET tries", 1, address, form, func(func()) { // the right password is taken back
			b.Post(other, otherForm).At("security", "on")
		}).At("remove", "last").Says("The other authenticator was just removed").Says("Two-step verification will be off")
		if left := s.Authenticators(t, ana); len(left) != 1 {
			t.Fatalf("%d authenticators are left, want 1", len(left))
		}
		p.Press("Remove", "password", servertest.Password, "code", c.Phone.Code(0)).At("security", "off")
		found := s.Events(t, ana, audit.EventFactorRemoved)
		if len(found) != 2 || found[0].Detail["last"] != "yes" || found[1].Detail["last"] != "no" {
			t.Errorf("recorded are %+v, want the second to be the last", found)
		}
	})
}

// TestNotNowIsOneUsers: that a user does not care to set an authenticator up says nothing about the next one.
func TestNotNowIsOneUsers(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		s.AddUser("ben")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		login := b.Open(c.Begin("acr_values", "aal2").Address).At("login", "initial")
		login.GiveName("ana", servertest.Password).At("setup", "initial").Press("Not now").At("consent", "initial")
		login.GiveName("ben", servertest.Password).At("setup", "initial") // the form was gone back to

		b = s.NewBrowser(t)
		consent := b.Open(c.Begin("acr_values", "aal2").Address).GiveName("ana", servertest.Password).Press("Not now").At("consent", "initial")
		if err := s.Store.EndAccess(t.Context(), ana.Subject); err != nil {
			t.Fatal(err)
		}
		consent.Press("Allow").GiveName("ben", servertest.Password).At("setup", "initial")
	})
}
