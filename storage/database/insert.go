package database

import (
	"strconv"
	"strings"
)

// insertRows is how many rows one statement inserts at most: both databases have an end to the arguments of a statement.
const insertRows = 64

// rows are those that are inserted by the same text.
type rows struct {
	write
	ids []any // the first argument of each
}

// gather makes one statement of rows that are inserted by the same text.
func (d *DB) gather(writes []write) []write {
	var all []*rows
	last := map[string]*rows{} // where the rows of a text go
	for _, w := range writes {
		to := last[w.query]
		if !w.row || to == nil || len(to.ids) == insertRows {
			to = &rows{write: w}
			to.args = nil
			all = append(all, to)
		}
		to.args = append(to.args, w.args...)
		if w.row {
			to.ids = append(to.ids, w.args[0])
			last[w.query] = to
		}
	}
	var made []write
	for _, r := range all {
		made = append(made, d.made(r)...)
	}
	return made
}

// made is what runs in the place of the rows, or of a write that is not of rows.
func (d *DB) made(r *rows) []write {
	if !r.row {
		return []write{r.write}
	}
	w := write{query: r.query + " VALUES " + places(len(r.ids), len(r.args)/len(r.ids)), args: r.args}
	if r.list == "" {
		return []write{w}
	}
	return d.conn.listed(r.list, w, r.ids)
}

// places are the arguments of so many rows, from $1 on: ($1, $2), ($3, $4).
func places(rows, columns int) string {
	var b strings.Builder
	for i := range rows {
		for j := range columns {
			switch {
			case j > 0:
				b.WriteString(", ")
			case i > 0:
				b.WriteString("), (")
			default:
				b.WriteString("(")
			}
			b.WriteString("$" + strconv.Itoa(i*columns+j+1))
		}
	}
	return b.String() + ")"
}
