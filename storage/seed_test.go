package storage_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/operator"
	"vestibule/storage"
)

// staysOfAccount is what is left of an account that was removed, and why.
var staysOfAccount = map[string]string{
	"account_elsewhere": "an account that is kept here has none",
	"audit":             "what happened stays",
	"code":              "it says that its family was revoked, until Purge takes it",
	"logout_notice":     "a client is still to hear of the end of the session",
}

// Every table that names a user is asked, also one that is added tomorrow: what is in it goes with the account, or the table
// stands above.
func TestNothingIsLeftOfAnAccount(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		tables, err := s.Columns(t.Context())
		must(t, err)
		gone, stays := operator.SeedPrefix+"one", operator.SeedPrefix+"two"
		whose := whoseColumns(tables)
		if len(whose) < 15 {
			t.Fatalf("%d tables name a user: %v", len(whose), whose)
		}
		for _, subject := range []string{gone, stays} {
			insertOne(t, s, "account", tables["account"], subject) // first: its names refer to it
			for table := range whose {
				if table != "account" {
					insertOne(t, s, table, tables[table], subject)
				}
			}
		}
		must(t, s.DeleteAccounts(t.Context(), []string{gone}))
		for table, column := range whose {
			rows := func(subject string) int64 {
				return number(t, s, `SELECT count(*) FROM `+table+` WHERE `+column+` = $1`, subject)
			}
			if left := rows(gone); (left > 0) != (staysOfAccount[table] != "") {
				t.Errorf("%s has %d rows of an account that was removed", table, left)
			}
			if rows(stays) == 0 {
				t.Errorf("%s has lost the row of another account", table)
			}
		}
		for table := range staysOfAccount {
			if whose[table] == "" {
				t.Errorf("%s names no user", table)
			}
		}
	})
}

// whoseColumns is the column of each table that says whose a row is, of tables that have one.
func whoseColumns(tables map[string]map[string]string) map[string]string {
	whose := map[string]string{"guess": "owner"}
	for table, columns := range tables {
		if columns["subject"] != "" {
			whose[table] = "subject"
		}
	}
	return whose
}

// insertOne inserts a row of the user, of which nothing else is like another's.
func insertOne(t *testing.T, s *storage.Store, table string, columns map[string]string, subject string) {
	t.Helper()
	names := slices.Sorted(maps.Keys(columns))
	var values []any
	for _, name := range names {
		switch kind := columns[name]; {
		case kind == "bigint":
			values = append(values, 1)
		case kind == "boolean":
			values = append(values, false)
		case kind == "bytea" || kind == "blob":
			values = append(values, []byte(subject+name))
		case name == "subject" || table == "guess" && name == "owner":
			values = append(values, subject)
		default:
			values = append(values, subject+name)
		}
	}
	must(t, s.Insert(t.Context(), "INSERT INTO "+table+" ("+strings.Join(names, ", ")+")", values...))
}
