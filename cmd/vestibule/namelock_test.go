package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// TestLocksTellNothingOfNames guesses at pairs of names in many orders: a pair that is one account's is answered as two
// of nobody, or of two accounts, are. The account's guesses stay bounded, and an operator finds all of them.
func TestLocksTellNothingOfNames(t *testing.T) {
	few := func(c *config.Config) { c.PasswordGuesses = 4 }
	eachSiteWith(t, few, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		s.addUser("ben")
		s.addUser("off", func(a *account.Account) { a.Disabled = true })
		c := s.newClient(t, "shop")
		pairs := [][2]string{
			{"ana", "ana@example.com"}, {"nobody", "nobody@example.com"}, {"ben", "noone"}, {"off", "off@example.com"}, {"a b", "\u0430na"},
		}
		for _, order := range []string{"0000000000", "0101010101", "0011100111", "1110001100", "1111100000"} {
			var first []string
			for _, pair := range pairs {
				p := s.newBrowser(t).open(c.begin().address).at("login", "initial")
				var answers []string
				for _, turn := range order {
					p = p.giveName(pair[turn-'0'], "wrong password")
					answers = append(answers, fmt.Sprintf("%s %d %s", p.state, p.status, p.header.Get("Retry-After")))
				}
				if first == nil {
					first = answers
				}
				if !slices.Equal(answers, first) {
					t.Errorf("guesses at %q in the order %s are answered\n%q, at %q\n%q", pair, order, answers, pairs[0], first)
				}
			}
			if order == "0101010101" {
				budgets, err := s.store.Budgets(t.Context(), user.Subject, s.clock.now())
				if err != nil || len(budgets) != 2 || budgets[0].InARow+budgets[1].InARow != 2*s.config.PasswordGuesses {
					t.Errorf("against ana are counted %+v, %v; want two budgets, both used up", budgets, err)
				}
				if n := len(s.events(t, user.Subject, audit.EventPasswordLocked)); n != 3 { // one from the first order
					t.Errorf("%d events tell of a lock, want three", n)
				}
			}
			out := s.must(t, "user", "unlock", "ana@example.com")
			if strings.Count(out, "passwords in unknown browsers") != 1 {
				t.Errorf("user unlock says %q", out)
			}
			if left, err := s.store.Budgets(t.Context(), user.Subject, s.clock.now()); err != nil || len(left) != 0 {
				t.Errorf("after user unlock are counted %+v, %v", left, err)
			}
			s.clock.advance(2 * s.config.PasswordLock)
		}
	})
}

// TestBrowserStaysKnown has the user end all other sessions, with the button or by removing an authenticator, and sign out.
// Then a stranger uses up the budget of the name: the user still signs in, in the own browser.
func TestBrowserStaysKnown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		for name, end := range map[string]func(u *visitor, b *browser) *page{
			"button": func(_ *visitor, b *browser) *page {
				return b.open("/account/security").press("Sign out everywhere else")
			},
			"removal": func(u *visitor, b *browser) *page {
				return b.open(u.first("/remove")).press("Remove", "password", password, "code", u.phone.code(0))
			},
		} {
			u := s.visitor(t, c)
			b := u.member()
			if got := end(u, b).name; got != "security" {
				t.Fatalf("%s: ends at page %s", name, got)
			}
			b.open("/logout").press("Sign out")
			stranger := s.newBrowser(t).open("/login")
			for range 20 {
				if stranger = stranger.press("Sign in", "username", u.name, "password", "a wrong one"); stranger.state == "locked" {
					break
				}
			}
			if stranger.state != "locked" {
				t.Fatalf("%s: the stranger is in state %s, want locked", name, stranger.state)
			}
			if got := b.open("/login").giveName(u.name, password); got.name != "totp" && got.name != "security" {
				t.Errorf("%s: the user's own browser ends at %s", name, got.end())
			}
		}
	})
}
