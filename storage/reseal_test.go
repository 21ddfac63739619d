package storage_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/provider/pairwise"
	"vestibule/storage"
)

// sealedRows gives the store rows of several keys in each table.
func sealedRows(t *testing.T, s *storage.Store) {
	t.Helper()
	for i, keyID := range []string{"k1", "k2", "k1", "k3", "k1"} {
		subject := fmt.Sprint("u", i)
		must(t, s.Add(t.Context(), 0, mfa.Authenticator{
			ID: fmt.Sprint("a", i), Subject: subject, Name: "Phone", KeyID: keyID, Secret: []byte{byte(i)},
			Kind: "totp", Created: noon,
		}))
		must(t, s.SaveSetup(t.Context(), mfa.Setup{Owner: "tab" + subject, Subject: subject, KeyID: keyID, Sealed: []byte{byte(i)}, Created: noon, Expires: noon}))
	}
	old, live := key("old", "RS256", 1, noon), key("new", "RS256", 2, noon.Add(time.Hour))
	old.KeyID, live.KeyID = "k0", "k1"
	must(t, s.AddSigningKey(t.Context(), old))
	must(t, s.AddSigningKey(t.Context(), live))
	must(t, s.AddPairwiseKey(t.Context(), pairwise.SealedKey{ID: pairwise.KeyID, KeyID: "k1", Sealed: []byte{1}, Created: noon}))
}

func TestKeyIDs(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		if got, err := s.KeyIDs(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("KeyIDs of an empty database = %v, %v", got, err)
		}
		sealedRows(t, s)
		want := map[string][]string{"authenticator": {"k1", "k2", "k3"}, "setup": {"k1", "k2", "k3"}, "signing_key": {"k0", "k1"}, "pairwise_key": {"k1"}}
		if got, err := s.KeyIDs(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("KeyIDs = %v, %v, want %v", got, err, want)
		}
	})
}

func TestSealedWith(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		sealedRows(t, s)
		for _, tt := range []struct {
			table, key, after string
			most              int
			want              string
		}{
			{operator.SealedAuthenticators, "k1", "", 2, "a0/u0/totp a2/u2/totp"},
			{operator.SealedAuthenticators, "k1", "a2", 2, "a4/u4/totp"},
			{operator.SealedAuthenticators, "k4", "", 2, ""},
			{operator.SealedSetups, "k2", "", 5, "tabu1/u1/"},
			{operator.SealedSigningKeys, "k1", "", 5, "new//"},
			{operator.SealedPairwiseKeys, "k1", "", 5, "pairwise//"},
		} {
			rows, err := s.SealedWith(t.Context(), tt.table, tt.key, tt.after, tt.most)
			must(t, err)
			var got []string
			for _, r := range rows {
				got = append(got, r.ID+"/"+r.Subject+"/"+r.Kind)
				if r.KeyID != tt.key || len(r.Sealed) == 0 {
					t.Errorf("row %+v, want key %s", r, tt.key)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("SealedWith(%s, %s, %q) = %q, want %q", tt.table, tt.key, tt.after, got, tt.want)
			}
		}
		if _, err := s.SealedWith(t.Context(), "account", "k1", "", 1); err == nil {
			t.Error("accounts were taken for sealed")
		}
	})
}

// What was changed since it was read stays as it is.
func TestReseal(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		sealedRows(t, s)
		for _, table := range []string{operator.SealedAuthenticators, operator.SealedSetups, operator.SealedSigningKeys, operator.SealedPairwiseKeys} {
			rows, err := s.SealedWith(t.Context(), table, "k1", "", 1)
			must(t, err)
			fresh := rows[0]
			fresh.KeyID, fresh.Sealed = "k9", []byte("fresh")
			must(t, s.Reseal(t.Context(), table, rows[0], fresh))
			late := fresh
			late.Sealed = []byte("late")
			must(t, s.Reseal(t.Context(), table, rows[0], late))
			got, err := s.SealedWith(t.Context(), table, "k9", "", 5)
			must(t, err)
			if len(got) != 1 || got[0].ID != rows[0].ID || !bytes.Equal(got[0].Sealed, fresh.Sealed) {
				t.Errorf("%s: after Reseal and a late one: %+v, want fresh alone", table, got)
			}
		}
	})
}
