package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/storage"
)

// Whatever the order in which a commit names what it rests on, it takes its locks in the one order of all commits: two
// that have two rows in common would wait for each other.
func TestLocksAreTakenInOneOrder(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		must(t, s.CreateAccount(t.Context(), ana, ""))
		must(t, s.SaveSession(t.Context(), nil, session("a", ana.Subject)))
		var trips []storage.Trip
		s.Observe(func(trip storage.Trip) { trips = append(trips, trip) })
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			return errors.Join(
				s.TouchSession(ctx, []byte("a"), noon),
				s.RequireSession(ctx, "sid-a"),
				s.RequireAccount(ctx, ana.Subject, 0),
				s.NoteSignIn(ctx, ana.Subject, 0, noon),
			)
		}))
		s.Observe(nil)
		if want := 2 + joined(t, 2); len(trips) != 1 || len(trips[0].Queries) != want {
			t.Fatalf("trips = %+v, want one of %d statements", trips, want)
		}
		texts := strings.Join(trips[0].Queries, "; ")
		for _, want := range []string{"UPDATE account", "SELECT 1 FROM account", "SELECT 1 FROM session", "UPDATE session"} {
			_, after, found := strings.Cut(texts, want)
			if !found {
				t.Errorf("the statements are %q, want %q next in %q", trips[0].Queries, want, texts)
			}
			texts = after
		}
	})
}

// So does PostgreSQL where two locks are one statement: who waits for the session holds the account, and not the other way round.
func TestLocksOfOneStatement(t *testing.T) {
	t.Parallel()
	const account, session = "SELECT FROM account", "SELECT FROM session"
	for _, tt := range []struct {
		waitsFor, other string
		held            bool
	}{{session, account, true}, {account, session, false}} {
		s, dsn := onPostgres(t)
		sid := withSession(t, s, "ana")
		holder, other := pgSession(t, dsn), pgSession(t, dsn)
		tx, err := holder.Begin(t.Context())
		must(t, err)
		_, err = tx.Exec(t.Context(), tt.waitsFor+" FOR UPDATE")
		must(t, err)
		done := make(chan error, 1)
		go func() {
			done <- s.Atomic(t.Context(), func(ctx context.Context) error {
				return errors.Join(s.RequireSession(ctx, sid), s.RequireAccount(ctx, "ana", 0))
			})
		}()
		awaitLock(t, s, holder.PgConn().PID())
		if _, err := other.Exec(t.Context(), tt.other+" FOR UPDATE NOWAIT"); (err != nil) != tt.held {
			t.Errorf("what waits for %q holds %q: %v (%v), want %v", tt.waitsFor, tt.other, err != nil, err, tt.held)
		}
		must(t, tx.Rollback(t.Context()))
		must(t, <-done)
	}
}

// withSession makes a user who has a session, and returns its sid.
func withSession(t *testing.T, s *storage.Store, subject string) (sid string) {
	t.Helper()
	u := newUser(subject, "")
	u.Subject = subject
	must(t, s.CreateAccount(t.Context(), u, ""))
	must(t, s.SaveSession(t.Context(), nil, session("a", subject)))
	return "sid-a"
}

// A commit that rests on what has ended leaves nothing.
func TestCommitRestsOnAccountAndSession(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		must(t, s.CreateAccount(t.Context(), ana, ""))
		must(t, s.SaveSession(t.Context(), nil, session("a", ana.Subject)))
		for name, tt := range map[string]struct {
			on   func(ctx context.Context) error
			want error
		}{
			"another epoch":   {func(ctx context.Context) error { return s.RequireAccount(ctx, ana.Subject, 1) }, account.ErrPassword},
			"no account":      {func(ctx context.Context) error { return s.RequireAccount(ctx, "nobody", 0) }, account.ErrPassword},
			"no session":      {func(ctx context.Context) error { return s.RequireSession(ctx, "sid-b") }, interaction.ErrSessionEnded},
			"an older epoch":  {func(ctx context.Context) error { return endOthers(ctx, s, ana.Subject, 1, "sid-a") }, account.ErrPassword},
			"no such account": {func(ctx context.Context) error { return s.RequireEpoch(ctx, "nobody", 0) }, store.ErrConflict},
		} {
			err := s.Atomic(t.Context(), func(ctx context.Context) error {
				return errors.Join(s.SaveSession(ctx, nil, session("b", ana.Subject)), tt.on(ctx))
			})
			if !errors.Is(err, tt.want) || hasSession(t, s, "b") {
				t.Errorf("commit that rests on %s: %v, want %v and nothing written", name, err, tt.want)
			}
		}
		next, err := s.EndOthers(t.Context(), ana.Subject, 0, "sid-a")
		must(t, err)
		if !hasSession(t, s, "a") {
			t.Error("the session that was spared has ended")
		}
		must(t, s.RequireAccount(t.Context(), ana.Subject, next))
		if err := s.RequireAccount(t.Context(), ana.Subject, 0); !errors.Is(err, account.ErrPassword) {
			t.Errorf("what rests on the epoch before: %v, want %v", err, account.ErrPassword)
		}
	})
}

func endOthers(ctx context.Context, s *storage.Store, subject string, epoch int64, sid string) error {
	_, err := s.EndOthers(ctx, subject, epoch, sid)
	return err
}

// An account that is kept elsewhere has its sessions, codes and tokens here all the same, and no epoch that could be raised.
func TestEndingsOfAnAccountKeptElsewhere(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		const epoch = 7 // of that directory
		for _, id := range []string{"a", "b"} {
			must(t, s.SaveSession(t.Context(), nil, session(id, rp.subject)))
		}
		rp.begin(t, s) // in a session that is over
		next, err := s.EndOthers(t.Context(), rp.subject, epoch, "sid-a")
		if err != nil || next != epoch {
			t.Errorf("EndOthers = %d, %v, want %d", next, err, epoch)
		}
		if !hasSession(t, s, "a") || hasSession(t, s, "b") || rp.alive(t, s) {
			t.Error("EndOthers has not ended all but the session that it spares")
		}
		must(t, s.EndAccess(t.Context(), rp.subject))
		if hasSession(t, s, "a") {
			t.Error("EndAccess has left a session")
		}
	})
}

// Of an account that is kept elsewhere it is counted how often all was ended, so that a commit can rest on the number.
func TestEndingsAreCounted(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		must(t, s.CreateAccount(t.Context(), ana, ""))
		for n := range int64(3) {
			for _, subject := range []string{"elsewhere", "elsewhere too"} {
				if got, err := s.Endings(t.Context(), subject); err != nil || got != n {
					t.Errorf("Endings = %d, %v, want %d", got, err, n)
				}
				for rest, want := range map[int64]error{n: nil, n + 1: account.ErrPassword, n - 1: account.ErrPassword} {
					if subject == "elsewhere" { // the other has no row before all was ended
						if err := s.RequireEndings(t.Context(), subject, rest); !errors.Is(err, want) {
							t.Errorf("RequireEndings(%d) = %v, want %v", rest, err, want)
						}
					}
				}
				must(t, s.EndAccess(t.Context(), subject))
			}
			must(t, s.EndAccess(t.Context(), ana.Subject))
		}
		if got, err := s.Endings(t.Context(), ana.Subject); err != nil || got != 0 {
			t.Errorf("of an account that is kept here %d endings are counted (%v)", got, err)
		}
	})
}

// Nothing goes on in a disabled account, in whatever epoch it is.
func TestEndOthersOfADisabledAccount(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		must(t, s.CreateAccount(t.Context(), ana, ""))
		must(t, s.DisableAccount(t.Context(), ana.Subject, noon))
		must(t, s.SaveSession(t.Context(), nil, session("b", ana.Subject))) // by what came late
		before, err := s.Account(t.Context(), ana.Subject)
		must(t, err)
		if err := endOthers(t.Context(), s, ana.Subject, before.Epoch, "sid-a"); !errors.Is(err, account.ErrPassword) || !hasSession(t, s, "b") {
			t.Errorf("EndOthers of a disabled account: %v, want %v and nothing ended", err, account.ErrPassword)
		}
		if after, err := s.Account(t.Context(), ana.Subject); err != nil || after.Epoch != before.Epoch {
			t.Errorf("the epoch is %d (%v), want %d as before", after.Epoch, err, before.Epoch)
		}
	})
}

// A set-up under way is open too, and so is a link to one. Those of others stay.
func TestEndAccessEndsSetUps(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, subject := range []string{"ana", "ben"} {
			must(t, s.SaveSetup(t.Context(), mfa.Setup{Owner: "tab of " + subject, Subject: subject, KeyID: "k", Sealed: []byte("sealed"), Created: noon, Expires: noon.Add(time.Hour)}))
			must(t, s.SaveEnrolLink(t.Context(), link("link of "+subject, subject)))
		}
		must(t, s.EndAccess(t.Context(), "ana"))
		for subject, want := range map[string]error{"ana": mfa.ErrNoSetup, "ben": nil} {
			if _, err := s.Setup(t.Context(), "tab of "+subject); !errors.Is(err, want) {
				t.Errorf("the set-up of %s: %v, want %v", subject, err, want)
			}
		}
		for subject, want := range map[string]error{"ana": mfa.ErrLink, "ben": nil} {
			if err := s.UseEnrolLink(t.Context(), []byte("link of "+subject), subject, noon); !errors.Is(err, want) {
				t.Errorf("the link of %s: %v, want %v", subject, err, want)
			}
		}
	})
}

// Who takes back what one app was allowed stays signed in to the others, and nobody else is signed out.
func TestRevokeAccessEndsThatAppAlone(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		families := []family{
			{id: "alice's shop", client: "shop", subject: "alice"},
			{id: "alice's wiki", client: "wiki", subject: "alice"},
			{id: "ben's shop", client: "shop", subject: "ben"},
		}
		for _, f := range families {
			f.begin(t, s)
			late := f.code("late " + f.id)
			must(t, saveAgain(t, s, late))
			must(t, s.AddScopes(t.Context(), f.subject, registered(f.client), []string{"openid"}, noon))
		}
		must(t, s.RevokeAccess(t.Context(), "alice", "shop", noon))
		for i, f := range families {
			lives := i > 0
			if f.alive(t, s) != lives || has(t, s, f.pair(0)[0]) != lives {
				t.Errorf("tokens of %s live: %v, want %v", f.id, !lives, lives)
			}
			if err := s.Exchange(t.Context(), "late "+f.id, nil); (err == nil) != lives {
				t.Errorf("code of %s: %v, want it taken: %v", f.id, err, lives)
			}
		}
	})
}

// TestEndAllElse: a user who changes the password keeps the session of the browser that did so, and nothing else but, if told so,
// what clients have that work while their user is away.
func TestEndAllElse(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("rp")))
		for name, spare := range map[string]bool{"ana": false, "ben": true} {
			must(t, s.CreateAccount(t.Context(), newUser(name, ""), "hash"))
			subject := "sub-" + name
			must(t, s.SaveSession(t.Context(), nil, sessionOf(name+" here", subject, "")))
			must(t, s.SaveSession(t.Context(), nil, sessionOf(name+" there", subject, "")))
			families := map[bool][]family{}
			for _, where := range []string{" here", " there", " over"} {
				away := family{id: name + " away" + where, client: "rp", subject: subject, session: name + where}
				away.begin(t, s)
				short := family{id: name + where, client: "rp", subject: subject, session: name + where}
				save(t, s, short.code(short.id))
				must(t, s.Exchange(t.Context(), short.id, short.pair(0)[:1]))
				families[true], families[false] = append(families[true], away), append(families[false], short)
				late := family{id: "late " + short.id, client: "rp", subject: subject, session: name + where}
				save(t, s, late.code(late.id))
			}
			addApp(t, s, subject, "app of "+name)
			must(t, s.RememberBrowser(t.Context(), nil, kept("phone of "+name, subject)))
			must(t, s.SaveSetup(t.Context(), mfa.Setup{Owner: "tab of " + name, Subject: subject, KeyID: "k", Sealed: []byte("sealed"), Created: noon, Expires: noon.Add(time.Hour)}))
			must(t, s.SaveEnrolLink(t.Context(), link("link of "+name, subject)))

			if _, err := s.EndAllElse(t.Context(), subject, 7, name+" here", spare); !errors.Is(err, account.ErrPassword) || !hasSession(t, s, name+" there ") {
				t.Errorf("%s: in another epoch: %v, want %v and nothing ended", name, err, account.ErrPassword)
			}
			if _, err := s.EndAllElse(t.Context(), subject, 0, "none", spare); !errors.Is(err, interaction.ErrSessionEnded) || !hasSession(t, s, name+" there ") {
				t.Errorf("%s: of no session: %v, want %v and nothing ended", name, err, interaction.ErrSessionEnded)
			}
			seen := observe(s)
			next, err := s.EndAllElse(t.Context(), subject, 0, name+" here", spare)
			s.Observe(nil)
			asked := ""
			for _, trip := range seen.trips {
				asked += strings.Join(trip.Queries, "; ") + "; "
			}
			own := strings.Index(asked, "UPDATE session SET version = version WHERE")
			if account, code := strings.Index(asked, "UPDATE account"), strings.Index(asked, "UPDATE code"); account < 0 || own < account || code < own {
				t.Errorf("%s: account, session and code are locked in another order than elsewhere: %s", name, asked)
			}
			if user, found := s.Account(t.Context(), subject); err != nil || found != nil || next != 1 || user.Epoch != 1 {
				t.Errorf("%s: the next epoch is %d, %v, and that of the account %d", name, next, err, user.Epoch)
			}
			if !hasSession(t, s, name+" here ") || hasSession(t, s, name+" there ") {
				t.Errorf("%s: other sessions than the one are left", name)
			}
			for away, all := range families {
				for _, f := range all {
					if got, want := has(t, s, f.pair(0)[0]), away && spare; got != want {
						t.Errorf("%s: %s lives: %v, want %v", name, f.id, got, want)
					}
				}
			}
			for _, where := range []string{" here", " there", " over"} {
				if err := s.Exchange(t.Context(), "late "+name+where, nil); err == nil {
					t.Errorf("%s: the code of the session%s is taken", name, where)
				}
			}
			if _, err := s.Browser(t.Context(), []byte("phone of "+name), noon); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: the browser is remembered: %v", name, err)
			}
			if _, err := s.Setup(t.Context(), "tab of "+name); !errors.Is(err, mfa.ErrNoSetup) {
				t.Errorf("%s: the set-up is there: %v", name, err)
			}
			if err := s.UseEnrolLink(t.Context(), []byte("link of "+name), subject, noon); !errors.Is(err, mfa.ErrLink) {
				t.Errorf("%s: the link works: %v", name, err)
			}
		}
	})
}

// TestEndAllElseElsewhere: of an account that another program keeps the ending is counted, so that what was proved before is over.
func TestEndAllElseElsewhere(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveSession(t.Context(), nil, session("a", "elsewhere")))
		if next, err := s.EndAllElse(t.Context(), "elsewhere", 7, "sid-a", false); err != nil || next != 8 {
			t.Errorf("the next epoch is %d, %v, want 8", next, err)
		}
		if n, err := s.Endings(t.Context(), "elsewhere"); err != nil || n != 1 || !hasSession(t, s, "a") {
			t.Errorf("%d endings are counted (%v), or the session has ended", n, err)
		}
	})
}

// Browsers stay remembered when all else ends, in the epoch that the account is in then.
func TestEndOthersKeepsBrowsers(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ana := newUser("ana", "")
		must(t, s.CreateAccount(t.Context(), ana, ""))
		addApp(t, s, ana.Subject, "a1")
		must(t, s.RememberBrowser(t.Context(), nil, kept("phone", ana.Subject))) // in another epoch
		next, err := s.EndOthers(t.Context(), ana.Subject, 0, "sid-a")
		must(t, err)
		if b, err := s.Browser(t.Context(), []byte("phone"), noon); err != nil || b.Epoch != next {
			t.Errorf("the browser is %+v (%v), want it in the epoch %d", b, err, next)
		}
	})
}

// What ends a thing that a commit under way is about to make waits for it: else it would end nothing, and the thing be
// there a moment later.
func TestEndingsWaitForTheAccount(t *testing.T) {
	t.Parallel()
	s, dsn := onPostgres(t)
	ana := newUser("ana", "")
	must(t, s.CreateAccount(t.Context(), ana, ""))
	must(t, s.AddScopes(t.Context(), ana.Subject, registered("shop"), []string{"openid"}, noon))
	resting := "SELECT 1 FROM account WHERE subject = $1 FOR SHARE" // as RequireAccount does
	t.Log("ForgetBrowsers")
	waitsFor(t, s, dsn, func() error { return s.ForgetBrowsers(t.Context(), ana.Subject) }, resting, ana.Subject)
	t.Log("EndAccess, elsewhere")
	first := "INSERT INTO account_elsewhere (subject, endings) VALUES ($1, 0)" // as RequireEndings does
	waitsFor(t, s, dsn, func() error { return s.EndAccess(t.Context(), "elsewhere") }, first, "elsewhere")
	again := "SELECT 1 FROM account_elsewhere WHERE subject = $1 FOR SHARE"
	waitsFor(t, s, dsn, func() error { return s.EndAccess(t.Context(), "elsewhere") }, again, "elsewhere")
	t.Log("RevokeAccess, elsewhere")
	must(t, s.AddScopes(t.Context(), "elsewhere", registered("shop"), []string{"openid"}, noon))
	waitsFor(t, s, dsn, func() error { return s.RevokeAccess(t.Context(), "elsewhere", "shop", noon) }, again, "elsewhere")
	t.Log("RevokeAccess")
	waitsFor(t, s, dsn, func() error { return s.RevokeAccess(t.Context(), ana.Subject, "shop", noon) }, resting, ana.Subject)
}
