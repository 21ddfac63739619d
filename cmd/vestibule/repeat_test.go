package main

import (
	"net/http"
	"testing"
)

// TestEveryFormTwice sends each form four times at once, each from a browser with the same cookies, while the commit of
// the first is held: whichever answer a browser follows, with the cookies of that answer alone, it comes to the same end.
func TestEveryFormTwice(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	c := s.allowing(t)
	for _, f := range everyForm {
		t.Run(f.name, func(t *testing.T) {
			u := s.visitor(t, c)
			u.client = &client{t: t, site: s, oauth: c.oauth, provider: c.provider, verifier: c.verifier, algorithm: c.algorithm}
			form := f.fill(u)
			before := s.counts(t)
			strike := p.set(holdBefore, "INSERT INTO audit", 0)
			var twins []*browser
			for range 4 {
				twins = append(twins, form.twin())
			}
			arrived := s.arrivals(t)
			go func() {
				<-strike.hit
				for range twins {
					<-arrived
				}
				p.mend()
			}()
			pages := atOnce(len(twins), func(i int) *page { return twins[i].post(form.address, form.values) })
			p.mend()
			codes := map[string]bool{}
			for i, got := range pages {
				if got.end() != f.end {
					t.Errorf("answer %d ends at %s, want %s", i+1, got.end(), f.end)
				}
				if got.left != nil {
					codes[got.left.RawQuery] = true
				}
			}
			if len(codes) > 1 {
				t.Errorf("the client gets %d answers, want 1", len(codes))
			}
			s.settle(t)
			s.notMore(t, before)
			if found := s.events(t, u.subject, "auth.totp.failed"); len(found) > 0 {
				t.Errorf("recorded are %+v", found)
			}
		})
	}
}

// arrivals tells of each form that reaches the server from now on.
func (s *site) arrivals(t *testing.T) <-chan struct{} {
	t.Helper()
	arrived := make(chan struct{}, 64)
	app := (*s.servers.Load())[0]
	inner := app.handler
	app.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- struct{}{}
		}
		inner.ServeHTTP(w, r)
	})
	t.Cleanup(func() { app.handler = inner })
	return arrived
}

// notMore fails the test if a budget has more guesses than before.
func (s *site) notMore(t *testing.T, before map[string]int) {
	t.Helper()
	for key, n := range s.counts(t) {
		if n > before[key] {
			t.Errorf("%d guesses are counted under %s, want %d", n, key, before[key])
		}
	}
}
