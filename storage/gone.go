package storage

import "context"

// goneClient is a registration of a client that was removed. What was written for it nobody can use any more.
type goneClient struct{ id, registration string }

// purgeGone deletes the rows that were written for clients which were removed.
func (s *Store) purgeGone(ctx context.Context) (total int64, err error) {
	scan := func(r row) (g goneClient, err error) {
		err = r.Scan(&g.id, &g.registration)
		return g, err
	}
	gone, err := all(ctx, s, scan, `SELECT client, registration FROM gone_client ORDER BY gone_at`)
	if err != nil {
		return 0, err
	}
	for _, g := range gone {
		n, err := s.purgeFamilies(ctx, g)
		total += n
		if err != nil {
			return total, err
		}
		n, err = s.purge(ctx, s.goneConsents(), g.id, g.registration)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// purgeFamilies deletes the codes of the client with their tokens, which go first: each may have many.
func (s *Store) purgeFamilies(ctx context.Context, g goneClient) (total int64, err error) {
	scan := func(r row) (family string, err error) {
		err = r.Scan(&family)
		return family, err
	}
	for {
		families, err := all(ctx, s, scan, goneFamilies, g.id, g.registration)
		if err != nil || len(families) == 0 {
			return total, err
		}
		for _, table := range []string{"token", "code"} {
			n, err := s.purge(ctx, s.ofFamilies(table, len(families)), anys(families)...)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
}

const goneFamilies = `SELECT family FROM code WHERE client = $1 AND registration = $2 LIMIT 500`

// ofFamilies is the statement for one batch of the rows of so many families.
func (s *Store) ofFamilies(table string, families int) string {
	return s.purgeText(purgeRule{0, "DELETE FROM " + table, table, "family IN " + places(0, families), ""})
}

// goneConsents is the statement for one batch.
func (s *Store) goneConsents() string {
	return s.purgeText(purgeRule{0, "DELETE FROM consent", "consent", "client = $1 AND registration = $2", ""})
}

func anys[T any](list []T) []any {
	var all []any
	for _, one := range list {
		all = append(all, one)
	}
	return all
}
