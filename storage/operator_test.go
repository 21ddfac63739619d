package storage_test

import (
	"testing"

	"vestibule/provider/operator"
	"vestibule/provider/operator/operatortest"
	"vestibule/storage"
)

var _ operator.Store = (*storage.Store)(nil)

func TestOperatorContract(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		tables, err := s.Content(t.Context())
		must(t, err)
		w := observe(s)
		operatortest.Test(t, func(t *testing.T) operatortest.Place {
			for table := range tables {
				if table != "goose_db_version" {
					emptied(t, s, table)
				}
			}
			return operatortest.Place{
				Store:   s,
				Commits: func() int { return w.counts()[2] },
				Content: func(t *testing.T) map[string][]string {
					t.Helper()
					content, err := s.Content(t.Context())
					must(t, err)
					return content
				},
			}
		})
	})
}
