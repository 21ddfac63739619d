package hostile

import (
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/storage"
)

// TestPasswordChangeMeetsFirstFactor holds the form of the password, of a user without a second factor, after each question that it
// asks the database, while another browser sets one up. Whichever comes second finds what the other has done: no password is
// changed without a code once there is a factor.
func TestPasswordChangeMeetsFirstFactor(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		shop := s.NewClient(t, "shop")
		for nth, held := 1, true; held; nth++ {
			u := s.NewUser(t, shop)
			one, two := u.Browser(), u.Browser()
			for _, b := range []*servertest.Browser{one, two} {
				b.Open("/login").GiveName(u.Name, servertest.Password).At("security", "off")
			}
			form := (&owner{t: t, site: s}).form("", one, nil, one.Open("/account/password").At("password", "initial"),
				"Change password", "password", servertest.Password, "new-password", "a field of tall barley")
			form.answer = func(*http.Response) {}
			setup := two.Open("/account/authenticators/new").At("setup", "initial")
			codes := setup.Press("Continue", "code", setup.Phone().Code(0), "name", "Phone").At("codes", "initial")

			server, over, there := s.NewServer(), make(chan struct{}), make(chan struct{})
			arrive, seen := sync.OnceFunc(func() { close(there) }), 0
			held = false
			server.Observe(func(storage.Trip) {
				if seen++; seen == nth {
					held = true
					arrive()
					<-over
				}
			})
			done, end := make(chan struct{}), make(chan string, 1)
			go func() { defer close(done); form.send(server); arrive() }()
			<-there
			go func() { end <- codes.Press("Turn on two-step verification", "saved", "yes").End() }()
			var ended string
			select {
			case ended = <-end:
			case <-time.After(200 * time.Millisecond): // it waits for a lock of the form
			}
			close(over)
			<-done
			server.Observe(nil)
			if ended == "" {
				ended = <-end
			}
			if changed := len(s.Events(t, u.Subject, audit.EventPasswordChanged)) > 0; changed == (ended == "security on 200") {
				t.Errorf("after question %d the set-up ends at %s, and the password was changed: %v", nth, ended, changed)
			}
		}
	})
}

// TestWrongPasswordsCountWithoutAnswers: that nobody can tell whether the form was answered before makes no guess free.
func TestWrongPasswordsCountWithoutAnswers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.PostgreSQL(t), func(c *config.Config) { c.PasswordGuesses = 3 })
	u := s.NewUser(t, s.NewClient(t, "shop"))
	b := u.Browser()
	b.Open("/login").GiveName(u.Name, servertest.Password).At("security", "off")
	p := b.Open("/account/password").At("password", "initial")
	conn, err := pgx.Connect(t.Context(), regexp.MustCompile(`pool_max_conns=[0-9]+&?`).ReplaceAllString(s.Config.Database, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `LOCK TABLE interaction IN ACCESS EXCLUSIVE MODE`) // where answers are kept
	}
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			p.Press("Change password", "password", "not it at all", "new-password", "a field of tall barley")
		})
	}
	all.Wait()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	b.Open("/account/password").Press("Change password", "password", servertest.Password, "new-password", "a field of tall barley").At("password", "locked")
}
