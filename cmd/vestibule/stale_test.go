package main

import (
	"testing"
	"time"

	"vestibule/provider/account"
)

// TestStalePassword changes what a password stands for while the code is owed: the sign-in opens no session, whatever
// is proved next, and begins anew.
func TestStalePassword(t *testing.T) {
	for name, change := range map[string]func(s *site, subject string) error{
		"new password": func(s *site, subject string) error {
			hash, err := (&account.Hasher{}).Hash(s.t.Context(), "another long one")
			if err != nil {
				return err
			}
			return s.store.ChangePassword(s.t.Context(), subject, hash, s.clock.now())
		},
		"disabled": func(s *site, subject string) error {
			return s.store.DisableAccount(s.t.Context(), subject, s.clock.now())
		},
		"disabled and enabled": func(s *site, subject string) error {
			if err := s.store.DisableAccount(s.t.Context(), subject, s.clock.now()); err != nil {
				return err
			}
			return s.store.EnableAccount(s.t.Context(), subject, s.clock.now())
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachSite(t, func(t *testing.T, s *site) {
				c := enrolledClient(t, s, 2)
				user, _, err := s.store.AccountByName(t.Context(), "ana")
				if err != nil {
					t.Fatal(err)
				}
				s.clock.advance(oneStep)
				b, other := s.newBrowser(t), s.newBrowser(t)
				withCode := c.begin().signIn(b, "ana").at("totp", "initial")
				withRecovery := c.begin().signIn(other, "ana").at("totp", "initial").click("Use a recovery code")
				if err := change(s, user.Subject); err != nil {
					t.Fatal(err)
				}
				withCode.giveCode(c.phone.code(0)).at("login", "again")
				withRecovery.press("Continue", "recovery", c.codes[0]).at("login", "again")
				if sessions, err := s.store.Sessions(t.Context(), user.Subject); err != nil || len(sessions) > 0 {
					t.Errorf("there are the sessions %+v, %v", sessions, err)
				}
				b.open("/account/security").at("login", "initial")
				status, err := s.mfa().Status(t.Context(), user.Subject)
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
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		c.begin().signIn(b, "ana").giveCode(c.phone.code(0)).allow()
		s.clock.advance(-3 * time.Second)
		b.open(c.begin("prompt", "login").address).at("login", "initial")
		v := c.begin("prompt", "none", "max_age", "0")
		v.refused(b.open(v.address), "login_required")
	})
}
