package storage_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
	"vestibule/storage"
)

// family makes a code and its tokens, with signatures that name it.
type family struct {
	id, client, subject string
	session             string // empty: "sid"
}

func (f family) code(signature string) tokens.Code {
	return tokens.Code{
		Signature: signature, Family: "family-" + signature, Client: f.client, Subject: f.subject, Session: cmp.Or(f.session, "sid"),
		Data: []byte(`{"a":1}`), Created: noon, Expires: noon.Add(time.Minute),
	}
}

// save stores the code, for a client that is there.
func save(t *testing.T, s *storage.Store, code tokens.Code) {
	t.Helper()
	if err := s.CreateClient(t.Context(), newClient(code.Client)); err != nil && !errors.Is(err, store.ErrConflict) {
		t.Fatal(err)
	}
	must(t, saveAgain(t, s, code))
}

// saveAgain stores the code for the client as it is registered.
func saveAgain(t *testing.T, s *storage.Store, code tokens.Code) error {
	t.Helper()
	of, err := s.Client(t.Context(), code.Client)
	must(t, err)
	return s.SaveCode(t.Context(), code, of)
}

// pair is the n-th access and refresh token of the family.
func (f family) pair(n int) []tokens.Token {
	t := tokens.Token{
		Kind: tokens.AccessToken, Signature: fmt.Sprintf("%s-access-%d", f.id, n), Family: "family-" + f.id,
		Client: f.client, Subject: f.subject, Session: cmp.Or(f.session, "sid"), Data: []byte{0, 1, 0xff}, Created: noon, Expires: noon.Add(10 * time.Minute),
	}
	r := t
	r.Kind, r.Signature, r.Expires, r.Generation = tokens.RefreshToken, fmt.Sprintf("%s-refresh-%d", f.id, n), noon.Add(14*24*time.Hour), int64(n)
	t.Created = noon.Add(time.Duration(n) * time.Hour) // when it is rotated
	t.Expires = t.Created.Add(10 * time.Minute)
	return []tokens.Token{t, r}
}

// begin makes the code and exchanges it for the first pair.
func (f family) begin(t *testing.T, s *storage.Store) {
	t.Helper()
	save(t, s, f.code(f.id))
	must(t, s.Exchange(t.Context(), f.id, f.pair(0)))
}

// rotate spends the n-th refresh token for the pair after it.
func (f family) rotate(ctx context.Context, s *storage.Store, n int) error {
	return s.Rotate(ctx, f.pair(n)[1].Key(), []byte("replay"), f.pair(n+1))
}

// renew has the n-th refresh token live on, with the access token of the pair.
func (f family) renew(ctx context.Context, s *storage.Store, n, pair int) error {
	return s.Renew(ctx, f.pair(n)[1].Key(), noon.Add(time.Hour), f.pair(pair)[:1])
}

func (f family) alive(t *testing.T, s *storage.Store) bool {
	t.Helper()
	_, err := s.Token(t.Context(), f.pair(0)[1].Key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

var rp = family{id: "one", client: "rp", subject: "alice"}

func has(t *testing.T, s *storage.Store, token tokens.Token) bool {
	t.Helper()
	_, err := s.Token(t.Context(), token.Key())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestCodesAndTokensComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		code := rp.code("one")
		save(t, s, code)
		if err := saveAgain(t, s, code); !errors.Is(err, store.ErrConflict) {
			t.Errorf("SaveCode again: %v, want %v", err, store.ErrConflict)
		}
		code.Changed = noon
		if got, err := s.Code(t.Context(), "one"); err != nil || !reflect.DeepEqual(got, code) {
			t.Errorf("Code = %+v, %v, want %+v", got, err, code)
		}
		must(t, s.Exchange(t.Context(), "one", rp.pair(0)))
		code.Used = true
		if got, err := s.Code(t.Context(), "one"); err != nil || !reflect.DeepEqual(got, code) {
			t.Errorf("Code after its use = %+v, %v, want %+v", got, err, code)
		}
		for _, want := range rp.pair(0) {
			want.Changed = noon
			if got, err := s.Token(t.Context(), want.Key()); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Token = %+v, %v, want %+v", got, err, want)
			}
		}
		other := rp.pair(0)[0]
		other.Kind = tokens.RefreshToken
		if has(t, s, other) {
			t.Error("an access token is found as a refresh token")
		}
	})
}

func TestRotate(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0))
		used, err := s.Token(t.Context(), rp.pair(0)[1].Key())
		if err != nil || !used.Used || !used.UsedAt.Equal(noon.Add(time.Hour)) || !bytes.Equal(used.Replay, []byte("replay")) {
			t.Errorf("used refresh token = %+v, %v", used, err)
		}
		for _, tt := range []struct {
			token tokens.Token
			want  bool
		}{{rp.pair(0)[0], false}, {rp.pair(1)[0], true}, {rp.pair(1)[1], true}} {
			if got := has(t, s, tt.token); got != tt.want {
				t.Errorf("there is %s: %v, want %v", tt.token.Signature, got, tt.want)
			}
		}
		if err := rp.rotate(t.Context(), s, 0); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Rotate again: %v, want %v", err, store.ErrConflict)
		}
		if err := rp.rotate(t.Context(), s, 7); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Rotate of an unknown token: %v, want %v", err, store.ErrConflict)
		}
	})
}

// A conflict must leave nothing of the loser.
func TestExchangeAndRotateAreAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		loser := family{id: "loser", client: "rp", subject: "alice"}
		for name, err := range map[string]error{
			"Exchange of a used code":   s.Exchange(t.Context(), "one", loser.pair(0)),
			"Exchange of no code":       s.Exchange(t.Context(), "none", loser.pair(0)),
			"Rotate of no token":        s.Rotate(t.Context(), loser.pair(0)[1].Key(), nil, loser.pair(0)),
			"Rotate of an access token": s.Rotate(t.Context(), rp.pair(0)[0].Key(), nil, loser.pair(0)),
			"Rotate to existing tokens": s.Rotate(t.Context(), rp.pair(0)[1].Key(), nil, rp.pair(0)),
		} {
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v, want %v", name, err, store.ErrConflict)
			}
		}
		if has(t, s, loser.pair(0)[0]) || has(t, s, loser.pair(0)[1]) {
			t.Error("a conflict left tokens behind")
		}
		if !has(t, s, rp.pair(0)[0]) {
			t.Error("a conflict removed an access token")
		}
		must(t, rp.rotate(t.Context(), s, 0))
	})
}

// What was made for a client is worth nothing to the next one that takes its id, not even what was written after the
// client had gone.
func TestClientMadeAnew(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		late := family{id: "late", client: "rp", subject: "alice"}
		rp.begin(t, s)
		was, err := s.Client(t.Context(), "rp")
		must(t, err)
		save(t, s, late.code("late"))
		must(t, s.Exec(t.Context(), store.ErrNotFound, `DELETE FROM client WHERE id = 'rp'`)) // and all else is left behind
		for _, name := range []string{"gone", "made anew"} {
			if name == "made anew" {
				anew := newClient("rp")
				anew.Registration = ""
				must(t, s.CreateClient(t.Context(), anew))
			}
			if rp.alive(t, s) || has(t, s, rp.pair(0)[0]) {
				t.Errorf("%s: tokens are alive", name)
			}
			if _, err := s.Code(t.Context(), "late"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: Code: %v, want %v", name, err, store.ErrNotFound)
			}
			if err := s.Exchange(t.Context(), "late", late.pair(0)); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: Exchange: %v, want %v", name, err, store.ErrConflict)
			}
			if err := rp.rotate(t.Context(), s, 0); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: Rotate: %v, want %v", name, err, store.ErrConflict)
			}
			if err := s.SaveCode(t.Context(), rp.code("other"), was); !errors.Is(err, client.ErrChanged) {
				t.Errorf("%s: SaveCode: %v, want %v", name, err, client.ErrChanged)
			}
		}
	})
}

func TestOneExchangeWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		save(t, s, rp.code("one"))
		won := race(t, 50, store.ErrConflict, func(i int) error {
			return s.Exchange(t.Context(), "one", rp.pair(i))
		})
		if n := number(t, s, `SELECT count(*) FROM access_token`); won != 1 || n != 1 {
			t.Errorf("%d won and made %d access tokens, want 1 and 1", won, n)
		}
	})
}

func TestOneRotateWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		won := race(t, 50, store.ErrConflict, func(i int) error {
			return s.Rotate(t.Context(), rp.pair(0)[1].Key(), nil, rp.pair(i+1))
		})
		if n := number(t, s, `SELECT count(*) FROM access_token`); won != 1 || n != 2 {
			t.Errorf("%d won and there are %d access tokens, want 1 and 2", won, n)
		}
	})
}

func TestRevokeFamily(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		other := family{id: "other", client: "rp", subject: "alice"}
		other.begin(t, s)
		rp.begin(t, s)
		must(t, rp.rotate(t.Context(), s, 0))
		for range 2 {
			must(t, s.RevokeFamily(t.Context(), "family-one"))
		}
		if n := number(t, s, `SELECT count(*) FROM access_token WHERE family = 'family-one'`); n != 0 {
			t.Errorf("%d tokens of a revoked family", n)
		}
		kept := number(t, s, `SELECT count(*) FROM code WHERE refresh_data IS NOT NULL`)
		if kept != 1 || number(t, s, `SELECT count(*) FROM code WHERE refresh_data IS NOT NULL AND family = 'family-other'`) != 1 {
			t.Errorf("%d families keep what their refresh token stands for, want the other one alone", kept)
		}
		if err := rp.rotate(t.Context(), s, 1); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Rotate in a revoked family: %v, want %v", err, store.ErrConflict)
		}
		if code, err := s.Code(t.Context(), "one"); err != nil || !code.Revoked {
			t.Errorf("the code of a revoked family = %+v, %v, want a revoked one", code, err)
		}
		if !other.alive(t, s) {
			t.Error("another family is gone")
		}
		must(t, s.RevokeFamily(t.Context(), "none"))
	})
}

// The second redemption of a code was seen before the first, slow one is done: that one must fail.
func TestRevokeFamilyBeforeExchange(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		save(t, s, rp.code("one"))
		must(t, s.RevokeFamily(t.Context(), "family-one"))
		if err := s.Exchange(t.Context(), "one", rp.pair(0)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Exchange in a revoked family: %v, want %v", err, store.ErrConflict)
		}
	})
}

// However they meet, after RevokeFamily no token of the family is ever seen again.
func TestRevokeFamilyAgainstWhatGivesTokens(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for round := range 20 {
			f := family{id: fmt.Sprintf("f%d", round), client: "rp", subject: "alice"}
			save(t, s, f.code(f.id))
			if round%2 == 0 {
				must(t, s.Exchange(t.Context(), f.id, f.pair(0)))
			}
			race(t, 3, store.ErrConflict, func(i int) error {
				switch {
				case i == 0:
					return s.RevokeFamily(t.Context(), "family-"+f.id)
				case round%2 == 0 && i == 1:
					return f.renew(t.Context(), s, 0, 2)
				case round%2 == 0:
					return f.rotate(t.Context(), s, 0)
				default:
					return s.Exchange(t.Context(), f.id, f.pair(0))
				}
			})
			for n := range 3 {
				for _, token := range f.pair(n) {
					if has(t, s, token) {
						t.Errorf("round %d: %s is alive", round, token.Signature)
					}
				}
			}
			if err := f.rotate(t.Context(), s, 1); !errors.Is(err, store.ErrConflict) {
				t.Errorf("round %d: Rotate: %v, want %v", round, err, store.ErrConflict)
			}
		}
	})
}

// The row of the family says whether its tokens are alive, whatever rows they have.
func TestTokenOfRevokedFamilyIsDead(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		rp.begin(t, s)
		must(t, s.Exec(t.Context(), store.ErrConflict, `UPDATE code SET revoked = TRUE WHERE family = $1`, "family-one"))
		if has(t, s, rp.pair(0)[0]) || has(t, s, rp.pair(0)[1]) {
			t.Error("tokens of a revoked family are alive")
		}
		if err := rp.rotate(t.Context(), s, 0); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Rotate: %v, want %v", err, store.ErrConflict)
		}
		if err := rp.renew(t.Context(), s, 0, 1); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Renew: %v, want %v", err, store.ErrConflict)
		}
	})
}

// The budgets of an exchange and a refresh: what each costs here is its only write.
func TestTripsOfTokens(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		save(t, s, rp.code("one"))
		w := observe(s)
		must(t, s.Exchange(t.Context(), "one", rp.pair(0)))
		if got, want := w.counts(), [3]int{1, joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits of Exchange = %v, want %v", got, want)
		}
		w = observe(s)
		must(t, rp.renew(t.Context(), s, 0, 2))
		if got, want := w.counts(), [3]int{1, joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits of Renew = %v, want %v", got, want)
		}
		w = observe(s)
		must(t, rp.rotate(t.Context(), s, 0))
		if got, want := w.counts(), [3]int{1, joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits of Rotate = %v, want %v", got, want)
		}
	})
}
