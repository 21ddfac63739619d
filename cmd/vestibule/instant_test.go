package main

import (
	"testing"
	"time"

	"vestibule/storage"
)

// TestProofAgesDuringARequest has the proofs of a session become too old for the client at each question that a request
// asks the database. What was decided a moment before is answered.
func TestProofAgesDuringARequest(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		app := s.first()
		for nth, seen := 1, 1; seen >= nth; nth++ {
			b := s.newBrowser(t)
			s.clock.advance(oneStep)
			p := c.begin().signIn(b, "ana").at("totp", "initial").giveCode(c.phone.code(0))
			if nth == 1 {
				p.allow()
			}
			s.clock.advance(time.Minute)
			seen = 0
			app.Observe(func(storage.Trip) {
				if seen++; seen == nth {
					s.clock.advance(time.Second)
				}
			})
			silent := c.begin("prompt", "none", "max_age", "60", "claims", essential("aal2"))
			p = b.open(silent.address)
			app.Observe(nil)
			switch q := silent.answer(p); {
			case q.Get("code") != "":
				if r := silent.finish(p); r.ACR != "aal2" || len(r.AMR) != 3 {
					t.Errorf("when the proofs age after question %d the client hears of acr %s, amr %q", nth, r.ACR, r.AMR)
				}
			case q.Get("error") != "login_required":
				t.Errorf("when the proofs age after question %d the client hears %v", nth, q)
			}
		}
	})
}
