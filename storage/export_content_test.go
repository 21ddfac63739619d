package storage

import (
	"context"
	"strings"
)

// Content returns all rows by table, each as one line of text, in the order of these.
func (s *Store) Content(ctx context.Context) (map[string][]string, error) {
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	content := map[string][]string{}
	for _, table := range tables {
		text := `t::text`
		if s.IsSQLite() {
			columns, err := all(ctx, s, scanLine, `SELECT 'quote("' || name || '")' FROM pragma_table_info('`+table+`')`)
			if err != nil {
				return nil, err
			}
			text = strings.Join(columns, ` || '|' || `)
		}
		if content[table], err = all(ctx, s, scanLine, `SELECT `+text+` FROM `+table+` t ORDER BY 1`); err != nil {
			return nil, err
		}
	}
	return content, nil
}

func scanLine(r row) (text string, err error) {
	err = r.Scan(&text)
	return text, err
}

func (s *Store) tables(ctx context.Context) ([]string, error) {
	query := `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	if s.IsSQLite() {
		query = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`
	}
	return all(ctx, s, scanLine, query)
}

// Columns returns the columns of each table, each with its type in lower case.
func (s *Store) Columns(ctx context.Context) (map[string]map[string]string, error) {
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	query := `SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1`
	if s.IsSQLite() {
		query = `SELECT name || ' ' || lower(type) FROM pragma_table_info($1)`
	}
	columns := map[string]map[string]string{}
	for _, table := range tables {
		found, err := all(ctx, s, scanLine, query, table)
		if err != nil {
			return nil, err
		}
		columns[table] = map[string]string{}
		for _, c := range found {
			name, kind, _ := strings.Cut(c, " ")
			columns[table][name] = kind
		}
	}
	return columns, nil
}
