package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"vestibule/storage"
)

// cost is what an operation asked of the database.
type cost struct {
	trips, statements, commits int
	text                       []string
}

// budget is the most that an operation may ask. What goes out as one batch counts once: it costs one
// round trip and one commit, however many rows it changes.
type budget struct{ trips, commits int }

// meter counts between two calls of take.
type meter struct {
	mu  sync.Mutex
	now cost
}

func (m *meter) count(trip storage.Trip) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.trips++
	m.now.statements += len(trip.Queries)
	if trip.Writes {
		m.now.commits++
	}
	for i, query := range trip.Queries {
		mark := "  "
		if i == 0 {
			mark = "> "
		}
		m.now.text = append(m.now.text, mark+strings.Join(strings.Fields(query), " "))
	}
}

func (m *meter) take() cost {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.now
	m.now = cost{}
	return taken
}

// TestBudget counts what each operation asks of the database.
func TestBudget(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		m := &meter{}
		s.first().Observe(m.count)
		s.newBrowser(t).open(c.begin().address) // the client is known for a few seconds now, as that of a busy shop is
		m.take()

		v := c.beginOffline()
		p := b.open(v.address).giveName("ana", password).giveCode(c.phone.code(0)).allow()
		signIn := m.take()
		r := v.finish(p)
		exchange := m.take()
		m.check(t, "whole sign-in of an unknown browser with password, code, consent and tokens", signIn.plus(exchange), budget{14, 7})
		m.check(t, "code exchange", exchange, budget{2, 1})

		b.open("/logout").press("Sign out")
		s.clock.advance(oneStep)
		wiki := s.newClient(t, "wiki")
		s.newBrowser(t).open(wiki.begin().address)
		m.take()
		v = wiki.beginOffline()
		p = b.open(v.address).giveName("ana", password).giveCode(c.phone.code(0)).allow()
		v.finish(p)
		m.check(t, "the same of a known browser", m.take(), budget{13, 6})

		s.newBrowser(t).open(c.begin().address)
		m.take()
		v = c.begin()
		p = b.open(v.address)
		silent := m.take()
		v.finish(p)
		m.check(t, "sign-in with a live session and remembered consent", silent, budget{3, 1})
		m.check(t, "the same with its code exchange", silent.plus(m.take()), budget{5, 2})

		if _, err := c.refresh(r.tokens.RefreshToken); err != nil {
			t.Fatalf("refresh: %v", err)
		}
		refresh := m.take()
		m.check(t, "refresh", refresh, budget{3, 1})

		a := s.freshAccess(t, c, b)
		m.take()
		if status := s.userInfo(a); status != http.StatusOK {
			t.Fatalf("userinfo answers %d", status)
		}
		// The token and the account are two questions: the account may be kept in a directory that is not ours.
		m.check(t, "userinfo", m.take(), budget{2, 0})
		api := s.newInspector(t)
		api.ask(t, a)
		m.take()
		if !api.ask(t, a).Active {
			t.Error("the access token is not active")
		}
		m.check(t, "introspection", m.take(), budget{1, 0})
		for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
			s.fetch(t, path)
			if got := m.take(); got.statements != 0 {
				t.Errorf("%s asks the database: %q", path, got.text)
			}
		}
		stranger := s.newBrowser(t).open(c.begin().address).at("login", "initial")
		if got := m.take(); got.commits != 0 {
			t.Errorf("a stranger's request writes: %q", got.text)
		}
		stranger.reload()
		m.check(t, "a stranger at the sign-in page", m.take(), budget{})
	})
}

// freshAccess signs in silently and returns the access token.
func (s *site) freshAccess(t *testing.T, c *enrolled, b *browser) string {
	t.Helper()
	v := c.begin()
	return v.finish(b.open(v.address)).tokens.AccessToken
}

// fetch gets a document.
func (s *site) fetch(t *testing.T, path string) {
	t.Helper()
	response, err := http.Get(s.config.Issuer + path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s answers %d", path, response.StatusCode)
	}
}

func (c cost) plus(other cost) cost {
	return cost{c.trips + other.trips, c.statements + other.statements, c.commits + other.commits, append(c.text, other.text...)}
}

// check prints what an operation cost and fails the test if it was too much.
func (*meter) check(t *testing.T, what string, got cost, most budget) {
	t.Helper()
	t.Logf("%s: %d round trips, %d statements, %d commits", what, got.trips, got.statements, got.commits)
	if got.trips > most.trips || got.commits > most.commits {
		t.Errorf("%s: %d round trips and %d commits, at most %d and %d:\n%s",
			what, got.trips, got.commits, most.trips, most.commits, strings.Join(got.text, "\n"))
	}
}
