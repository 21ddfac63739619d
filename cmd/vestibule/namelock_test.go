package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// TestLocksTellNothingOfNames guesses at pairs of names in many orders: a pair that is one account's is answered as two
// of nobody, or of two accounts, are. The account's guesses stay bounded, and an operator finds all of them.
func TestLocksTellNothingOfNames(t *testing.T) {
	t.Parallel()
	few := func(c *config.Config) { c.PasswordGuesses = 4 }
	servertest.EachWith(t, few, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		s.AddUser("ben")
		s.AddUser("off", func(a *account.Account) { a.Disabled = true })
		c := s.NewClient(t, "shop")
		pairs := [][2]string{
			{"ana", "ana@example.com"}, {"nobody", "nobody@example.com"}, {"ben", "noone"}, {"off", "off@example.com"}, {"a b", "\u0430na"},
		}
		for _, order := range []string{"0000000000", "0101010101", "0011100111", "1110001100", "1111100000"} {
			var first []string
			for _, pair := range pairs {
				p := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
				var answers []string
				for _, turn := range order {
					p = p.GiveName(pair[turn-'0'], "wrong password")
					answers = append(answers, fmt.Sprintf("%s %d %s", p.State, p.Status, p.Header.Get("Retry-After")))
				}
				if first == nil {
					first = answers
				}
				if !slices.Equal(answers, first) {
					t.Errorf("guesses at %q in the order %s are answered\n%q, at %q\n%q", pair, order, answers, pairs[0], first)
				}
			}
			if order == "0101010101" {
				budgets, err := s.Store.Budgets(t.Context(), user.Subject, s.Clock.Now())
				if err != nil || len(budgets) != 2 || budgets[0].InARow+budgets[1].InARow != 2*s.Config.PasswordGuesses {
					t.Errorf("against ana are counted %+v, %v; want two budgets, both used up", budgets, err)
				}
				if n := len(s.Events(t, user.Subject, audit.EventPasswordLocked)); n != 3 { // one from the first order
					t.Errorf("%d events tell of a lock, want three", n)
				}
			}
			out := must(t, s, "user", "unlock", "ana@example.com")
			if strings.Count(out, "passwords in unknown browsers") != 1 {
				t.Errorf("user unlock says %q", out)
			}
			if left, err := s.Store.Budgets(t.Context(), user.Subject, s.Clock.Now()); err != nil || len(left) != 0 {
				t.Errorf("after user unlock are counted %+v, %v", left, err)
			}
			s.Clock.Advance(2 * s.Config.PasswordLock)
		}
	})
}
