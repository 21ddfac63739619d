package database

import "testing"

// TestKey has a commit share a transaction only if it locks one row, by a key.
func TestKey(t *testing.T) {
	t.Parallel()
	one := write{query: `UPDATE code SET used = TRUE WHERE signature = $1`, one: "s"}
	row := write{query: `INSERT INTO access_token (signature) VALUES ($1)`, row: true, apart: true}
	other := write{query: `UPDATE session SET seen_at = $1 WHERE id = $2`, apart: true}
	var j joiner
	for name, tt := range map[string]struct {
		writes []write
		want   string
	}{
		"one row":                       {[]write{one}, "s"},
		"one row and one that is made":  {[]write{one, row}, "s"},
		"any rows":                      {[]write{other}, ""},
		"one row and any rows":          {[]write{one, row, other}, ""},
		"a row that is made":            {[]write{row}, ""},
		"a row that is made and others": {[]write{row, other}, ""},
	} {
		made := j.join(tt.writes)
		if len(made) != 1 || made[0].key() != tt.want {
			t.Errorf("%s: %d statements, key %q, want one and %q", name, len(made), made[0].key(), tt.want)
		}
	}
}
