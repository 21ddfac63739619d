package storage

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"vestibule/provider/audit"
)

// linksRead is how many links are looked at at once.
const linksRead = 20

// links checks what nothing else is computed from, but what tells where an event is: each link names the highest id that it
// has, has a hash for each, and no place of the one before. The first one may have some that were removed.
func (v *verification) links(ctx context.Context) error {
	after, begins := v.report.First.Place, v.report.First.Place > 0
	for {
		links, err := all(ctx, v.store, func(r row) (l namedLink, err error) {
			var ids string
			err = r.Scan(&l.newest, &l.place, &ids, &l.hashes)
			l.ids = strings.Split(ids, " ")
			return l, err
		}, `SELECT newest, place, ids, hashes FROM audit_link WHERE place > $1 AND place <= $2 ORDER BY place LIMIT $3`,
			after, v.report.Last.Place, linksRead)
		if err != nil || len(links) == 0 {
			return err
		}
		for _, l := range links {
			if fault := l.fault(after, begins); fault != "" {
				return &audit.ChainFault{Place: l.place, Text: "the link that ends here was changed or put in: " + fault}
			}
			after, begins = l.place, false
		}
	}
}

// namedLink is a link with the id that it is found by.
type namedLink struct {
	auditLink
	newest string
}

// fault says what is wrong with a link behind the place after; begins: it may have some before that.
func (l namedLink) fault(after int64, begins bool) string {
	switch {
	case l.newest != slices.Max(l.ids):
		return "it is found by an id that is not its highest"
	case len(l.hashes) != len(l.ids)*sha256.Size:
		return "it has not as many hashes as events"
	case l.place-int64(len(l.ids)) < after && !begins:
		return "it has events at places of the one before"
	}
	return ""
}
