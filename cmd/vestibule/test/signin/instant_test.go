package signin

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/storage"
)

// TestProofAgesDuringARequest has the proofs of a session become too old for the client at each question that a request
// asks the database. What was decided a moment before is answered.
func TestProofAgesDuringARequest(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		app := s.First()
		for nth, seen := 1, 1; seen >= nth; nth++ {
			b := s.NewBrowser(t)
			s.Clock.Advance(servertest.Step)
			p := c.Begin().SignIn(b, "ana").At("totp", "initial").GiveCode(c.Phone.Code(0))
			if nth == 1 {
				p.Allow()
			}
			s.Clock.Advance(time.Minute)
			seen = 0
			app.Observe(func(storage.Trip) {
				if seen++; seen == nth {
					s.Clock.Advance(time.Second)
				}
			})
			silent := c.Begin("prompt", "none", "max_age", "60", "claims", servertest.Essential("aal2"))
			p = b.Open(silent.Address)
			app.Observe(nil)
			switch q := silent.Answer(p); {
			case q.Get("code") != "":
				if r := silent.Finish(p); r.ACR != "aal2" || len(r.AMR) != 3 {
					t.Errorf("when the proofs age after question %d the client hears of acr %s, amr %q", nth, r.ACR, r.AMR)
				}
			case q.Get("error") != "login_required":
				t.Errorf("when the proofs age after question %d the client hears %v", nth, q)
			}
		}
	})
}
