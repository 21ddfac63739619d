package database

import (
	"slices"
	"strconv"
	"strings"
)

// insertRows is how many rows one statement inserts at most: both databases have an end to the arguments of a statement.
const insertRows = 64

// rows are those that are inserted by the same text, and where their statement goes.
type rows struct {
	write
	at  int
	ids []any // the first argument of each
}

// gather makes one statement of rows that are inserted by the same text, in the place of the first of them.
func gather(writes []write) []write {
	if !slices.ContainsFunc(writes, func(w write) bool { return w.row }) {
		return writes
	}
	var all []*rows
	var made []write
	last := map[string]*rows{} // that may take more, by their text
	for _, w := range writes {
		if !w.row {
			made = append(made, w)
			continue
		}
		to := last[w.query]
		if to == nil || len(to.ids) == insertRows {
			to = &rows{write: write{query: w.query, list: w.list}, at: len(made)}
			all, last[w.query] = append(all, to), to
		}
		to.args, to.ids = append(to.args, w.args...), append(to.ids, w.args[0])
	}
	for _, r := range slices.Backward(all) { // so that the places of those before stay
		made = slices.Insert(made, r.at, r.insertion()...)
	}
	return made
}

// insertion is what inserts the rows. Nothing that they rest on can change: they stand apart.
func (r *rows) insertion() []write {
	inserted := []write{insert(r.query, r.args, len(r.ids))}
	if r.list != "" {
		inserted = append(inserted, insert("INSERT INTO "+r.list+" (id)", r.ids, len(r.ids)))
	}
	return inserted
}

func insert(into string, args []any, rows int) write {
	return write{query: into + " VALUES " + Places(0, rows, len(args)/rows), args: args, row: true, apart: true}
}

// Places are the arguments of so many rows, which follow the given number of others: ($5, $6), ($7, $8).
func Places(others, rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(others+i+1))
	}
	return b.String() + ")"
}
