package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/provider/store"
	"vestibule/storage"
)

// crowd gives the client so many families, each with three access tokens, and as many consents. That is more than one batch of each.
const crowd = storage.PurgeBatch + 10

func fillClient(t *testing.T, s *storage.Store, id string) {
	t.Helper()
	c, err := s.Client(t.Context(), id)
	must(t, err)
	numbers := "generate_series(1, %d) AS numbers (n)"
	if s.IsSQLite() {
		numbers = "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c) AS numbers"
	}
	insert := func(what string, args ...any) {
		must(t, s.Exec(t.Context(), store.ErrNotFound, strings.ReplaceAll(what, "numbers", fmt.Sprintf(numbers, crowd)), args...))
	}
	end := noon.Add(14 * day).UnixMicro()
	insert(`INSERT INTO code (signature, family, client, registration, offline, subject, session, allowed, data, created_at, expires_at, used, revoked, keep_until)
		SELECT $2 || n, $2 || n, $1, $2, TRUE, 'u' || n, 'sid', '', NULL, 1, $3, TRUE, FALSE, $3 FROM numbers`, id, c.Registration, end)
	for generation := range 3 {
		insert(`INSERT INTO access_token (signature, family, generation, created_at, expires_at, ended, spent)
			SELECT $1 || $2 || n, $1 || n, $3, 1, $4, FALSE, '' FROM numbers`, c.Registration, fmt.Sprint("t", generation), generation, end)
	}
	insert(`INSERT INTO consent (subject, client, registration, scopes, created_at, updated_at) SELECT 'u' || n, $1, $2, '', 1, 1 FROM numbers`, id, c.Registration)
}

// registered is the client of newClient as consent knows it.
func registered(id string) consent.Client {
	return consent.Client{ID: id, Registration: "registration of " + id}
}

// rowsOf counts what was written for the registrations of a client.
func rowsOf(t *testing.T, s *storage.Store, id string) (rows [3]int64) {
	t.Helper()
	for i, from := range []string{"code", "access_token JOIN code ON code.family = access_token.family", "consent"} {
		rows[i] = number(t, s, `SELECT count(*) FROM `+from+` WHERE client = $1`, id)
	}
	return rows
}

// However much a client has, to remove it is to remove one row: what hangs on that is worth nothing from then on, to a
// client that takes the id neither, and goes a little at a time.
func TestDeleteClient(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"gone", "other"} {
			must(t, s.CreateClient(t.Context(), newClient(id)))
			fillClient(t, s, id)
			f := family{id: id, client: id, subject: "alice"}
			f.begin(t, s)
			save(t, s, f.code("second-"+id))
			must(t, s.AddScopes(t.Context(), "alice", registered(id), []string{"openid"}, noon))
		}
		had := rowsOf(t, s, "gone")
		seen := observe(s)
		must(t, s.DeleteClient(t.Context(), "gone", noon))
		s.Observe(nil)
		for _, trip := range seen.trips {
			for _, query := range trip.Queries {
				for _, table := range []string{"code", "access_token", "consent"} {
					if slices.Contains(strings.Fields(query), table) {
						t.Errorf("to remove a client goes to %s: %s", table, query)
					}
				}
			}
		}
		if got := rowsOf(t, s, "gone"); got != had {
			t.Errorf("there were %v codes, tokens and consents, and %v once the client was removed", had, got)
		}
		if err := s.DeleteClient(t.Context(), "gone", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("DeleteClient again: %v, want %v", err, store.ErrNotFound)
		}
		inheritsNothing(t, s, "gone")
		anew := newClient("gone")
		anew.Registration = "anew"
		must(t, s.CreateClient(t.Context(), anew))
		inheritsNothing(t, s, "gone")
		must(t, s.AddScopes(t.Context(), "bob", consent.Client{ID: "gone", Registration: "anew"}, []string{"openid"}, noon))
		fresh := family{id: "fresh", client: "gone", subject: "bob"}
		fresh.begin(t, s)

		if got, want := purge(t, s, noon), had[0]+had[1]+had[2]; got != want {
			t.Errorf("Purge = %d, want %d", got, want)
		}
		if got, want := rowsOf(t, s, "gone"), [3]int64{1, 1, 1}; got != want {
			t.Errorf("codes, tokens and consents of the client made anew = %v, want %v", got, want)
		}
		if got := rowsOf(t, s, "other"); got != had {
			t.Errorf("codes, tokens and consents of another client = %v, want %v", got, had)
		}
		if !fresh.alive(t, s) || !(family{id: "other"}).alive(t, s) {
			t.Error("tokens of a client that is there are dead")
		}
		must(t, s.Exchange(t.Context(), "second-other", nil))
		if grants, err := s.Accesses(t.Context(), "alice", noon); err != nil || len(grants) != 1 || grants[0].Client.ID != "other" {
			t.Errorf("Accesses = %+v, %v, want that of the other client alone", grants, err)
		}
	})
}

// Of two that remove a client at once, the second takes nothing away from whoever gets the id in between.
func TestDeleteClientWhileAnotherDoes(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		c := newClient("rp")
		must(t, s.CreateClient(t.Context(), c))
		must(t, s.Exec(t.Context(), nil, `INSERT INTO gone_client (client, registration, gone_at) VALUES ($1, $2, 1)`, c.ID, c.Registration))
		if err := s.DeleteClient(t.Context(), "rp", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("DeleteClient: %v, want %v", err, store.ErrNotFound)
		}
		if _, err := s.Client(t.Context(), "rp"); err != nil {
			t.Errorf("Client: %v, want it to be there", err)
		}
	})
}

// inheritsNothing checks that what alice has done at the client before is worth nothing.
func inheritsNothing(t *testing.T, s *storage.Store, id string) {
	t.Helper()
	f := family{id: id, client: id, subject: "alice"}
	if f.alive(t, s) || has(t, s, f.pair(0)[0]) {
		t.Error("tokens outlive their client")
	}
	if err := f.rotate(t.Context(), s, 0); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Rotate: %v, want %v", err, store.ErrConflict)
	}
	if _, err := s.Code(t.Context(), "second-"+id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Code: %v, want %v", err, store.ErrNotFound)
	}
	if err := s.Exchange(t.Context(), "second-"+id, nil); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Exchange: %v, want %v", err, store.ErrConflict)
	}
	for _, c := range []consent.Client{registered(id), {ID: id, Registration: "anew"}, {ID: id}} {
		if g, err := s.Grant(t.Context(), "alice", c); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("Grant of %v = %+v, %v, want %v", c, g, err, consent.ErrNotFound)
		}
		if err := s.RequireGrant(t.Context(), "alice", c, nil); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("RequireGrant of %v: %v, want %v", c, err, consent.ErrNotFound)
		}
	}
	if err := s.RevokeAccess(t.Context(), "alice", id, noon); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("RevokeAccess: %v, want %v", err, consent.ErrNotFound)
	}
	if grants, err := s.Accesses(t.Context(), "alice", noon); err != nil || len(grants) != 1 || grants[0].Client.ID == id {
		t.Errorf("the user's list of applications = %+v, %v, want it without %s", grants, err, id)
	}
}

// A commit that began before the client was removed may write for it after the clean-up, which finds that as well.
func TestPurgeOfWhatComesLate(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, s.DeleteClient(t.Context(), "rp", noon))
		late := func(subject string) {
			must(t, s.Exec(t.Context(), nil, `INSERT INTO consent (subject, client, registration, scopes, created_at, updated_at)
				VALUES ($1, 'rp', 'registration of rp', '', 1, 1)`, subject))
		}
		for _, tt := range []struct {
			after       time.Duration
			left, known int64
		}{{0, 0, 1}, {time.Minute, 0, 1}, {3 * time.Hour, 0, 0}, {4 * time.Hour, 1, 0}} {
			late(fmt.Sprint("u", tt.after))
			purge(t, s, noon.Add(tt.after))
			if left, known := number(t, s, `SELECT count(*) FROM consent`), number(t, s, `SELECT count(*) FROM gone_client`); left != tt.left || known != tt.known {
				t.Errorf("%v later %d consents are left and %d clients are known to be gone, want %d and %d", tt.after, left, known, tt.left, tt.known)
			}
		}
	})
}

// Several processes clean up after a client at once: each row goes once.
func TestPurgeOfAClientAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("gone")))
		fillClient(t, s, "gone")
		must(t, s.DeleteClient(t.Context(), "gone", noon))
		purged := make([]int64, 3)
		race(t, len(purged), nil, func(i int) (err error) {
			purged[i], err = s.Purge(t.Context(), noon)
			return err
		})
		if got, left := purged[0]+purged[1]+purged[2], rowsOf(t, s, "gone"); got != 5*crowd || left != [3]int64{} {
			t.Errorf("%d rows were purged and %v are left, want %d and none", got, left, 5*crowd)
		}
	})
}

// The client that has the id now may have as many rows as the one that was removed: the clean-up passes them by.
func TestPurgeOfAClientPlan(t *testing.T) {
	fill := []string{
		`INSERT INTO code (signature, family, client, registration, offline, subject, session, allowed, created_at, expires_at, used, revoked, keep_until)
			SELECT 'c' || n, 'f' || n, 'shop', 'r' || (n % 100), FALSE, 'u' || n, '', '', 0, n, TRUE, FALSE, n FROM numbers`,
		`INSERT INTO access_token (signature, family, generation, created_at, expires_at, ended, spent)
			SELECT 't' || n, 'f' || n, 0, 0, n, FALSE, '' FROM numbers`,
		`INSERT INTO consent (subject, client, registration, scopes, created_at, updated_at) SELECT 'u' || n, 'shop', 'r' || (n % 100), '', 1, 1 FROM numbers`,
	}
	eachLarge(t, fill, func(t *testing.T, s *storage.Store, plan func(string, ...any) string) {
		for _, query := range s.GoneTexts() {
			got := plan(query, "shop", "r1")
			if strings.Contains(got, "Seq Scan") || strings.Contains(got, "SCAN") {
				t.Errorf("%s\nlooks at more than one batch:\n%s", query, got)
			}
			if index := strings.ReplaceAll(got, "$", "?1"); strings.Contains(query, "client") && !strings.Contains(index, "registration=?") && !strings.Contains(index, "AND (registration = ?") {
				t.Errorf("%s\nlooks at other registrations of the client too:\n%s", query, got)
			}
		}
	})
}
