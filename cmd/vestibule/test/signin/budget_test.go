package signin

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/storage"
)

// cost is what an operation asked of the database.
type cost struct {
	trips, statements, commits int
	text                       []string
}

// budget is the most that an operation may ask. What goes out as one batch is one round trip and one commit, and each statement of
// it counts. SQLite is asked for each write by itself.
type budget struct{ trips, statements, onSQLite, commits int }

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
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		m := &meter{}
		s.First().Observe(m.count)
		s.NewBrowser(t).Open(c.Begin().Address) // the client is known for a few seconds now, as that of a busy shop is
		m.take()

		v := c.BeginOffline()
		p := b.Open(v.Address).GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).Allow()
		signIn := m.take()
		r := v.Finish(p)
		exchange := m.take()
		m.check(t, "whole sign-in of an unknown browser with password, code, consent and tokens", signIn.plus(exchange), budget{9, 13, 28, 6})
		m.check(t, "code exchange", exchange, budget{2, 2, 3, 1})

		b.Open("/logout").Press("Sign out")
		s.Clock.Advance(servertest.Step)
		wiki := s.NewClient(t, "wiki")
		s.NewBrowser(t).Open(wiki.Begin().Address)
		m.take()
		v = wiki.BeginOffline()
		p = b.Open(v.Address).GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).Allow()
		v.Finish(p)
		m.check(t, "the same of a known browser", m.take(), budget{9, 13, 28, 6})

		s.NewBrowser(t).Open(c.Begin().Address)
		m.take()
		v = c.Begin()
		p = b.Open(v.Address)
		silent := m.take()
		v.Finish(p)
		m.check(t, "sign-in with a live session and remembered consent", silent, budget{2, 3, 7, 1})
		m.check(t, "the same with its code exchange", silent.plus(m.take()), budget{4, 5, 10, 2})

		if _, err := c.Refresh(r.Token.RefreshToken); err != nil {
			t.Fatalf("refresh: %v", err)
		}
		refresh := m.take()
		m.check(t, "refresh", refresh, budget{2, 2, 3, 1})

		a := freshAccess(t, s, c, b)
		m.take()
		if status := s.UserInfo(a); status != http.StatusOK {
			t.Fatalf("userinfo answers %d", status)
		}
		m.check(t, "userinfo", m.take(), budget{1, 1, 1, 0}) // the account comes with its token: both are in our own database
		api := c.Inspector()
		api.Ask(t, a)
		m.take()
		if !api.Ask(t, a).Active {
			t.Error("the access token is not active")
		}
		m.check(t, "introspection", m.take(), budget{1, 1, 1, 0})
		for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
			fetchPath(t, s, path)
			if got := m.take(); got.statements != 0 {
				t.Errorf("%s asks the database: %q", path, got.text)
			}
		}
		v = c.Begin()
		m.take()
		v.Push()
		m.check(t, "push of a request", m.take(), budget{1, 1, 1, 1})
		s.NewBrowser(t).Open(v.Address).At("login", "initial")
		m.check(t, "a stranger with the request_uri", m.take(), budget{1, 1, 1, 1})
		s.NewBrowser(t).Open(v.Address[:len(v.Address)-1]).At("error", "request")
		m.check(t, "a stranger with one that never was", m.take(), budget{})
		stranger := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
		if got := m.take(); got.commits != 0 {
			t.Errorf("a stranger's request writes: %q", got.text)
		}
		stranger.Reload()
		m.check(t, "a stranger at the sign-in page", m.take(), budget{})
	})
}

// freshAccess signs in silently and returns the access token.
func freshAccess(t *testing.T, s *servertest.Site, c *servertest.Enrolled, b *servertest.Browser) string {
	t.Helper()
	v := c.Begin()
	return v.Finish(b.Open(v.Address)).Token.AccessToken
}

// fetch gets a document.
func fetchPath(t *testing.T, s *servertest.Site, path string) {
	t.Helper()
	response, err := http.Get(s.Config.Issuer + path)
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
	if strings.Contains(t.Name(), "sqlite") {
		most.statements = most.onSQLite
	}
	if got.trips > most.trips || got.statements > most.statements || got.commits > most.commits {
		t.Errorf("%s: %d round trips, %d statements and %d commits, at most %d, %d and %d:\n%s",
			what, got.trips, got.statements, got.commits, most.trips, most.statements, most.commits, strings.Join(got.text, "\n"))
	}
}
