package signin

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
)

// TestStalePassword changes what a password stands for while the code is owed: the sign-in opens no session, whatever
// is proved next, and begins anew.
func TestStalePassword(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *servertest.Site, subject string) error{
		"new password": func(s *servertest.Site, subject string) error {
			hash, err := (&account.Hasher{}).Hash(s.T.Context(), "another long one")
			if err != nil {
				return err
			}
			return s.Store.ChangePassword(s.T.Context(), subject, hash, s.Clock.Now())
		},
		"disabled": func(s *servertest.Site, subject string) error {
			return s.Store.DisableAccount(s.T.Context(), subject, s.Clock.Now())
		},
		"disabled and enabled": func(s *servertest.Site, subject string) error {
			if err := s.Store.DisableAccount(s.T.Context(), subject, s.Clock.Now()); err != nil {
				return err
			}
			return s.Store.EnableAccount(s.T.Context(), subject, s.Clock.Now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			servertest.Each(t, func(t *testing.T, s *servertest.Site) {
				c := servertest.NewEnrolled(t, s, 2)
				user, _, err := s.Store.AccountByName(t.Context(), "ana")
				if err != nil {
					t.Fatal(err)
				}
				s.Clock.Advance(servertest.Step)
				b, other := s.NewBrowser(t), s.NewBrowser(t)
				withCode := c.Begin().SignIn(b, "ana").At("totp", "initial")
				withRecovery := c.Begin().SignIn(other, "ana").At("totp", "initial").Click("Use a recovery code")
				if err := change(s, user.Subject); err != nil {
					t.Fatal(err)
				}
				withCode.GiveCode(c.Phone.Code(0)).At("login", "again")
				withRecovery.Press("Continue", "recovery", c.Codes[0]).At("login", "again")
				if sessions, err := s.Store.Sessions(t.Context(), user.Subject); err != nil || len(sessions) > 0 {
					t.Errorf("there are the sessions %+v, %v", sessions, err)
				}
				b.Open("/account/security").At("login", "initial")
				status, err := s.MFA().Status(t.Context(), user.Subject)
				if err != nil || status.CodesLeft != 10 {
					t.Errorf("%d recovery codes are left, %v: what opens nothing must not be spent", status.CodesLeft, err)
				}
			})
		})
	}
}

// TestPromptLoginByAnotherClock has a proof that seems younger than the request, because the server that took it is
// ahead: prompt=login asks all the same.
func TestPromptLoginByAnotherClock(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		c.Begin().SignIn(b, "ana").GiveCode(c.Phone.Code(0)).Allow()
		s.Clock.Advance(-3 * time.Second)
		b.Open(c.Begin("prompt", "login").Address).At("login", "initial")
		v := c.Begin("prompt", "none", "max_age", "0")
		v.Refused(b.Open(v.Address), "login_required")
	})
}
