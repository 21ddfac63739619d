package storage

import (
	"context"
	"strings"
)

// Content returns all rows by table, each as one line of text, in the order of these.
func (s *Store) Content(ctx context.Context) (map[string][]string, error) {
	line := func(r row) (text string, err error) {
		err = r.Scan(&text)
		return text, err
	}
	query := `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	if s.IsSQLite() {
		query = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	}
	tables, err := all(ctx, s, line, query)
	if err != nil {
		return nil, err
	}
	content := map[string][]string{}
	for _, table := range tables {
		text := `t::text`
		if s.IsSQLite() {
			columns, err := all(ctx, s, line, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`)
			if err != nil {
				return nil, err
			}
			text = strings.Join(columns, ` || '|' || `)
		}
		if content[table], err = all(ctx, s, line, `SELECT `+text+` FROM `+table+` t ORDER BY 1`); err != nil {
			return nil, err
		}
	}
	return content, nil
}
